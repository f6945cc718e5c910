// The whole life of three sites beside each other, from their installation until they are deleted: WordPress, Django and static
// files (story-sites.ts), on two web hosts and a database host.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { startAcmeServer } from './acme-server.ts';
import { type Farm, startFarm } from './farm.ts';
import { type Operator, operatorOf } from './operator.ts';
import { askPage } from './site-host.ts';
import { type StorySite, storySites } from './story-sites.ts';
import { canRunHosts, type TestHost } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: the life of WordPress, Django and static sites. ${reason}`);

type Values = Record<string, unknown>;

/** Three hosts and three sites; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)('the life of WordPress, Django and static sites', () => {
  let farm: Farm;
  let operator: Operator;
  let store: string;
  /** Where the sites are. */
  let host: TestHost;
  let hasCertificates = false;
  /** What each is to show, without its address. */
  const shown: Record<string, string> = {};

  const each = (step: (site: StorySite) => Promise<void>) => Promise.all(storySites.map(step));
  const run = (name: string, type: string, input: Values = {}) => farm.run('environments', name, type, input);
  const entity = (name: string) => operator.entity(`environments/${name}`);
  const home = (name: string) => `/var/lib/aegir/environments/${name}`;
  const sql = async (name: string, text: string) => {
    const { database } = (await entity(name)).values;
    const { stdout, stderr } = await farm.database.exec(
      `mariadb -BN ${(database as { name: string }).name} <<'END'\n${text}\nEND`,
    );
    expect(stderr).toBe('');
    return stdout;
  };
  /** The page of a site under a name: what it shows, and which address it says to have. */
  const look = async (name: string, at = host) => {
    const page = await askPage(at.address, name, '/');
    const [, version = page, rows = '', address = name] =
      /^200 story ([\d.]+)(?:: (.*) at (?:https?:\/\/)?(\S+))?/.exec(page) ?? [];
    return { version, rows, address };
  };
  const expectShown = async ({ name }: StorySite, address = `${name}.example.org`) => {
    const [version, rows] = (shown[name] ?? '').split('|');
    expect(await look(address)).toEqual({ version, rows, address });
    expect((await host.exec(`cat ${home(name)}/files/kept.txt`)).stdout).toBe(`kept by ${name}`);
  };

  beforeAll(async () => {
    farm = await startFarm('sto', { web: { php_versions: ['8.2'], packages: ['python3-venv'] }, hasSecond: true });
    operator = operatorOf(farm.aegir);
    host = farm.web;
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    await operator.must('cluster', 'edit', 'farm', '--backup-store', 'here');
    for (const { name, application, project, commit, rows } of storySites) {
      const commits = await commit(join(farm.repositories, name));
      await farm.make('projects', { name, application, repository: `${farm.git.url}/${name}`, ...project });
      for (const [index, git_ref] of commits.entries())
        await farm.make('releases', { name: `v${index + 1}`, project: name, git_ref });
      const place = { cluster: 'farm', web_server: 'web', ...(rows ? { database_server: 'database' } : {}) };
      await farm.make('environments', { name, release: `${name}/v1`, ...place, primary_name: `${name}.example.org` });
    }
  }, setUpMs);

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('installed, each shows what its own database holds', () =>
    each(async site => {
      await run(site.name, 'install_environment', site.answers);
      if (site.settle) await sql(site.name, site.settle);
      await host.exec(`echo kept by ${site.name} >${home(site.name)}/files/kept.txt`);
      shown[site.name] = `1.0|${site.first}`;
      await expectShown(site);
      const again = await run(site.name, 'install_environment');
      expect(again.tasks.filter(task => task.changed).map(task => task.title)).toEqual([]);
    }));

  test('damaged, each comes back from its backup', () =>
    each(async site => {
      const { name, rows } = site;
      if (rows) await sql(name, `INSERT INTO ${rows.table} (${rows.column}) VALUES ('added')`);
      if (rows) shown[name] = `1.0|${site.first}, added`;
      await expectShown(site);
      await run(name, 'back_up_environment');
      if (rows) await sql(name, `DROP TABLE ${rows.table}`);
      await host.exec(`rm ${home(name)}/files/kept.txt && echo new >${home(name)}/files/damaged.txt`);
      const { items } = (await farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body;
      const backup = items.find(({ values }) => String(values.name).startsWith(`${name}-`))?.values.name;
      await run(name, 'restore_environment', { backup });
      await expectShown(site);
      expect((await host.exec(`ls ${home(name)}/files`)).stdout).toBe('kept.txt');
    }));

  test('cloned, the clone has the content with an address of its own, and the source is as it was', () =>
    each(async site => {
      const { name } = site;
      const copy = `${name}2`;
      await run(name, 'clone_environment', { name: copy, primary_name: `${copy}.example.org`, web_server: 'web' });
      const [version, rows] = (shown[name] ?? '').split('|');
      expect(await look(`${copy}.example.org`)).toEqual({ version, rows, address: `${copy}.example.org` });
      expect((await host.exec(`cat ${home(copy)}/files/kept.txt`)).stdout).toBe(`kept by ${name}`);
      await expectShown(site);
      await run(copy, 'delete_environment', { although_enabled: true });
      await expectShown(site);
    }));

  test('updated, each shows the new code with its migrated database', () =>
    each(async site => {
      await run(site.name, 'update_environment', { release: `${site.name}/v2` });
      shown[site.name] = site.rows ? `2.0|${site.first}, added, second` : '2.0|';
      await expectShown(site);
    }));

  test('a broken update is undone: each answers as before, with its content', () =>
    each(async site => {
      const { name, rows } = site;
      const failed = await operator.cli('run', 'update_environment', name, '--release', `${name}/v3`, '--follow');
      expect(failed.code, failed.stdout).toBe(1);
      if (rows) expect(await sql(name, `SELECT COUNT(*) FROM ${rows.table}`)).toBe('4');
      const { id } = await operator.lastOperation(`environments/${name}`);
      await operator.cli('decide', id, 'undo', '--follow');
      expect([(await entity(name)).state, (await operator.lastEnded(`environments/${name}`)).state]).toEqual([
        'enabled',
        'failed',
      ]);
      await expectShown(site);
      if (rows) expect(await sql(name, `SELECT COUNT(*) FROM ${rows.table}`)).toBe('3');
    }));

  test('moved, each answers from the other Server; the old side says where it has gone, until it is retired', async () => {
    const { second } = farm;
    if (!second) throw new Error('There is no second web host.');
    await each(async ({ name }) => void (await run(name, 'move_environment', { web_server: 'second' })));
    host = second;
    await each(async site => {
      await expectShown(site);
      expect(await askPage(farm.web.address, `${site.name}.example.org`, '/')).toMatch(/^503 [\s\S]*has moved/);
      await run(site.name, 'retire_side');
      await expectShown(site);
    });
    const left = await farm.web.exec(
      'ls /var/lib/aegir/environments; getent passwd | grep aegir-; ls /run | grep aegir-',
    );
    expect(left.stdout).toBe('');
  });

  test('renamed, each has the new address in its content, and the former name leads there', () =>
    each(async site => {
      const name = `new-${site.name}.example.org`;
      await run(site.name, 'rename_environment', { primary_name: name });
      await expectShown(site, name);
      const { stdout } = await host.exec(
        `python3 -c "import http.client as c; a = c.HTTPConnection('127.0.0.1'); a.request('GET', '/x', headers={'Host': '${site.name}.example.org'}); r = a.getresponse(); print(r.status, r.headers['Location'])"`,
      );
      expect(stdout).toBe(`301 http://${name}/x`);
    }));

  test('two names get certificates, a third one that points elsewhere is told and harms nobody', async context => {
    const acme = await startAcmeServer(host);
    if (typeof acme === 'string') return context.skip(acme);
    for (const visitor of [host, farm.web]) await visitor.exec(`echo '${acme.root}' >/root/root.pem`);
    hasCertificates = true;
    await operator.must('cluster', 'edit', 'farm', '--acme-directory', acme.directory, '--acme-ca', acme.ca);
    const namesOf = (name: string) => [`new-${name}.example.org`, `also-${name}.example.org`];
    const all = storySites.flatMap(({ name }) => namesOf(name));
    await host.exec(`echo '${host.address} ${all.join(' ')}' >>/etc/hosts`);
    await each(async ({ name }) => {
      const elsewhere = `elsewhere-${name}.example.org`;
      const [primary = '', also = ''] = namesOf(name);
      await run(name, 'set_names', { aliases: [also, elsewhere], https: 'acme' });
      const states = await operator.must('environment', 'show', name);
      for (const there of [primary, also]) expect(states).toMatch(new RegExp(`${there}: valid until 2\\d{3}-`));
      expect(states).toContain(`${elsewhere}: none, does not point here`);
      for (const there of [primary, also])
        expect(await secureTextOf(there)).toContain(`story ${(shown[name] ?? '').split('|')[0]}`);
    });
  });

  test('moved with its certificate, a site answers over HTTPS there at once, and again where it was', async context => {
    if (!hasCertificates) return context.skip('No site has a certificate.');
    const [{ name } = { name: '' }] = storySites.filter(({ rows }) => !rows);
    const address = `new-${name}.example.org`;
    await farm.web.exec(`echo '${farm.web.address} ${address}' >>/etc/hosts`);
    await run(name, 'move_environment', { web_server: 'web' });
    expect(await secureTextOf(address, farm.web)).toContain('story 2.0');
    await run(name, 'move_back');
    expect(await secureTextOf(address)).toContain('story 2.0');
    await run(name, 'retire_side');
    expect((await farm.web.exec('ls /var/lib/aegir/certificates /var/lib/aegir/environments')).stdout).not.toContain(
      name,
    );
  });

  test('disabled, each says why; enabled, it answers again', () =>
    each(async ({ name }) => {
      const address = `new-${name}.example.org`;
      await run(name, 'disable_environment', { notice: 'Spring cleaning' });
      expect(await secureTextOf(address)).toMatch(/503.*Spring cleaning/s);
      await run(name, 'enable_environment');
      expect(await secureTextOf(address)).toContain('story 2.0');
    }));

  test('deleted, nothing is left of any but its backups; deleting once more is refused with the reason', async () => {
    await each(async ({ name }) => {
      const refused = await operator.cli('run', 'delete_environment', name, '--follow');
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('Delete although it is enabled')]);
      const deleted = await run(name, 'delete_environment', { although_enabled: true });
      expect(kinds(deleted)).toContain('store_backup');
      const again = await operator.cli('run', 'delete_environment', name, '--although-enabled', '--follow');
      expect([again.code, again.stderr]).toEqual([
        expect.any(Number),
        expect.stringMatching(/deleted|not there|no Environment/i),
      ]);
    });
    const left = await host.exec(
      `ls /var/lib/aegir/environments; ls -d /var/lib/aegir/certificates/*/; getent passwd | grep aegir-; ls /run | grep aegir-;
      ls /etc/systemd/system | grep aegir-; grep -rl example.org /etc/nginx; true`,
    );
    expect(left.stdout).toBe('');
    expect((await farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`)).stdout).toBe('');
  });

  /** As a visitor of HTTPS who trusts the authority. */
  async function secureTextOf(name: string, visitor = host): Promise<string> {
    const { stdout, stderr } = await visitor.exec(`python3 -c "
import ssl, urllib.request as u, urllib.error
try: print(u.urlopen('https://${name}/', context=ssl.create_default_context(cafile='/root/root.pem')).read().decode())
except urllib.error.HTTPError as error: print(error.code, error.read().decode())"`);
    return `${stdout}${stderr}`;
  }
});

const kinds = ({ tasks }: OperationView) => tasks.map(task => task.type);
