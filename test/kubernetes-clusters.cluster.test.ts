// Two Kubernetes clusters side by side: a site with its database is cloned and moved from one to the other, and what happens to one
// of them keeps nothing from the other.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { podsOf } from './cluster-stage.ts';
import { type Aegir, startAegir } from './harness.ts';
import { askPage } from './site-host.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: two Kubernetes clusters side by side. ${reason}`);

describe.skipIf(reason !== null)('two Kubernetes clusters', () => {
  let aegir: Aegir;
  let east: TestCluster;
  let west: TestCluster;
  let store: string;
  const stops: (() => Promise<void>)[] = [];

  const run = (name: string, type: string, input?: Record<string, unknown>) =>
    aegir.succeed('environments', name, type, input);
  const ask = (cluster: TestCluster, name: string) => askPage(cluster.address, `${name}.example.org`, '/');
  const notes = (cluster: TestCluster, name: string) =>
    podsOf(cluster).sql(name, 'SELECT text FROM notes ORDER BY text');
  const namespaces = (cluster: TestCluster) => cluster.kubectl(['get', 'namespaces', '-o', 'name']);

  async function enter(name: string): Promise<TestCluster> {
    const cluster = await startTestCluster(name);
    stops.push(cluster.stop);
    const images = (['tools', 'mariadb', 'serve'] as const).map(image => cluster.importImage(image));
    const [tools, mariadb, serve] = await Promise.all(images);
    const way = await startTcpProxy(new URL(aegir.url).host, cluster.gateway);
    stops.push(way.stop);
    await aegir.add('clusters', {
      ...{ name, kind: 'kubernetes', connection: 'kubeconfig', kubeconfig: await aegirKubeconfig(cluster) },
      ...{ backup_store: 'here', feedback_url: `http://${way.address}` },
      ...{ tools_image: tools?.name, database_image: mariadb?.name },
    });
    image = serve?.byDigest;
    return cluster;
  }
  let image: string | undefined;

  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    aegir = await startAegir();
    await aegir.add('backup_stores', { name: 'here', type: 'directory', folder: store });
    east = await enter('east');
    west = await enter('west');
    await aegir.add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'generic' });
    await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'a'.repeat(40), image });
    await aegir.add('environments', {
      ...{ name: 'shop', release: 'one', cluster: 'east', kind: 'staging' },
      ...{ cluster_database: true, primary_name: 'shop.example.org' },
    });
    await run('shop', 'install_environment');
    await podsOf(east).sql('shop', "CREATE TABLE notes (text VARCHAR(20)); INSERT INTO notes VALUES ('first')");
  }, 1_800_000);
  afterAll(async () => {
    await aegir?.stop();
    for (const stop of stops.reverse()) await stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('a site is cloned to the other one: each answers on its own, with data of its own', async () => {
    await run('shop', 'clone_environment', { name: 'copy', primary_name: 'copy.example.org', cluster: 'west' });
    await podsOf(west).sql('copy', "INSERT INTO notes VALUES ('west')");
    expect([await notes(east, 'shop'), await notes(west, 'copy')]).toEqual(['first', 'first\nwest']);
    const answers = await Promise.all([east, west].flatMap(each => [ask(each, 'shop'), ask(each, 'copy')]));
    expect(answers.map(answer => answer.slice(0, 3))).toEqual(['200', '404', '404', '200']);
  });

  test('one that cannot be reached keeps nothing from the other, and goes on when it is back', async () => {
    await east.stopApi();
    let id = '';
    try {
      const asked = { type: 'verify_environment', input: {} };
      ({ id } = await aegir.send<OperationView>('POST', '/api/environments/shop/operations', asked));
      await run('copy', 'verify_environment');
      await run('copy', 'back_up_environment');
    } finally {
      await east.startApi();
    }
    expect((await aegir.waitFor(id)).state).toBe('succeeded');
  });

  test('moved to the other one, it answers there with its content; retired, nothing is left where it was', async () => {
    await run('shop', 'move_environment', { cluster: 'west' });
    expect(await ask(west, 'shop')).toMatch(/^200 /);
    expect(await ask(east, 'shop')).toMatch(/^503 [\s\S]*has moved/);
    await run('shop', 'retire_side');
    expect(await namespaces(east)).not.toMatch(/aegir-(shop|copy)/);
    expect(await notes(west, 'shop')).toBe('first');
  });

  test('deleted, nothing is left on either', async () => {
    for (const name of ['shop', 'copy']) await run(name, 'delete_environment', { although_enabled: true });
    expect(await namespaces(west)).not.toMatch(/aegir-(shop|copy)/);
  });
});
