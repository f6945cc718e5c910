// What measurements of Operations on sites have in common: a whole Aegir with a web and a database host that it has prepared, and
// commands that are timed where they run.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationView, TaskView } from '../api/contract.ts';
import { startGitServer } from '../test/git-server.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from '../test/test-host.ts';
import { type BenchAegir, startBenchAegir } from './start-aegir.ts';

export interface HostingFarm {
  aegir: BenchAegir;
  web: TestHost;
  /** The Server `second`, also for the web, where it is asked for. */
  second?: TestHost;
  database: TestHost;
  /** Git repositories in it are served below `gitUrl`. */
  repositories: string;
  gitUrl: string;
  make(plural: string, values: Record<string, unknown>): Promise<unknown>;
  /** Until it has succeeded. */
  run(plural: string, id: string, type: string, input?: Record<string, unknown>): Promise<OperationView>;
  stop(): Promise<void>;
}

export async function startHostingFarm(hasSecond = false): Promise<HostingFarm> {
  const reason = canRunHosts();
  if (reason) throw new Error(reason);
  const types = makeTypeFolder();
  const folder = await mkdtemp(join(tmpdir(), 'aegir-farm-'));
  const repositories = join(folder, 'git');
  await mkdir(repositories);
  const names = ['benchw', 'benchd', ...(hasSecond ? ['bench2'] : [])];
  const [web, database, second] = (await Promise.all(names.map(name => startTestHost(name)))) as [
    TestHost,
    TestHost,
    TestHost?,
  ];
  const git = await startGitServer(repositories, web.gateway);
  const aegir = await startBenchAegir(types.path);
  const make = (plural: string, values: Record<string, unknown>) => aegir.call('POST', `/api/${plural}`, { values });
  const farm: HostingFarm = {
    ...{ aegir, web, database, ...(second ? { second } : {}), repositories, gitUrl: git.url, make },
    run: (plural, id, type, input = {}) => run(aegir, `/api/${plural}/${id}`, type, input),
    async stop() {
      await aegir.stop();
      await git.stop();
      await Promise.all([web, database, second].map(host => host?.stop()));
      await rm(folder, { recursive: true, force: true });
      types.remove();
    },
  };
  try {
    await prepare(farm, folder);
  } catch (error) {
    await farm.stop();
    throw error;
  }
  return farm;
}

async function prepare({ make, run, web, second, database }: HostingFarm, folder: string): Promise<void> {
  const at = ({ address, privateKey }: TestHost) => ({ cluster: 'bench', address, ssh_key: privateKey });
  await make('backup_stores', { name: 'bench', type: 'directory', folder: join(folder, 'store') });
  await make('clusters', { name: 'bench', kind: 'servers', backup_store: 'bench' });
  await make('servers', { name: 'web', ...at(web), php_versions: ['8.2'] });
  await make('servers', { name: 'database', ...at(database), web: false, database: true });
  if (second) await make('servers', { name: 'second', ...at(second), php_versions: ['8.2'] });
  for (const name of ['web', 'database', ...(second ? ['second'] : [])]) await run('servers', name, 'prepare_server');
}

async function run(
  aegir: BenchAegir,
  path: string,
  type: string,
  input: Record<string, unknown>,
): Promise<OperationView> {
  const { id } = await aegir.call<OperationView>('POST', `${path}/operations`, { type, input });
  // The stream ends by itself after the end of the Operation.
  for await (const _ of await aegir.events(id));
  const ended = await aegir.call<OperationView>('GET', `/api/operations/${id}`);
  if (ended.state !== 'succeeded') throw new Error(`${type} on ${path}: ${ended.message}`);
  return ended;
}

/** Seconds by the clock of the host; the connection is not counted. */
export async function timeOn(host: TestHost, title: string, command: string): Promise<number> {
  const { code, stdout, stderr } = await host.exec(`start=$(date +%s%N)
{ set -e
${command}
} >/tmp/bare.log 2>&1 || { cat /tmp/bare.log >&2; exit 1; }
echo $(( ($(date +%s%N) - start) / 1000000 ))`);
  if (code !== 0) throw new Error(`${title}: ${stderr}`);
  return Number(stdout) / 1000;
}

/** Of an Operation or a Task that has ended; null = it has not run. */
export function secondsOf(part: Pick<TaskView | OperationView, 'startedAt' | 'endedAt'> | undefined): number | null {
  return part?.startedAt && part.endedAt ? (Date.parse(part.endedAt) - Date.parse(part.startedAt)) / 1000 : null;
}
