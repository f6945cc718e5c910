// The whole life of two sites on a Kubernetes cluster, from their installation until they are deleted, with a Move to servers and
// back: PHP with a MariaDB of its own, and static files. Their story is that of the sites on servers (story.ts).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type ClusterStage, enterCluster, podsOf } from './cluster-stage.ts';
import { type Farm, startFarm } from './farm.ts';
import { operatorOf } from './operator.ts';
import { askPage } from './site-host.ts';
import {
  expectShown,
  forEachSite,
  moveAll,
  type Story,
  type StoryPlace,
  tellBetween,
  tellFirstHalf,
  tellLastHalf,
  tellRename,
} from './story.ts';
import { phpShop, type StorySite, staticPages } from './story-sites.ts';
import { addStorySites, placeOnHost } from './story-stage.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunClusters() ?? canRunHosts();
if (reason) console.warn(`Skipped: the life of sites on Kubernetes. ${reason}`);

/** A cluster, two hosts and five images; on a loaded machine that takes many minutes. */
const setUpMs = 1_800_000;
// A clone that is filled, copied over and deleted took eight minutes at a load of 13.
vi.setConfig({ testTimeout: 1_200_000 });

describe.skipIf(reason !== null)('the life of PHP and static sites on Kubernetes', () => {
  let cluster: TestCluster;
  let farm: Farm;
  let stage: ClusterStage;
  let store: string;
  let servers: StoryPlace;
  let shop: StorySite;
  let story: Story;

  const get = () => story;
  const pods: StoryPlace = {
    get address() {
      return cluster.address;
    },
    sql: (name, text) => podsOf(cluster).sql(name, text),
    files: (name, command) => podsOf(cluster).inPod(name, `cd /srv/site/files && ${command}`),
    answers: ({ answers: { service_command: _ofServers, ...answers } }) => answers,
    // Commands of a Project, of which nobody knows.
    unsettled: ['install_generic'],
  };

  beforeAll(async () => {
    [cluster, farm] = await Promise.all([
      startTestCluster('story'),
      startFarm('kst', { web: { php_versions: ['8.2'] } }),
    ]);
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    stage = await enterCluster(cluster, farm.aegir);
    shop = phpShop(stage.bases.php_image);
    story = {
      aegir: farm.aegir,
      operator: operatorOf(farm.aegir),
      sites: [shop, staticPages],
      place: pods,
      shown: {},
      run: (name, type, input = {}) => farm.run('environments', name, type, input),
    };
    await story.operator.must('cluster', 'edit', 'farm', '--backup-store', 'here');
    await addStorySites(farm, story.sites, ({ rows }) => ({ cluster: 'prod', cluster_database: rows !== null }));
    servers = placeOnHost(farm, story.operator, farm.web, ({ answers, rows }) => ({
      cluster: 'farm',
      web_server: 'web',
      ...(rows ? { database_server: 'database' } : {}),
      ...answers,
    }));
  }, setUpMs);
  afterAll(async () => {
    await stage?.stop();
    await farm?.stop();
    await cluster?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  tellFirstHalf(get, { kind: 'staging' }, async ({ rows }, copy) => {
    if (!rows) return;
    const asked = () => askPage(cluster.address, `${copy}.example.org`, '/');
    const before = await asked();
    await pods.sql(copy, 'DELETE FROM notes');
    expect(await asked()).not.toBe(before);
    await story.run(copy, 'copy_data', { source: 'shop' });
    expect(await asked()).toBe(before);
  });

  test('its newest backup is proven in a namespace that is gone afterwards', async () => {
    const namespaces = () => cluster.kubectl(['get', 'namespaces', '-o', 'name']);
    const before = await namespaces();
    await story.run('shop', 'prove_newest_backup');
    const { items } = (await farm.aegir.call<Page<Entity>>('GET', '/api/backups?limit=500')).body;
    const states = items.filter(({ values }) => String(values.name).startsWith('shop-')).map(({ state }) => state);
    expect(states.filter(state => state === 'proven')).toHaveLength(1);
    expect(await namespaces()).toBe(before);
  });

  test('rolled back to the content of then', async () => {
    await story.run('shop', 'roll_back_environment', { parts: 'everything' });
    story.shown.shop = '1.0|first, added';
    await expectShown(story, shop);
  });

  tellBetween(
    get,
    () => servers,
    site => ({ kind: 'staging', ...servers.answers(site) }),
    site => ({ kind: 'staging', cluster: 'prod', ...pods.answers(site) }),
  );

  test('moved to servers and back, each answers there with its content; the other side says where it has gone, until it is retired', async () => {
    await moveAll(story, servers, servers.answers);
    await servers.sql('shop', "INSERT INTO notes (text) VALUES ('on servers')");
    story.shown.shop += ', on servers';
    await moveAll(story, pods, () => ({}), 'move_back');
    await forEachSite(story, async site => {
      await story.run(site.name, 'retire_side');
      await expectShown(story, site);
    });
    const left = 'ls /var/lib/aegir/environments; getent passwd | grep aegir-; ls /run | grep aegir-; true';
    expect((await farm.web.exec(left)).stdout).toBe('');
  });

  tellRename(get);

  tellLastHalf(
    get,
    name => askPage(cluster.address, name, '/'),
    async () => {
      const namespaces = await cluster.kubectl(['get', 'namespaces', '-o', 'name']);
      expect(namespaces).not.toMatch(/aegir-(shop|pages)/);
    },
  );
});
