// A Django site with gunicorn as an Environment of the application type "generic", beside a static site, with its database
// on another host. On two real Debian hosts.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { commitDjangoSite, djangoBuild, djangoService } from './django-repository.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: a Django site. ${reason}`);

const site = 'notes.example.org';
const unit = 'aegir-notes.service';

describe.skipIf(reason !== null)('a Django site with gunicorn', () => {
  let farm: Farm;
  let notes: Entity;

  const seeded = () => `200 kept in MariaDB | ${farm.database.name} | TLSv1.3`;
  const install = (input: Record<string, unknown> = {}) =>
    farm.run('environments', notes.id, 'install_environment', input);

  beforeAll(async () => {
    farm = await startFarm('dj', { web: { packages: ['python3-venv'] } });
    await commitFiles(join(farm.repositories, 'pages'), { 'index.html': 'a static page' });
    await commitDjangoSite(join(farm.repositories, 'notes'));
    await farm.addRelease('pages', 'static');
    await farm.addRelease('notes', 'generic');
    const pages = { name: 'pages', release: 'pages/v1', cluster: 'farm', primary_name: 'pages.example.org' };
    const { id } = await farm.make('environments', pages);
    await farm.run('environments', id, 'install_environment');
  });

  afterAll(() => farm?.stop());

  test('is built from its own wheels and shows what its database on the other host holds, over TLS', async () => {
    const values = { name: 'notes', release: 'notes/v1', cluster: 'farm', primary_name: site };
    notes = await farm.make('environments', { ...values, database_server: 'database' });
    const input = { build: djangoBuild, service_command: djangoService, service_variables: { SITE_NAME: site } };
    const { id } = await install(input);
    expect(await farm.ask(site)).toBe(seeded());
    expect(await farm.ask('pages.example.org')).toBe('200 a static page');
    const rows = await farm.database.exec('mariadb --batch -N -e "select text from aegir_notes.notes_note"');
    expect(rows.stdout).toBe('kept in MariaDB');
    // Neither a log nor a command line shows the password.
    const variables = await farm.web.exec(
      'grep DATABASE_PASSWORD /var/lib/aegir/environments/notes/settings/environment',
    );
    const password = variables.stdout.split('=')[1] ?? '';
    expect(password).toMatch(/^\w{48}$/);
    expect(await farm.aegir.log(id)).not.toContain(password);
    expect((await farm.web.exec('ps -e -o args; cat /etc/systemd/system/aegir-notes.service')).stdout).not.toContain(
      password,
    );
  });

  test('is not changed by a second run, which remembers the answers', async () => {
    const operation = await install();
    expect(operation.tasks.filter(task => task.changed).map(task => task.title)).toEqual([]);
  });

  test('is up again after its processes were killed, with what was written before', async () => {
    expect(await farm.ask(site, '/?add=a+second+note')).toContain('kept in MariaDB, a second note');
    const pid = async () => (await farm.web.exec(`systemctl show ${unit} --property MainPID --value`)).stdout;
    const before = await pid();
    expect((await farm.web.exec(`systemctl kill --signal KILL ${unit}`)).code).toBe(0);
    await expect
      .poll(() => farm.ask(site), { timeout: 60_000, interval: 500 })
      .toContain('200 kept in MariaDB, a second note');
    expect(await pid()).not.toBe(before);
  });

  test('serves on its own machine only: visitors come through the web server', async () => {
    const port = (await farm.aegir.call<Entity>('GET', `/api/environments/${notes.id}`)).body.values.upstream_port;
    const sockets = await farm.web.exec(`ss --listening --tcp --numeric --no-header 'sport = :${port}'`);
    expect(sockets.stdout).toContain(`127.0.0.1:${port}`);
    expect(sockets.stdout).not.toContain(`0.0.0.0:${port}`);
  });

  test('leaves nothing when it is deleted, and the static site goes on', async () => {
    await farm.run('environments', notes.id, 'delete_environment');
    const left = await farm.web.exec(
      `ls -d /var/lib/aegir/environments/notes; ls /etc/systemd/system /run | grep -i notes; getent passwd | grep aegir-notes; grep -rl '${site}' /etc/nginx; pgrep -fl gunicorn`,
    );
    expect(left.stdout).toBe('');
    const databases = await farm.database.exec(
      `mariadb --batch -N -e "show databases like 'aegir%'; select user from mysql.user where user like 'aegir%'"`,
    );
    expect(databases.stdout).toBe('');
    expect(await farm.ask('pages.example.org')).toBe('200 a static page');
  });
});
