// Sites on a Kubernetes cluster, through the whole of Aegir with the documented rights: from their installation until nothing of
// them is left.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DriftView } from '../api/drift-contract.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type Aegir, startAegir } from './harness.ts';
import { askPage } from './site-host.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: sites on Kubernetes. ${reason}`);

describe.skipIf(reason !== null)('sites on a Cluster of the kind kubernetes', () => {
  let cluster: TestCluster;
  let aegir: Aegir;

  const run = (name: string, type: string, input?: Record<string, unknown>) =>
    aegir.succeed('environments', name, type, input);
  const ask = (name: string, path = '/') => askPage(cluster.address, name, path);

  beforeAll(async () => {
    cluster = await startTestCluster('sites');
    const [tools, serve, mariadb] = await Promise.all([
      cluster.importImage('tools'),
      cluster.importImage('serve'),
      cluster.importImage('mariadb'),
    ]);
    aegir = await startAegir();
    await aegir.add('clusters', {
      name: 'prod',
      kind: 'kubernetes',
      connection: 'kubeconfig',
      kubeconfig: await aegirKubeconfig(cluster),
      tools_image: tools.name,
      database_image: mariadb.name,
    });
    await aegir.add('projects', { name: 'pages', repository: 'https://example.org/pages.git', application: 'generic' });
    await aegir.add('releases', { name: 'one', project: 'pages', git_ref: 'a'.repeat(40), image: serve.byDigest });
  }, 900_000);
  afterAll(async () => {
    await aegir?.stop();
    await cluster?.stop();
  });

  test('a site is installed and asked by its names; disabled, enabled and deleted', async () => {
    await aegir.add('environments', {
      name: 'shop',
      release: 'one',
      cluster: 'prod',
      kind: 'staging',
      cluster_database: true,
      primary_name: 'shop.example.org',
      aliases: ['alias.example.org'],
      redirect_names: ['old.example.org'],
      redirects: ['/from /to 302'],
    });
    await run('shop', 'install_environment', { service_variables: { MESSAGE: 'hello' } });
    expect(await ask('shop.example.org')).toMatch(/^200 /);
    expect(await ask('alias.example.org')).toMatch(/^200 /);
    expect(await ask('old.example.org', '/a?b')).toMatch(/^301 /);
    expect(await ask('shop.example.org', '/from')).toMatch(/^302 /);
    await run('shop', 'disable_environment', { notice: 'Back on Monday.' });
    expect(await ask('shop.example.org')).toMatch(/^503 .*Back on Monday\./s);
    await run('shop', 'enable_environment');
    expect(await ask('shop.example.org')).toMatch(/^200 /);
  });

  test('it is verified, compared and given commands and other names; its pods know what changes', async () => {
    await run('shop', 'verify_environment');
    const command = await run('shop', 'run_command', { command: ['/serve', 'say', 'hello'], seconds: 60 });
    expect(await aegir.log(command.id)).toContain('hello');
    const again = await run('shop', 'install_environment');
    expect(again.tasks.filter(task => task.changed).map(task => task.title)).toEqual([]);
    const differences = async () => {
      await run('shop', 'check_drift');
      const drift = await aegir.send<DriftView>('GET', '/api/environments/shop/drift');
      return drift.differences.map(({ task, resource }) => `${task} ${resource}`);
    };
    expect(await differences()).toEqual([]);
    await cluster.kubectl(['-n', 'aegir-shop', 'delete', 'networkpolicy', 'deny']);
    expect(await differences()).toEqual(['Make NetworkPolicy deny']);
    await run('shop', 'set_names', { aliases: ['other.example.org'], www: 'add', redirects: [] });
    expect(await ask('www.shop.example.org')).toMatch(/^200 /);
    expect(await ask('other.example.org')).toMatch(/^200 /);
    expect(await ask('shop.example.org', '/x')).toMatch(/^301 /);
    expect(await ask('alias.example.org')).toMatch(/^404 /);
    const variables = ['-n', 'aegir-shop', 'exec', 'deploy/site', '--', '/serve', 'cat', '/proc/1/environ'];
    expect(await cluster.kubectl(variables)).toContain('SITE_NAMES=www.shop.example.org other.example.org\0');
  });
});
