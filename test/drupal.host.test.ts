// The life of Drupal sites whose pages and databases are on different hosts, prepared by Operations from nothing. Needs a codebase:
// AEGIR_TEST_DRUPAL names a git repository with composer.json at the root, web/, and vendor with Drush in it.

import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { testStory } from './drupal-story.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { type Operator, operatorOf } from './operator.ts';
import { canRunHosts } from './test-host.ts';
import { createVisitor } from './visitor.ts';

const codebase = process.env.AEGIR_TEST_DRUPAL;
const reason =
  canRunHosts() ?? (codebase ? null : 'AEGIR_TEST_DRUPAL names no git repository with Drupal, Drush and vendor.');
if (reason) console.warn(`Skipped: the life of Drupal sites on two hosts. ${reason}`);

const title = `Sven's "Shop" {{ 7 * 6 }} $(id)`;
/** As Drupal writes it into its pages. */
const titleInPages = 'Sven&#039;s &quot;Shop&quot; {{ 7 * 6 }} $(id)';
const module = 'web/modules/custom/aegir_trial/aegir_trial';
const hook = (number: number, body: string) => `\nfunction aegir_trial_update_${number}() {\n  ${body}\n}\n`;
const firstHook = hook(10001, `\\Drupal::state()->set('aegir_trial', 'updated');`);
const failingHook = hook(
  10002,
  `\\Drupal::state()->set('aegir_trial', 'half'); throw new \\Exception('The moon is away');`,
);

const mendedHook = hook(10002, `\\Drupal::state()->set('aegir_trial', 'mended');`);

/** The database of the site `shop` as that of a site that nobody here knows. */
const foreignDatabase = `mariadb <<'END'
CREATE DATABASE old; CREATE USER old@'%' IDENTIFIED BY 'of-old'; GRANT ALL ON old.* TO old@'%';
END
mariadb-dump aegir_shop | mariadb old`;
/** In a folder called like the site; its account in drushrc.php, and handed to PHP by the web server. */
const foreignSite = (databaseHost: string) => `useradd --create-home old &&
cp -rL /var/lib/aegir/environments/shop/current/. /srv/old && cd /srv/old/web/sites && rm -rf default && mkdir old.example.com &&
cd old.example.com && mkdir -p files private/files && echo public >files/old.txt && echo private >private/files/old.txt &&
cat >settings.php <<'END' && cat >drushrc.php <<'END' && chown -R old: /srv/old && chmod 440 settings.php drushrc.php
<?php
$databases['default']['default'] = ['driver' => $_SERVER['db_type'], 'database' => $_SERVER['db_name'],
  'username' => $_SERVER['db_user'], 'password' => $_SERVER['db_passwd'], 'host' => $_SERVER['db_host'], 'port' => $_SERVER['db_port']];
$settings['file_public_path'] = 'sites/old.example.com/files';
$settings['file_private_path'] = 'sites/old.example.com/private/files';
if (is_readable($app_root . '/sites/all/local.settings.php')) include_once $app_root . '/sites/all/local.settings.php';
END
<?php
$options['db_type'] = 'mysql'; $options['db_name'] = 'old'; $options['db_host'] = '${databaseHost}'; $options['db_port'] = '3306';
$options['db_user'] = 'old'; $options['db_passwd'] = 'of-old';
END`;

describe.skipIf(reason !== null)('Drupal sites on a web and a database host', () => {
  let farm: Farm;
  let operator: Operator;
  /** Of backups. */
  let store: string;

  const of = (name: string) => `/var/lib/aegir/environments/${name}`;
  const install = (name: string, ...answers: string[]) =>
    operator.cli('run', 'install_environment', name, ...answers, '--follow');
  const refused = async (name: string) => {
    const { operation } = await operator.failureOf(`environments/${name}`, install(name));
    expect((await operator.entity(`environments/${name}`)).state).toBe('broken');
    return operation.message;
  };
  const changedTasks = async (name: string) =>
    (await operator.lastOperation(`environments/${name}`)).tasks.filter(task => task.changed).map(task => task.type);
  const makeEnvironment = (name: string, release: string, ...more: string[]) =>
    operator.must(
      ...['environment', 'create', '--name', name, '--release', `shop/${release}`],
      ...['--cluster', 'farm', '--web-server', 'web', '--backup-store', 'here'],
      ...['--primary-name', `${name}.example.org`, ...more],
    );
  const useRelease = (name: string, release: string) =>
    operator.must('environment', 'edit', name, '--release', `shop/${release}`);
  const drush = (name: string, ...words: string[]) =>
    operator.must(
      ...['run', 'run_command', name],
      ...['vendor/bin/drush', ...words].flatMap(word => ['--command', word]),
      '--follow',
    );
  const status = async (name: string) =>
    (
      JSON.parse(await operator.must('run', 'site_status', name, '--json')) as {
        outputs: { status: Record<string, unknown> };
      }
    ).outputs.status;
  const databases = async () => (await farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`)).stdout;
  const addRelease = (name: string, ref: string) =>
    operator.must('release', 'create', '--name', name, '--project', 'shop', '--git-ref', ref);

  /** The codebase with a module of ours, in versions of which each goes on from the one before. */
  const makeReleases = async () => {
    const repository = join(farm.repositories, 'shop');
    await execa('git', ['clone', '--quiet', String(codebase), repository]);
    const files = {
      [`${module}.info.yml`]: 'name: Trial\ntype: module\ncore_version_requirement: ^10 || ^11\n',
      [`${module}.install`]: '<?php\n',
    };
    const first = await commitFiles(repository, files);
    await farm.addRelease('shop', 'drupal');
    await addRelease('first', first);
    await addRelease('update', await commitFiles(repository, { [`${module}.install`]: `<?php\n${firstHook}` }));
    const both = { [`${module}.install`]: `<?php\n${firstHook}${failingHook}` };
    await addRelease('failing', await commitFiles(repository, both));
    const mended = { [`${module}.install`]: `<?php\n${firstHook}${mendedHook}` };
    await addRelease('mended', await commitFiles(repository, mended));
    await mkdir(join(repository, '.git/away'));
    await rename(join(repository, 'vendor/drush'), join(repository, '.git/away/drush'));
    await addRelease('without-drush', await commitFiles(repository, {}));
    await rename(join(repository, 'vendor'), join(repository, '.git/away/vendor'));
    // With a lock file Composer tries each of the packages several times, which takes minutes.
    await rm(join(repository, 'composer.lock'));
    await addRelease('without-vendor', await commitFiles(repository, {}));
  };

  beforeAll(async () => {
    farm = await startFarm('dru', { web: { php_versions: ['8.2'] }, hasSecond: true });
    operator = operatorOf(farm.aegir);
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    await makeReleases();
  });

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('a site is installed by one command; its page has its title, and its database lies on the other host', async () => {
    await makeEnvironment('shop', 'first', '--kind', 'production');
    const answers = ['--site-name', title, '--admin-name', 'ada', '--admin-mail', 'ada@example.org'];
    const { code, stdout } = await install('shop', ...answers);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Installation complete.');
    expect(stdout).not.toMatch(/password/i);
    const page = await farm.ask('shop.example.org');
    expect(page.slice(0, 3)).toBe('200');
    expect(page).toContain(titleInPages);
    expect(await databases()).toBe('aegir_shop');
    expect((await farm.web.exec('command -v mariadbd; ls /var/lib/mysql')).stdout).toBe('');
    const { state, values } = await operator.entity('environments/shop');
    expect([state, values.url, values.user]).toEqual(['enabled', 'http://shop.example.org', 'aegir-shop']);
  });

  test('neither secrets nor leavings of the installation are anywhere', async () => {
    const secrets = await farm.web.exec(`cat ${of('shop')}/settings/drupal.secrets.php`);
    const found = secrets.stdout.match(/[A-Za-z0-9]{48}/g) ?? [];
    expect(found).toHaveLength(2);
    const operation = await operator.lastOperation('environments/shop');
    const entity = await operator.entity('environments/shop');
    const shown = JSON.stringify([await farm.aegir.log(operation.id), operation, entity]);
    for (const secret of found) expect(shown).not.toContain(secret);
    const left = await farm.web.exec(
      `ls -d ${of('shop')}/tmp/aegir-install-* ${of('shop')}/settings/drupal.unfinished;
      stat -c '%a %U:%G' ${of('shop')}/current/web/sites/default/settings.php; stat -c %a ${of('shop')}/current/web/sites/default`,
    );
    expect(left.stdout).toBe('440 root:aegir-shop\n755');
  });

  test('files that tell or run something are answered to nobody', async () => {
    for (const path of [
      ...['sites/default/settings.php', 'core/install.php', 'core/core.services.yml', 'core/CHANGELOG.txt'],
      ...['sites/default/files/x.php', 'composer.json', 'core/includes/install.inc'],
    ])
      expect(`${path} ${(await farm.ask('shop.example.org', `/${path}`)).slice(0, 3)}`).toBe(`${path} 404`);
    expect((await farm.ask('shop.example.org', '/user/login')).slice(0, 3)).toBe('200');
  });

  test('a second run changes nothing', async () => {
    expect((await install('shop')).code).toBe(0);
    expect(await changedTasks('shop')).toEqual([]);
  });

  test('the status is told at once, without the password of the database', async () => {
    const told = await status('shop');
    expect(told).toMatchObject({ application: 'Drupal', installed: true, title, maintenance: false, problems: [] });
    expect(told.database).toMatchObject({ name: 'aegir_shop', host: farm.database.address, reachable: true });
    expect(JSON.stringify(told)).not.toMatch(/password/i);
  });

  test('a login link signs in, once', async () => {
    const link = (await operator.must('run', 'log_in', 'shop')).trim();
    expect(link).toMatch(/^http:\/\/shop\.example\.org\/user\/reset\/1\//);
    const visitor = createVisitor(farm.web.address);
    const opened = await visitor.get(link);
    expect([opened.status, opened.headers['set-cookie']?.length]).toEqual([302, 1]);
    expect((await visitor.get(String(opened.headers.location))).body).toContain('ada@example.org');
    const again = await createVisitor(farm.web.address).get(link);
    expect([again.status, again.headers.location]).toEqual([302, 'http://shop.example.org/user/password']);
    expect((await operator.cli('run', 'log_in', 'shop', '--user', 'nobody')).stderr).toContain('nobody');
  });

  test('cron runs, caches are cleared, a command runs as the site, and it is verified', async () => {
    await operator.must('run', 'run_cron', 'shop', '--follow');
    await operator.must('run', 'sweep_cron', 'web', '--follow');
    expect(JSON.parse(await operator.must('environment', 'show', 'shop', '--json')).cron).toMatchObject({
      state: 'ok',
    });
    await operator.must('run', 'clear_caches', 'shop', '--follow');
    expect(await drush('shop', 'status', '--field=bootstrap')).toContain('Successful');
    await operator.must('run', 'verify_environment', 'shop', '--follow');
    expect((await status('shop')).cron).toMatchObject({ last_run: expect.stringMatching(/^20/) });
  });

  test('a second site of the same Release lives beside it, with a database and a salt of its own', async () => {
    await makeEnvironment('news', 'first', '--kind', 'staging');
    const { code, stdout } = await install('news', '--site-name', 'News', '--profile', 'minimal');
    expect(code, stdout).toBe(0);
    expect(await farm.ask('news.example.org')).toContain('News</title>');
    expect(await farm.ask('shop.example.org')).toContain(titleInPages);
    expect(await databases()).toBe('aegir_news\naegir_shop');
    const files = (path: string) => `${of('shop')}/${path} ${of('news')}/${path}`;
    const both = await farm.web.exec(
      `sha256sum ${files('settings/drupal.secrets.php')} | cut -c1-64 | uniq | wc -l;
      stat -c %i ${files('current/web/core/lib/Drupal.php')} | uniq | wc -l`,
    );
    expect(both.stdout).toBe('2\n1');
  });

  test('a site is carried away by “drush archive:dump”, without its secrets, and brought back as another one', async () => {
    await operator.must('run', 'export_environment', 'shop', '--follow');
    const { tasks } = await operator.lastOperation('environments/shop');
    const outputs = tasks.find(({ step }) => step === 'archive')?.outputs ?? {};
    const folder = await mkdtemp(join(tmpdir(), 'aegir-drupal-archive-'));
    try {
      const file = join(folder, 'shop.tar.gz');
      await operator.must('archive', 'download', String(outputs.archive), '--output', file);
      const names = (await execa('tar', ['tzf', file])).stdout.split('\n');
      expect(names).toEqual(expect.arrayContaining(['MANIFEST.yml', 'database/database.sql', 'code/composer.json']));
      expect(names.filter(name => name.endsWith('/settings.php'))).toEqual([]);
      const all = (await execa('tar', ['xzOf', file], { encoding: 'buffer' })).stdout;
      const secrets = (await farm.web.exec(`cat ${of('shop')}/settings/drupal.secrets.php`)).stdout;
      for (const secret of secrets.match(/[A-Za-z0-9]{48}/g) ?? [])
        expect(Buffer.from(all).includes(secret)).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
    expect((await farm.web.exec(`ls ${of('shop')}/tmp | grep aegir-export`)).stdout).toBe('');
    await makeEnvironment('carried', 'first');
    await operator.must('run', 'import_archive', 'carried', '--archive', String(outputs.archive), '--follow');
    expect(await farm.ask('carried.example.org')).toContain(titleInPages);
    await operator.must('run', 'delete_environment', 'carried', '--although-enabled', '--without-backup', '--follow');
  });

  test('a site as Aegir 3 has set it up is collected from its folder, and imported', async () => {
    expect((await farm.database.exec(foreignDatabase)).stderr).toBe('');
    expect((await farm.web.exec(foreignSite(farm.database.address))).stderr).toBe('');
    await operator.must('run', 'collect_site', 'shop', '--server', 'web', '--site-path', '/srv/old/web', '--follow');
    const { items } = (await farm.aegir.call<Page<Entity>>('GET', '/api/archives?origin=collect')).body;
    expect(items.map(({ values }) => values.primary_name)).toEqual(['old.example.com']);
    await makeEnvironment('taken', 'first');
    await operator.must('run', 'import_archive', 'taken', '--archive', String(items[0]?.values.name), '--follow');
    expect(await farm.ask('taken.example.org')).toContain(titleInPages);
    expect(await farm.ask('taken.example.org', '/sites/default/files/old.txt')).toContain('200 public');
    expect((await farm.web.exec(`cat ${of('taken')}/private/files/old.txt`)).stdout.trim()).toBe('private');
    await operator.must('run', 'delete_environment', 'taken', '--although-enabled', '--without-backup', '--follow');
  });

  test('a Release with an update of the database brings it along; without one nothing is done', async () => {
    await drush('news', 'pm:install', 'aegir_trial', '--yes');
    await useRelease('news', 'update');
    expect((await install('news')).stdout).toContain('Update completed: aegir_trial_update_10001');
    expect(await drush('news', 'state:get', 'aegir_trial')).toContain('updated');
    expect((await install('news')).code).toBe(0);
    expect(await changedTasks('news')).toEqual([]);
  });

  test('an update that fails is named with what it left, and the site goes on with the former code', async () => {
    await useRelease('news', 'failing');
    const message = await refused('news');
    expect(message).toContain('The update aegir_trial_update_10002 failed: The moon is away.');
    expect(message).toContain('What it did before it failed stays in the database');
    expect(await farm.ask('news.example.org')).toContain('News</title>');
    expect((await farm.web.exec(`grep -c moon ${of('news')}/current/${module}.install`)).stdout).toBe('0');
    await useRelease('news', 'update');
    expect((await install('news')).code).toBe(0);
    expect(await drush('news', 'state:get', 'aegir_trial')).toContain('half');
  });

  test('“Update” carries the database along or is undone with it, and “Roll back” returns to both', async () => {
    const update = (release: string) =>
      operator.cli('run', 'update_environment', 'news', '--release', `shop/${release}`, '--follow');
    // Not by an Operation: one that is parked keeps its locks.
    const content = async () =>
      (await farm.web.exec(`cd ${of('news')}/current && ${of('news')}/run vendor/bin/drush state:get aegir_trial`))
        .stdout;
    await drush('news', 'state:set', 'aegir_trial', 'content');
    expect((await update('failing')).code).toBe(1);
    expect((await farm.ask('news.example.org')).slice(0, 3)).toBe('503');
    expect(await content()).toContain('half');
    const { id } = await operator.lastOperation('environments/news');
    await operator.cli('decide', id, 'undo', '--follow');
    const { message } = await operator.lastEnded('environments/news');
    expect(message).toContain('The update aegir_trial_update_10002 failed: The moon is away.');
    expect([(await operator.entity('environments/news')).state, await content()]).toEqual([
      'enabled',
      expect.stringContaining('content'),
    ]);
    expect(await farm.ask('news.example.org')).toContain('News</title>');
    const { code, stdout } = await update('mended');
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/Visitors got the maintenance page for \d+(\.\d)? s\./);
    expect(await content()).toContain('mended');
    const older = await operator.failureOf('environments/news', update('update'));
    expect(older.operation.message).toContain(
      'The database has seen update 10002 of aegir_trial, and the new code knows them up to 10001 only.',
    );
    await operator.must('run', 'roll_back_environment', 'news', '--parts', 'database', '--follow');
    expect(await content()).toContain('content');
    expect(await farm.ask('news.example.org')).toContain('News</title>');
  });

  test('code without Drush, and code whose packages Composer cannot get, are refused with what to do', async () => {
    await makeEnvironment('bare', 'without-drush');
    expect(await refused('bare')).toContain('composer require drush/drush');
    await useRelease('bare', 'without-vendor');
    expect(await refused('bare')).toMatch(
      /composer ended with code \d+: .*(resolve|could not).*Nothing of it was left/is,
    );
    expect((await farm.web.exec(`ls ${of('bare')}/releases | grep -c build`)).stdout).toBe('0');
    await useRelease('bare', 'first');
    expect((await install('bare', '--profile', 'minimal')).code).toBe(0);
    await operator.must('run', 'delete_environment', 'bare', '--although-enabled', '--without-backup', '--follow');
  });

  test('an installer that dies half-way begins anew, and tables of something else are never removed', async () => {
    await makeEnvironment('half', 'first');
    const failed = operator.failureOf('environments/half', install('half', '--profile', 'minimal'));
    const begun = `mariadb -BNe "SELECT 1 FROM information_schema.tables WHERE table_schema = 'aegir_half' AND table_name = 'users'"`;
    await until(async () => (await farm.database.exec(begun)).stdout === '1');
    await farm.web.exec('pkill -KILL -u aegir-half php');
    expect((await failed).operation.tasks.find(task => task.state === 'failed')?.type).toBe('install_drupal');
    const again = await install('half');
    expect(again.stdout).toContain('An earlier installation did not come to its end');
    expect(again.code, again.stdout).toBe(0);
    await farm.database.exec('mariadb aegir_half -e "SET FOREIGN_KEY_CHECKS = 0; DROP TABLE users"');
    expect(await refused('half')).toContain('users are missing. Nothing was removed.');
    expect((await farm.database.exec('mariadb aegir_half -BNe "SELECT COUNT(*) > 20 FROM config"')).stdout).toBe('1');
    expect((await status('half')).problems).toEqual([expect.stringContaining('no complete Drupal')]);
    await operator.must('run', 'delete_environment', 'half', '--although-enabled', '--without-backup', '--follow');
  });

  test('a database server that is away is named, and nothing is lost', async () => {
    await farm.database.exec('systemctl stop mariadb.socket mariadb');
    const run = operator.cli('run', 'verify_environment', 'shop', '--follow');
    const { operation } = await operator.failureOf('environments/shop', run);
    expect(operation.message).toContain('cannot be reached');
    await farm.database.exec('systemctl start mariadb');
    await operator.must('run', 'verify_environment', 'shop', '--follow');
    expect(await farm.ask('shop.example.org')).toContain(titleInPages);
  });

  testStory(() => ({ farm, operator, titleInPages }));

  test('deleting leaves neither files, user, unit, configuration nor database', async () => {
    for (const name of ['news', 'copy'])
      await operator.must('run', 'delete_environment', name, '--although-enabled', '--without-backup', '--follow');
    const left = `find /var/lib/aegir/environments -mindepth 1; ls /etc/systemd/system /run | grep aegir-;
      getent passwd | grep aegir-; getent group | grep aegir-; grep -rl example.org /etc; pgrep -a php; systemctl --failed --no-legend`;
    for (const host of [farm.web, farm.second]) expect((await host?.exec(left))?.stdout).toBe('');
    expect(await databases()).toBe('');
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 300_000;
  while (!(await holds())) if (Date.now() > end) throw new Error('It did not come to that within five minutes.');
}
