// An Aegir with a test cluster as the Cluster `prod` (cluster-stage.ts), and repositories that its builds can fetch.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type ClusterStage, enterCluster, podsOf, type SitePods } from './cluster-stage.ts';
import { type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { startTestCluster, type TestCluster } from './test-cluster.ts';
import { createVisitor, type Visit } from './visitor.ts';

type Values = Record<string, unknown>;

export interface ClusterFarm extends SitePods, Pick<ClusterStage, 'bases'> {
  aegir: Aegir;
  cluster: TestCluster;
  git: GitServer;
  /** `commitFiles(join(repositories, 'site'), …)` is served as `${git.url}/site`. */
  repositories: string;
  /** Project of a repository, by its name, and its Releases: name → commit. */
  addProject(name: string, application: string, releases: Record<string, string>): Promise<void>;
  entity(name: string): Promise<EntityView>;
  /** On an Environment, until it is over, however that was. */
  start(name: string, type: string, input?: Values): Promise<OperationView & { log: string }>;
  /** The same; fails with message and log unless it has succeeded. */
  run(name: string, type: string, input?: Values): Promise<OperationView & { log: string }>;
  /** Updates to a Release that must fail, and undoes that. @returns what needed attention */
  failUpdate(name: string, release: string): Promise<string[]>;
  /** A site of that Release, made of an archive of the one. @returns the log of the export */
  exportInto(name: string, other: string, release: string): Promise<string>;
  /** Outputs of an Action on an Environment. */
  act(name: string, type: string): Promise<Values>;
  /** Asks as somebody who is there for the first time. */
  visit(url: string): Promise<Visit>;
  stop(): Promise<void>;
}

export async function startClusterFarm(prefix: string): Promise<ClusterFarm> {
  const folder = await mkdtemp(join(tmpdir(), 'aegir-cluster-farm-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const [repositories, store] = [join(folder, 'repositories'), join(folder, 'store')];
    await Promise.all([mkdir(repositories), mkdir(store)]);
    const cluster = await startTestCluster(prefix);
    stops.push(cluster.stop);
    const git = await startGitServer(repositories, cluster.gateway);
    stops.push(git.stop);
    const aegir = await startAegir();
    stops.push(aegir.stop);
    await aegir.add('backup_stores', { name: 'here', type: 'directory', folder: store });
    const { bases, stop: leave } = await enterCluster(cluster, aegir);
    stops.push(leave);
    return { aegir, cluster, git, bases, repositories, ...actions(aegir, cluster, git), ...podsOf(cluster), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Actions = Omit<ClusterFarm, 'aegir' | 'cluster' | 'git' | 'bases' | 'repositories' | 'stop' | keyof SitePods>;

function actions(aegir: Aegir, cluster: TestCluster, git: GitServer): Actions {
  const withLog = async (operation: OperationView) => ({ ...operation, log: await aegir.log(operation.id) });
  const run: ClusterFarm['run'] = async (name, type, input) =>
    withLog(await aegir.succeed('environments', name, type, input));
  return {
    async addProject(name, application, releases) {
      await aegir.add('projects', { name, repository: `${git.url}/${name}`, application });
      for (const [release, git_ref] of Object.entries(releases))
        await aegir.add('releases', { name: release, project: name, git_ref });
    },
    entity: name => aegir.send('GET', `/api/environments/${name}`),
    start: async (name, type, input) => withLog(await aegir.run('environments', name, type, input)),
    run,
    async failUpdate(name, release) {
      const asked = { type: 'update_environment', input: { release } };
      const { id } = await aegir.send<OperationView>('POST', `/api/environments/${name}/operations`, asked);
      const failed = await aegir.waitUntilQuiet(id);
      await aegir.decide(failed, 'undo');
      expect((await aegir.waitFor(id)).state).toBe('failed');
      return failed.attentions.map(({ message }) => message);
    },
    async exportInto(name, other, release) {
      const { log } = await run(name, 'export_environment');
      const { items } = await aegir.send<Page<Entity>>('GET', '/api/archives');
      const values = { name: other, release, cluster: 'prod', primary_name: `${other}.example.org`, kind: 'staging' };
      await aegir.add('environments', values);
      await run(other, 'import_archive', { archive: items[0]?.id });
      return log;
    },
    act: async (name, type) =>
      (await aegir.send<{ outputs: Values }>('POST', `/api/environments/${name}/actions`, { type, input: {} })).outputs,
    visit: url => createVisitor(cluster.address).get(url),
  };
}
