// Real applications beside each other on one web host, their databases on another: a Django site with gunicorn (application
// type "generic") and two WordPress sites of one Release. Each tries to find something of the others (trespass.ts), and fails.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { commitDjangoSite, djangoBuild, djangoService, openDjango, readInPython } from './django-repository.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { canRunHosts } from './test-host.ts';
import {
  connectTo,
  expectOwnOnly,
  expectUnseen,
  looksOf,
  type OpenSite,
  openPhp,
  plantSecret,
  readInPhp,
  readsOf,
  runOn,
  secretOf,
} from './trespass.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: Django beside WordPress. ${reason}`);

const names = ['blog', 'news', 'notes'];
const hostOf = (name: string) => `${name}.example.org`;
const unit = 'aegir-notes.service';

/** Two hosts install all that they need; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)('Django and two WordPress sites of one Release', () => {
  let farm: Farm;

  const install = (name: string, input: Record<string, unknown> = {}) =>
    farm.run('environments', name, 'install_environment', input);
  const titles = async () => {
    const pages = await Promise.all(names.map(name => farm.ask(hostOf(name))));
    return pages.map(page => /<title>(.*)<\/title>/.exec(page)?.[1] ?? page);
  };
  const allAnswer = async () =>
    expect(await titles()).toEqual(['Ada’s blog', 'The news', expect.stringMatching(/^200 kept in MariaDB/)]);

  beforeAll(async () => {
    farm = await startFarm('nb', { web: { php_versions: ['8.2'], packages: ['python3-venv'] } });
    const blog = join(farm.repositories, 'blog');
    await makeWordPressRepository(blog);
    await commitFiles(blog, { 'wp-content/mu-plugins/open.php': openPhp });
    await commitDjangoSite(join(farm.repositories, 'notes'), openDjango);
    await farm.addRelease('blog', 'wordpress');
    await farm.addRelease('notes', 'generic');
    for (const name of names) {
      const release = name === 'notes' ? 'notes/v1' : 'blog/v1';
      const place = { cluster: 'farm', database_server: 'database', primary_name: hostOf(name) };
      await farm.make('environments', { name, release, ...place });
    }
  }, setUpMs);

  afterAll(() => farm?.stop());

  test('all are installed at the same time, and each shows its own title and the content of its own database', async () => {
    const [, , { id }] = await Promise.all([
      install('blog', { site_name: 'Ada’s blog' }),
      install('news', { site_name: 'The news' }),
      install('notes', { build: djangoBuild, service_command: djangoService }),
    ]);
    await allAnswer();
    // By TLS, on the other host.
    expect(await farm.ask(hostOf('notes'))).toBe(`200 kept in MariaDB | ${farm.database.name} | TLSv1.3`);
    const rows = await farm.database.exec('mariadb --batch -N -e "select text from aegir_notes.notes_note"');
    expect(rows.stdout).toBe('kept in MariaDB');
    const [password = ''] = await secretsOf('notes');
    expect(await farm.aegir.log(id)).not.toContain(password);
    const shown = await farm.web.exec(`ps -e -o args; cat /etc/systemd/system/${unit}`);
    expect(shown.stdout).not.toContain(password);
  });

  test('a second run, which remembers the answers, changes nothing', async () => {
    const { tasks } = await install('notes');
    expect(tasks.filter(task => task.changed).map(task => task.title)).toEqual([]);
  });

  test('Django is up again after its processes were killed, with what was written before', async () => {
    expect(await farm.ask(hostOf('notes'), '/?add=a+second+note')).toContain('kept in MariaDB, a second note');
    const pid = async () => (await farm.web.exec(`systemctl show ${unit} --property MainPID --value`)).stdout;
    const before = await pid();
    expect((await farm.web.exec(`systemctl kill --signal KILL ${unit}`)).code).toBe(0);
    await expect
      .poll(() => farm.ask(hostOf('notes')), { timeout: 60_000, interval: 500 })
      .toContain('200 kept in MariaDB, a second note');
    expect(await pid()).not.toBe(before);
  });

  test('Django serves on its own machine only: visitors come through the web server', async () => {
    const port = (await farm.aegir.call<Entity>('GET', '/api/environments/notes')).body.values.upstream_port;
    const sockets = await farm.web.exec(`ss --listening --tcp --numeric --no-header 'sport = :${port}'`);
    expect(sockets.stdout).toContain(`127.0.0.1:${port}`);
    expect(sockets.stdout).not.toContain(`0.0.0.0:${port}`);
  });

  describe('each tries to find something of the others', () => {
    let sites: OpenSite[];

    beforeAll(async () => {
      sites = names.map(name => ({
        ...(name === 'notes' ? django(name) : wordPress(name)),
        secrets: [secretOf(name)],
      }));
      for (const site of sites) {
        // Those of the application, too.
        site.secrets.push(...(await secretsOf(site.name)));
        await plantSecret(farm.web, site.name);
        // Its service has temporary files of its own.
        await site.shell(`echo ${secretOf(site.name)} >/tmp/page.txt`);
        await farm.ask(hostOf(site.name), `/only-of-${site.name}`);
      }
    });

    test.each(Object.entries(readsOf(names)))('who reads %s finds its own only', async (_what, command) => {
      await expectOwnOnly(sites, command);
    });

    test.each(Object.entries(looksOf(names, 'blog')))('none sees %s', async (_what, look) => {
      await expectUnseen(farm.web, sites, look);
    });

    test('each reaches the socket of its own PHP only', async () => {
      const sockets = ['blog', 'news'].map(name => `/run/aegir-${name}/php.sock`);
      for (const { name, shell, run } of sites) {
        const right = sockets.map(path => `${path} ${path.includes(name) ? 0 : 13}`);
        for (const answer of [await shell(connectTo(sockets)), await run(connectTo(sockets))])
          expect(answer.replace(/^200 /, '').trim().split('\n'), name).toEqual(right);
      }
    });

    test('each reads its own database only, and knows of no other', async () => {
      for (const name of names) {
        const databases = (await ask(name, 'SHOW DATABASES')).match(/aegir_\w+/g);
        expect(databases, name).toEqual([`aegir_${name}`]);
        for (const other of names) {
          const answer = await ask(name, `SELECT COUNT(*) FROM aegir_${other}.${tableOf(other)}`);
          expect(answer, `${name} of ${other}`).toMatch(name === other ? /^200 \d+$/ : /^200 .*denied/);
        }
      }
    });

    test('all three answer as before', allAnswer);
  });

  test('Django leaves nothing when it is deleted, and the others go on', async () => {
    await farm.web.exec('systemctl stop "busy-*"');
    await farm.run('environments', 'notes', 'delete_environment', { although_enabled: true, without_backup: true });
    const left = await farm.web.exec(
      `ls -d /var/lib/aegir/environments/notes; ls /etc/systemd/system /run | grep -i notes; getent passwd | grep aegir-notes;
      grep -rl ${hostOf('notes')} /etc/nginx; pgrep -fl gunicorn`,
    );
    expect(left.stdout).toBe('');
    const databases = await farm.database.exec(
      `mariadb --batch -N -e "show databases like 'aegir%'; select user from mysql.user where user like 'aegir%' order by user"`,
    );
    expect(databases.stdout).toBe('aegir_blog\naegir_news\naegir_blog\naegir_news');
    expect((await titles()).slice(0, 2)).toEqual(['Ada’s blog', 'The news']);
  });

  /** Password of the database, and what WordPress signs with. */
  async function secretsOf(name: string): Promise<string[]> {
    const files = '{environment,wordpress.secrets.php}';
    const { stdout } = await farm.web.exec(`bash -c 'cat /var/lib/aegir/environments/${name}/settings/${files}'`);
    const found = stdout.match(/\b[A-Za-z0-9]{48}\b/g) ?? [];
    expect(found, name).toHaveLength(name === 'notes' ? 1 : 2);
    return found;
  }

  const obey = (name: string, path: string, by: string, text: string) =>
    farm.ask(hostOf(name), `${path}?${by}=${encodeURIComponent(text)}`);

  const wordPress = (name: string) => ({
    name,
    shell: (command: string) => obey(name, '/', 'sh', command),
    read: (command: string) => obey(name, '/', 'php', readInPhp(command)),
    run: (command: string) => runOn(farm.web, name, command),
  });

  const django = (name: string) => ({
    name,
    shell: (command: string) => obey(name, '/open', 'sh', command),
    read: (command: string) => obey(name, '/open', 'python', readInPython(command)),
    run: (command: string) => runOn(farm.web, name, command),
  });

  /** Status, and what the site's own connection answers. */
  function ask(name: string, query: string): Promise<string> {
    const php = `$wpdb->suppress_errors(); echo implode(' ', $wpdb->get_col(${JSON.stringify(query)})), $wpdb->last_error;`;
    const python = `
from django.db import connection
try:
    cursor = connection.cursor()
    cursor.execute(${JSON.stringify(query)})
    print(*[row[0] for row in cursor.fetchall()], end='')
except Exception as error:
    print(error)
`;
    return name === 'notes' ? obey(name, '/open', 'python', python) : obey(name, '/', 'php', php);
  }
});

const tableOf = (name: string) => (name === 'notes' ? 'notes_note' : 'wp_options');
