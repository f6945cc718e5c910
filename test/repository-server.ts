// A REST server for repositories of backups, as Aegir's own relay answers for it, for roles that are played alone.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { answerRepository, type Repository } from '../activities/backends/repository.ts';

export interface RepositoryServer {
  url: string;
  stop(): Promise<void>;
}

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
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}
