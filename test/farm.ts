// A Cluster of two real hosts, one for the web and one for databases, entered through the API and prepared by Operations
// from nothing; and repositories that they can fetch.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, type AegirOptions, startAegir } from './harness.ts';
import { askPage } from './site-host.ts';
import { startTestHost, type TestHost } from './test-host.ts';

type Values = Record<string, unknown>;

export interface Farm {
  aegir: Aegir;
  web: TestHost;
  database: TestHost;
  /** A second web host, where it was asked for. */
  second: TestHost | undefined;
  git: GitServer;
  /** `commitFiles(join(repositories, 'site'), …)` is served as `${git.url}/site`. */
  repositories: string;
  make: Aegir['add'];
  /** Project and Release of a repository, by its name; the Release is `${name}/v1`. */
  addRelease(name: string, application: string): Promise<void>;
  run: Aegir['succeed'];
  /** Status and text of a page, asked by name at the web host. */
  ask(name: string, path?: string): Promise<string>;
  stop(): Promise<void>;
}

export interface FarmOptions extends AegirOptions {
  /** Further values of the web Server. */
  web?: Values;
  /** A further web host, the Server `second`. */
  hasSecond?: boolean;
  /** Their packages are not there before "Prepare". */
  areBare?: boolean;
}

export async function startFarm(prefix: string, options: FarmOptions = {}): Promise<Farm> {
  const { web: webValues, areBare = false, hasSecond = false, ...aegirOptions } = options;
  const repositories = await mkdtemp(join(tmpdir(), 'aegir-repositories-'));
  const [web, database, second] = await Promise.all([
    startTestHost(`${prefix}w`, areBare ? undefined : 'web'),
    startTestHost(`${prefix}d`, areBare ? undefined : 'database'),
    hasSecond ? startTestHost(`${prefix}s`, areBare ? undefined : 'web') : undefined,
  ]);
  const git = await startGitServer(repositories, web.gateway);
  const aegir = await startAegir(aegirOptions);
  const farm = { aegir, web, database, second, git, repositories, ...actions(aegir, git, web) };
  const stop = async () => {
    await aegir.stop();
    await git.stop();
    await Promise.all([web.stop(), database.stop(), second?.stop()]);
    await rm(repositories, { recursive: true, force: true });
  };
  try {
    await farm.make('clusters', { name: 'farm', kind: 'servers' });
    const at = ({ address, privateKey }: TestHost) => ({ cluster: 'farm', address, ssh_key: privateKey });
    // Both first: the database Server lets the web Servers in that there are when it is prepared.
    await farm.make('servers', { name: 'web', ...at(web), ...webValues });
    if (second) await farm.make('servers', { name: 'second', ...at(second), ...webValues });
    await farm.make('servers', { name: 'database', ...at(database), web: false, database: true });
    const names = ['web', 'database', ...(second ? ['second'] : [])];
    await Promise.all(names.map(name => farm.run('servers', name, 'prepare_server')));
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...farm, stop };
}

function actions(aegir: Aegir, git: GitServer, web: TestHost): Pick<Farm, 'make' | 'addRelease' | 'run' | 'ask'> {
  const make = aegir.add;
  return {
    make,
    async addRelease(name, application) {
      await make('projects', { name, repository: `${git.url}/${name}`, application });
      await make('releases', { name: 'v1', project: name, git_ref: 'main' });
    },
    run: aegir.succeed,
    ask: (name, path = '/') => askPage(web.address, name, path),
  };
}
