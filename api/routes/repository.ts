// The repository of backups that a run may reach, for one that knows no other way than the API: a Job in a cluster. On Servers
// it is the relay of the run that answers. Bodies go from the connection to the disk and back.

import { stat } from 'node:fs/promises';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { readTaskTypeVersion } from '../../catalogue/versions.ts';
import { AppError } from '../../model/errors.ts';
import { openedArguments } from '../../model/store/opened-arguments.ts';
import { answerRepository } from '../../repository/answer.ts';
import { type ServedRepository, servedRepository } from '../../repository/served.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { identify, stepOf } from './feedback.ts';

const root = '/api/feedback/{task}/repository/';

/** As restic asks (restic.readthedocs.io, “REST Backend”). */
const routes = [
  ['post', root, 'Makes the repository of backups of a run, in its Backup store'],
  ['get', `${root}config`, 'Its configuration'],
  ['post', `${root}config`, 'Writes its configuration'],
  ['get', `${root}{kind}/`, 'Names and sizes of its data, keys, locks, snapshots or index'],
  ['get', `${root}{kind}/{name}`, 'One of them, or a range of it'],
  ['post', `${root}{kind}/{name}`, 'Adds one; nothing is written over'],
  ['delete', `${root}{kind}/{name}`, 'Removes one that is a lock'],
] as const;

/** Whether the body of a request is a part of a repository: it goes to the disk while it comes. */
export const isRepositoryBody = (method: string, path: string): boolean =>
  method === 'POST' && /^\/api\/feedback\/[^/]+\/repository\//.test(path);

export function addRepositoryRoutes(app: App, deps: ApiDependencies): void {
  for (const [method, path, summary] of routes)
    defineRoute(app, deps, { method, path, summary, access: 'run token' }, async ({ params, c }) => {
      const repository = await admit(deps, c, params.task);
      const { incoming, outgoing } = c.env as HttpBindings;
      const [, below = ''] = (incoming.url ?? '').split(/\/repository\/(.*)/s);
      if (await isFolder(repository.store)) await answerRepository(repository, below, incoming, outgoing);
      else outgoing.writeHead(noFolder).end();
      return new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
    });
}

/** Failed Dependency: restic gives no words but the number, of which module_utils/aegir_restic.py makes a sentence. */
const noFolder = 424;

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  );

async function admit(deps: ApiDependencies, c: Context, task: string | undefined): Promise<ServedRepository> {
  const { inputs, version } = stepOf(await identify(deps, c, task));
  const { name, serves, arguments: specs } = await readTaskTypeVersion(deps.db, version);
  if (!serves) throw new AppError('forbidden', `The Task type ${name} does not say “serves:” in meta/aegir.yml.`);
  const plain = Object.entries(inputs).map(([key, input]) => [key, input.from === 'value' ? input.value : undefined]);
  const opened = await openedArguments(deps.db, specs, inputs);
  const repository = servedRepository(serves, { ...Object.fromEntries(plain), ...opened });
  if (!repository) throw new AppError('forbidden', 'The Backup store of this Task is no folder of the control plane.');
  return repository;
}
