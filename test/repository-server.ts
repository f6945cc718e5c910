// A REST server for repositories of backups, as Aegir's own relay answers for it, for roles that are played alone.

import { createServer } from 'node:http';
import { join } from 'node:path';
import { answerRepository, type Repository } from '../repository/answer.ts';
import { type Listening, listen } from './listen.ts';

export type RepositoryServer = Listening;

/** Serves `<folder>/<name>` as `<url>/<name>/`. */
export async function startRepositoryServer(
  folder: string,
  host: string,
  access: Repository['access'] = 'add',
): Promise<RepositoryServer> {
  const server = createServer((request, response) => {
    const [, name = '', ...rest] = (request.url ?? '').split('/');
    void answerRepository({ folder: join(folder, name), access }, rest.join('/'), request, response);
  });
  return listen(server, host);
}
