// The life of WordPress sites whose pages and databases are on two hosts, prepared by Operations from nothing; and what goes
// wrong: a clear state and message each time, while the neighbour lives on and the next right run succeeds.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { type Operator, operatorOf } from './operator.ts';
import { project } from './play-role.ts';
import { canRunHosts } from './test-host.ts';
import { createVisitor } from './visitor.ts';
import { testArchives } from './wordpress-archives.ts';
import { testCopies } from './wordpress-copies.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: the life of WordPress sites on two hosts. ${reason}`);

const title = `Sven's "Blog" {{ 7 * 6 }} $(id)`;
/** As WordPress writes it into its pages. */
const titleInPages = 'Sven&#039;s &quot;Blog&quot; {{ 7 * 6 }} $(id)';

/** Two hosts install all that they need; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)('WordPress sites on a web and a database host', () => {
  let farm: Farm;
  let operator: Operator;
  /** Of backups. */
  let store: string;

  const install = (name: string, ...answers: string[]) =>
    operator.cli('run', 'install_environment', name, ...answers, '--follow');
  const environment = async (name: string) => (await operator.entity(`environments/${name}`)).values;
  const makeEnvironment = (name: string, release = 'blog/v1', kind = 'production') => {
    const place = ['--cluster', 'farm', '--primary-name', `${name}.example.org`, '--kind', kind];
    return operator.must('environment', 'create', '--name', name, '--release', release, ...place);
  };
  const databases = async () => (await farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`)).stdout;
  const accounts = async () =>
    (await farm.database.exec(`mariadb -BNe 'SELECT user FROM mysql.user WHERE user LIKE "aegir%"'`)).stdout;

  const run = (type: string, name: string) => operator.cli('run', type, name, '--follow');
  const refused = async (type: string, name: string) =>
    (await operator.failureOf(`environments/${name}`, run(type, name))).operation;
  const state = async (name: string) => (await operator.entity(`environments/${name}`)).state;
  const titleOf = async (name: string) => /<title>(.*)<\/title>/.exec(await farm.ask(`${name}.example.org`))?.[1];
  const override = async (name: string, text: string | null) => {
    const path = `/api/environments/${name}/overrides/write_wordpress_settings/wordpress.php.j2`;
    expect((await farm.aegir.call('PUT', path, { text })).status).toBe(204);
  };
  const neighbourLives = async () => expect(await titleOf('news')).toBe('News');

  const uploads = '/var/lib/aegir/environments/blog/files';
  const backups = async () => (await farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items;
  beforeAll(async () => {
    // From nothing, as an operator does it.
    farm = await startFarm('wps', { areBare: true, web: { php_versions: ['8.2'] } });
    operator = operatorOf(farm.aegir);
    await makeWordPressRepository(join(farm.repositories, 'blog'));
    await farm.addRelease('blog', 'wordpress');
  }, setUpMs);

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('a site is installed by one command; its page has its title, and its database lies on the other host', async () => {
    await makeEnvironment('blog');
    const answers = [
      '--site-name',
      title,
      '--admin-name',
      'ada',
      '--admin-mail',
      'ada@example.org',
      '--locale',
      'de_DE',
    ];
    const { code, stdout } = await install('blog', ...answers);
    expect(code, stdout).toBe(0);
    const page = await farm.ask('blog.example.org');
    expect(page.slice(0, 3)).toBe('200');
    expect(page).toContain(`<title>${titleInPages}</title>`);
    expect(await databases()).toBe('aegir_blog');
    expect((await farm.web.exec('command -v mariadbd; ls /var/lib/mysql')).stdout).toBe('');
    const values = await environment('blog');
    expect(values).toMatchObject({ url: 'http://blog.example.org', user: 'aegir-blog' });
    expect(values.database).toMatchObject({ name: 'aegir_blog', host: farm.database.address });
    expect((await operator.entity('environments/blog')).state).toBe('enabled');
  });

  test('no secret of the site is in the log or on the pages', async () => {
    const file = '/var/lib/aegir/environments/blog/settings/wordpress.secrets.php';
    const found = (await farm.web.exec(`cat ${file}`)).stdout.match(/[A-Za-z0-9]{48}/g) ?? [];
    expect(found).toHaveLength(2);
    const operation = await operator.lastOperation('environments/blog');
    const shown = JSON.stringify([
      await farm.aegir.log(operation.id),
      operation,
      await operator.entity('environments/blog'),
    ]);
    for (const secret of found) expect(shown).not.toContain(secret);
  });

  test('files that tell or run something are answered to nobody', async () => {
    for (const path of [
      'wp-config.php',
      'wp-cron.php',
      'wp-admin/install.php',
      'readme.html',
      'wp-content/uploads/x.php',
    ])
      expect(`${path} ${(await farm.ask('blog.example.org', `/${path}`)).slice(0, 3)}`).toBe(`${path} 404`);
    expect((await farm.ask('blog.example.org', '/wp-login.php')).slice(0, 3)).toBe('200');
  });

  test('the status is told at once', async () => {
    const { stdout } = await operator.cli('run', 'site_status', 'blog', '--json');
    const { status } = (JSON.parse(stdout) as { outputs: { status: Record<string, unknown> } }).outputs;
    expect(status).toMatchObject({ application: 'WordPress', installed: true, title, administrators: 1, problems: [] });
    expect(status.database).toMatchObject({ name: 'aegir_blog', reachable: true });
  });

  test('a login link opens the dashboard, once', async () => {
    const link = (await operator.must('run', 'log_in', 'blog')).trim();
    const visitor = createVisitor(farm.web.address);
    const opened = await visitor.get(link);
    expect([opened.status, opened.headers.location]).toEqual([302, 'http://blog.example.org/wp-admin/']);
    const dashboard = await visitor.get('http://blog.example.org/wp-admin/');
    expect(dashboard.status).toBe(200);
    expect(dashboard.body).toContain('id="wpadminbar"');
    const again = await createVisitor(farm.web.address).get(link);
    expect([again.status, again.headers['set-cookie']]).toEqual([410, undefined]);
    expect(again.body).toContain('This link was used');
    const token = new URL(link).searchParams.get('token') ?? '';
    expect((await farm.web.exec(`grep -rl ${token} /var/lib/aegir /var/log /etc`)).stdout).toBe('');
  });

  test('cron runs, caches are cleared, and a command runs as the site', async () => {
    await operator.must('run', 'run_cron', 'blog', '--follow');
    await operator.must('run', 'sweep_cron', 'web', '--follow');
    expect(JSON.parse(await operator.must('environment', 'show', 'blog', '--json')).cron).toMatchObject({
      state: 'ok',
    });
    await operator.must('run', 'clear_caches', 'blog', '--follow');
    const command = ['--command', 'php', '--command', '-r', '--command', 'echo get_current_user(), posix_getuid();'];
    const output = await operator.must('run', 'run_command', 'blog', ...command, '--follow');
    expect(output).toContain((await farm.web.exec('id -u aegir-blog')).stdout);
    await operator.must('run', 'verify_environment', 'blog', '--follow');
  });

  test('a second site of the same Release lives beside it, with a database and keys of its own', async () => {
    await makeEnvironment('news', 'blog/v1', 'staging');
    expect((await install('news', '--site-name', 'News')).code).toBe(0);
    expect(await farm.ask('news.example.org')).toContain('<title>News</title>');
    expect(await farm.ask('blog.example.org')).toContain(titleInPages);
    expect(await databases()).toBe('aegir_blog\naegir_news');
    const of = (name: string) => `/var/lib/aegir/environments/${name}`;
    const both = await farm.web.exec(
      `sha256sum ${of('blog')}/settings/wordpress.secrets.php ${of('news')}/settings/wordpress.secrets.php | cut -c1-64 | uniq | wc -l;` +
        `stat -c %i ${of('blog')}/current/wp-load.php ${of('news')}/current/wp-load.php | uniq | wc -l`,
    );
    expect(both.stdout).toBe('2\n1');
  });

  test('a database server that is away is named by every Operation, and nothing is lost', async () => {
    await farm.database.exec('systemctl stop mariadb.socket mariadb');
    try {
      expect((await refused('verify_environment', 'blog')).message).toContain('cannot be reached');
      expect(await state('blog')).toBe('broken');
      expect((await refused('run_cron', 'blog')).message).toMatch(/: The database Server \S+ cannot be reached/);
      expect((await refused('install_environment', 'blog')).message).toMatch(/MariaDB|mariadb/);
    } finally {
      // Else all that follow would fail as well.
      await farm.database.exec('systemctl start mariadb');
    }
    await operator.must('run', 'verify_environment', 'blog', '--follow');
    expect([await state('blog'), await titleOf('blog')]).toEqual(['enabled', titleInPages]);
  });

  test('settings whose override fails when it runs never take effect: the site and its neighbour live on', async () => {
    const own = join(project, 'roles/write_wordpress_settings/templates/wordpress.php.j2');
    await override('blog', `${await readFile(own, 'utf8')}\nno_such_function();\n`);
    const { message } = await refused('install_environment', 'blog');
    expect(message).toContain('undefined function no_such_function()');
    expect(message).toContain('the former ones stay in effect');
    await neighbourLives();
    expect(await titleOf('blog')).toBe(titleInPages);
    await override('blog', null);
  });

  test('a full disk is named, the sites live on, and with room again the installation comes to its end', async () => {
    await makeEnvironment('late');
    await farm.web.exec('dd if=/dev/zero of=/srv/full bs=64k status=none');
    expect((await run('install_environment', 'late')).code).toBe(1);
    const { message } = await operator.lastEnded('environments/late');
    expect(message).toMatch(/no (space|room)|disk/i);
    expect(await state('late')).toBe('broken');
    await neighbourLives();
    await farm.web.exec('rm /srv/full');
    await operator.must('run', 'install_environment', 'late', '--follow');
    expect([await state('late'), await titleOf('late')]).toEqual(['enabled', 'late.example.org']);
  });

  test('a restore brings database, files and code back to those of the backup, and the address of another site is not touched', async () => {
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await operator.must('backup_store', 'create', '--name', 'here', '--type', 'directory', '--folder', store);
    await operator.must('environment', 'edit', 'blog', '--backup-store', 'here');
    await farm.web.exec(`echo kept >${uploads}/kept.txt && chown aegir-blog: ${uploads}/kept.txt`);
    await operator.must('run', 'back_up_environment', 'blog', '--note', 'by hand', '--follow');
    const [backup, ...others] = await backups();
    expect([backup?.state, backup?.values.note, others]).toEqual(['unproven', 'by hand', []]);
    const before = await environment('blog');
    await commitFiles(join(farm.repositories, 'blog'), { 'later.txt': 'later' });
    await operator.must('release', 'create', '--name', 'v2', '--project', 'blog', '--git-ref', 'main');
    await operator.must('environment', 'edit', 'blog', '--release', 'blog/v2');
    expect((await install('blog')).code).toBe(0);
    await farm.database.exec(
      `mariadb aegir_blog -e "UPDATE wp_options SET option_value = 'Lost' WHERE option_name = 'blogname'"`,
    );
    await farm.web.exec(`rm ${uploads}/kept.txt`);
    expect([await titleOf('blog'), (await farm.ask('blog.example.org', '/later.txt')).slice(0, 3)]).toEqual([
      'Lost',
      '200',
    ]);
    await operator.must('run', 'restore_environment', 'blog', '--backup', String(backup?.values.name), '--follow');
    expect(await titleOf('blog')).toBe(titleInPages);
    expect(await farm.ask('blog.example.org', '/wp-content/uploads/kept.txt')).toContain('kept');
    expect((await farm.ask('blog.example.org', '/later.txt')).slice(0, 3)).toBe('404');
    const after = await environment('blog');
    expect([after.release, after.deployed_hash]).toEqual([before.release, before.deployed_hash]);
    expect(await backups()).toHaveLength(2);
    await neighbourLives();
  });

  testCopies(() => ({ farm, operator, titleInPages }));

  testArchives(() => ({ farm, operator, titleInPages }));

  test('deleting leaves neither files, user, unit, configuration nor database', async () => {
    for (const name of ['blog', 'news', 'late', 'copy'])
      await operator.must('run', 'delete_environment', name, '--although-enabled', '--without-backup', '--follow');
    for (const release of ['blog/v1', 'blog/v2'])
      await operator.must('run', 'delete_release', release, '--server', 'web', '--follow');
    const left = await farm.web.exec(
      `find /var/lib/aegir/environments /var/lib/aegir/releases -mindepth 1; ls /etc/systemd/system /run | grep aegir-;
      getent passwd | grep aegir-; getent group | grep aegir-; grep -rl example.org /etc; pgrep -a php; systemctl --failed --no-legend`,
    );
    expect(left.stdout).toBe('');
    expect([await databases(), await accounts()]).toEqual(['', '']);
    expect((await createVisitor(farm.web.address).get('http://blog.example.org/')).body).not.toContain('Blog');
  });
});
