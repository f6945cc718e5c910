// What sites of a repository need on a test cluster, which is entered as the Cluster `prod`: images, a registry and a way to Aegir;
// and a look into their pods.

import { aegirKubeconfig } from './cluster-account.ts';
import type { Aegir } from './harness.ts';
import { startRegistry } from './registry-server.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import type { TestCluster } from './test-cluster.ts';

export interface ClusterStage {
  /** What sites are built on, in the registry. */
  bases: { php_image: string; web_image: string };
  stop(): Promise<void>;
}

/** There must be a Backup store `here`. */
export async function enterCluster(cluster: TestCluster, aegir: Aegir): Promise<ClusterStage> {
  const [tools, mariadb, build] = await Promise.all(
    (['tools', 'mariadb', 'build', 'php', 'static'] as const).map(image => cluster.importImage(image)),
  );
  const registry = await startRegistry(cluster);
  const way = await startTcpProxy(new URL(aegir.url).host, cluster.gateway);
  const stop = async () => {
    await way.stop();
    await registry.stop();
  };
  try {
    const bases = {
      php_image: await registry.push('registry.local/php:1', 'bases/php:1'),
      web_image: await registry.push('registry.local/static:1', 'bases/web:1'),
    };
    await aegir.add('clusters', {
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
      ...bases,
    });
    return { bases, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface SitePods {
  /** What a command in the pod of a site prints. */
  inPod(name: string, command: string): Promise<string>;
  /** In its database, with columns between tabs. */
  sql(name: string, text: string): Promise<string>;
}

export function podsOf(cluster: TestCluster): SitePods {
  const inside = (name: string, pod: string, ...command: string[]) =>
    cluster.kubectl(['--namespace', `aegir-${name}`, 'exec', pod, '--', 'sh', '-euc', ...command]);
  const client = 'MYSQL_PWD="$MARIADB_PASSWORD" mariadb -BN -h127.0.0.1 -usite site -e "$0"';
  return {
    inPod: (name, command) => inside(name, 'deploy/site', command),
    sql: (name, text) => inside(name, 'database-0', client, text),
  };
}
