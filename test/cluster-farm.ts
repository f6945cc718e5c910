// A test cluster with all that PHP sites of a repository need, entered as the Cluster `prod`: images, a registry, a Backup store of the
// control plane and a way there; and repositories that its builds can fetch.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EntityView, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type Registry, startRegistry } from './registry-server.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { startTestCluster, type TestCluster } from './test-cluster.ts';
import { createVisitor, type Visit } from './visitor.ts';

type Values = Record<string, unknown>;

export interface ClusterFarm {
  aegir: Aegir;
  cluster: TestCluster;
  git: GitServer;
  /** `commitFiles(join(repositories, 'site'), …)` is served as `${git.url}/site`. */
  repositories: string;
  /** Fails with the answer where it is none of success. */
  send<T>(method: string, path: string, body?: unknown): Promise<T>;
  add(plural: string, values: Values): Promise<Entity>;
  /** Project of a repository, by its name, and its Releases: name → commit. */
  addProject(name: string, application: string, releases: Record<string, string>): Promise<void>;
  entity(name: string): Promise<EntityView>;
  /** On an Environment, until it is over, however that was. */
  start(name: string, type: string, input?: Values): Promise<OperationView & { log: string }>;
  /** The same; fails with message and log unless it has succeeded. */
  run(name: string, type: string, input?: Values): Promise<OperationView & { log: string }>;
  /** Outputs of an Action on an Environment. */
  act(name: string, type: string): Promise<Values>;
  /** Asks as somebody who is there for the first time. */
  visit(url: string): Promise<Visit>;
  /** What a command in the pod of a site prints. */
  inPod(name: string, command: string): Promise<string>;
  /** In its database, with columns between tabs. */
  sql(name: string, text: string): Promise<string>;
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
    const [tools, mariadb, build] = await Promise.all(
      (['tools', 'mariadb', 'build', 'php'] as const).map(image => cluster.importImage(image)),
    );
    const registry: Registry = await startRegistry(cluster);
    stops.push(registry.stop);
    const git = await startGitServer(repositories, cluster.gateway);
    stops.push(git.stop);
    const aegir = await startAegir();
    stops.push(aegir.stop);
    const way: TcpProxy = await startTcpProxy(new URL(aegir.url).host, cluster.gateway);
    stops.push(way.stop);
    const farm = { aegir, cluster, git, repositories, ...actions(aegir, cluster, git), stop };
    await farm.add('backup_stores', { name: 'here', type: 'directory', folder: store });
    await farm.add('clusters', {
      name: 'prod',
      kind: 'kubernetes',
      connection: 'kubeconfig',
      kubeconfig: await aegirKubeconfig(cluster),
      backup_store: 'here',
      feedback_url: `http://${way.address}`,
      registry: `${registry.address}/sites`,
      registry_plain: true,
      tools_image: tools?.name,
      database_image: mariadb?.name,
      build_image: build?.name,
      php_image: await registry.push('registry.local/php:1', 'bases/php:1'),
    });
    return farm;
  } catch (error) {
    await stop();
    throw error;
  }
}

type Actions = Omit<ClusterFarm, 'aegir' | 'cluster' | 'git' | 'repositories' | 'stop'>;

function actions(aegir: Aegir, cluster: TestCluster, git: GitServer): Actions {
  const send = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await aegir.call<T>(method, path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  };
  const add = (plural: string, values: Values) => send<Entity>('POST', `/api/${plural}`, { values });
  const entity = (name: string) => send<EntityView>('GET', `/api/environments/${name}`);
  const start: ClusterFarm['start'] = async (name, type, input = {}) => {
    const operation = await aegir.run('environments', (await entity(name)).id, type, input);
    return { ...operation, log: await aegir.log(operation.id) };
  };
  const inside = (name: string, pod: string, command: string) =>
    cluster.kubectl(['--namespace', `aegir-${name}`, 'exec', pod, '--', 'sh', '-euc', command]);
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return {
    send,
    add,
    async addProject(name, application, releases) {
      await add('projects', { name, repository: `${git.url}/${name}`, application });
      for (const [release, git_ref] of Object.entries(releases))
        await add('releases', { name: release, project: name, git_ref });
    },
    entity,
    start,
    async run(name, type, input) {
      const operation = await start(name, type, input);
      expect(operation.state, `${type}: ${operation.message}\n${operation.log}`).toBe('succeeded');
      return operation;
    },
    act: async (name, type) =>
      (await send<{ outputs: Values }>('POST', `/api/environments/${name}/actions`, { type, input: {} })).outputs,
    visit: url => createVisitor(cluster.address).get(url),
    inPod: (name, command) => inside(name, 'deploy/site', command),
    sql: (name, text) =>
      inside(
        name,
        'database-0',
        `MYSQL_PWD="$MARIADB_PASSWORD" mariadb -BN -h127.0.0.1 -usite site -e ${quoted(text)}`,
      ),
  };
}
