// Sites on a Kubernetes cluster whose databases are on a Server outside of it, which pods reach by TLS: from what is missing there
// until nothing of them is left.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type ClusterFarm, startClusterFarm } from './cluster-farm.ts';
import { phpShop } from './story-sites.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { canRunClusters } from './test-cluster.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunClusters() ?? canRunHosts();
if (reason) console.warn(`Skipped: sites on Kubernetes with a database Server. ${reason}`);

/** A cluster, a host, four images and two repositories; on a loaded machine that takes many minutes. */
const setUpMs = 1_800_000;
vi.setConfig({ testTimeout: 1_200_000 });

describe.skipIf(reason !== null)('sites on Kubernetes with a database Server', () => {
  let farm: ClusterFarm;
  let host: TestHost;
  let way: TcpProxy;
  const sql = async (text: string) => (await host.exec(`mariadb -BN <<'END'\n${text}\nEND`)).stdout;
  const page = async (name: string) => (await farm.visit(`http://${name}.example.org/`)).body;
  const add = (name: string, release: string) =>
    farm.aegir.add('environments', {
      ...{ name, release, cluster: 'prod', database_server: 'db', kind: 'staging' },
      primary_name: `${name}.example.org`,
    });

  beforeAll(async () => {
    [farm, host] = await Promise.all([startClusterFarm('dbs'), startTestHost('dbs', 'database')]);
    // Its own network and that of the cluster do not know each other.
    way = await startTcpProxy(`${host.address}:3306`, farm.cluster.gateway, 3306);
    await farm.aegir.add('clusters', { name: 'machines', kind: 'servers' });
    await farm.aegir.add('servers', {
      ...{ name: 'db', cluster: 'machines', web: false, database: true },
      ...{ address: host.address, ssh_key: host.privateKey, internal_address: farm.cluster.gateway },
    });
    await farm.aegir.succeed('servers', 'db', 'prepare_server');
    const shop = phpShop(farm.bases.php_image);
    const [first, second] = await shop.commit(join(farm.repositories, 'shop'));
    await farm.addProject('shop', shop.application, { v1: first, v2: second });
    await makeWordPressRepository(join(farm.repositories, 'blog'));
    await farm.addProject('blog', 'wordpress', { v1: 'main' });
    await add('shop', 'shop/v1');
    await add('blog', 'blog/v1');
  }, setUpMs);
  afterAll(async () => {
    await way?.stop();
    await farm?.stop();
    await host?.stop();
  });

  test('without a word about where pods come from nothing is made, and it says what to enter', async () => {
    const { state, log } = await farm.start('shop', 'install_environment', { build: ['php migrate.php'] });
    expect([state, log]).toEqual(['failed', expect.stringContaining('networks of the cluster’s nodes as “Further')]);
    expect(await sql(`SHOW DATABASES LIKE 'aegir%'`)).toBe('');
    await farm.aegir.send('PATCH', '/api/servers/db', { values: { database_clients: [`${host.gateway}/32`] } });
    await farm.aegir.succeed('servers', 'db', 'prepare_server');
  });

  test('a generic one is installed, backed up, damaged, restored and updated; its commands know the authority', async () => {
    await farm.run('shop', 'install_environment', { build: ['php migrate.php'] });
    expect(await page('shop')).toBe('story 1.0: first at shop.example.org\n');
    expect(await sql(`SELECT user, host FROM mysql.user WHERE user LIKE 'aegir%'`)).toBe('aegir_shop\t%');
    expect(await farm.cluster.kubectl(['-n', 'aegir-shop', 'get', 'statefulsets', '-o', 'name'])).toBe('');
    await farm.run('shop', 'back_up_environment');
    await sql('DELETE FROM aegir_shop.notes');
    expect(await page('shop')).toBe('story 1.0:  at shop.example.org\n');
    const [backup] = (await farm.aegir.send<Page<Entity>>('GET', '/api/backups')).items;
    await farm.run('shop', 'restore_environment', { backup: backup?.id });
    await farm.run('shop', 'update_environment', { release: 'shop/v2' });
    expect(await page('shop')).toBe('story 2.0: first, second at shop.example.org\n');
  });

  test('its clone has a database of its own there, which goes with it', async () => {
    const clone = { name: 'copy', kind: 'staging', primary_name: 'copy.example.org' };
    await farm.run('shop', 'clone_environment', clone);
    expect(await page('copy')).toBe('story 2.0: first, second at copy.example.org\n');
    expect(await sql(`SHOW DATABASES LIKE 'aegir%'`)).toBe('aegir_copy\naegir_shop');
    await farm.run('copy', 'delete_environment', { although_enabled: true, without_backup: true });
    expect(await sql(`SHOW DATABASES LIKE 'aegir%'`)).toBe('aegir_shop');
  });

  test('WordPress reaches it by TLS, for visitors and for commands, and is not deceived by another authority', async () => {
    await farm.run('blog', 'install_environment', {
      site_name: 'Blog',
      admin_name: 'ada',
      admin_mail: 'ada@example.org',
    });
    expect(await page('blog')).toContain('<title>Blog</title>');
    await farm.run('blog', 'verify_environment');
    const cipher = `require '/app/wp-load.php'; echo 'by ', $wpdb->get_var("SHOW STATUS LIKE 'Ssl_version'", 1), PHP_EOL;`;
    const command = { command: ['php', '-r', cipher], seconds: 60 };
    expect((await farm.run('blog', 'run_command', command)).log).toMatch(/^by TLSv1\.[23]$/m);
    await farm.inPod('blog', 'cp /etc/ssl/certs/ca-certificates.crt /srv/site/settings/ca.pem');
    expect((await farm.start('blog', 'run_command', command)).log).not.toMatch(/^by /m);
    const { status } = await farm.act('blog', 'site_status');
    expect(status).toMatchObject({ problems: [expect.stringContaining('does not prove who it is')] });
    await farm.run('blog', 'install_environment');
    await farm.run('blog', 'verify_environment');
  });

  test('deleting leaves neither databases nor accounts on the Server', async () => {
    for (const name of ['shop', 'blog'])
      await farm.run(name, 'delete_environment', { although_enabled: true, without_backup: true });
    expect(await sql(`SHOW DATABASES LIKE 'aegir%'`)).toBe('');
    expect(await sql(`SELECT user FROM mysql.user WHERE user LIKE 'aegir%'`)).toBe('');
  });
});
