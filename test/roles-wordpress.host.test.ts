// WordPress by its roles alone, from Debian's package, with its database on another host: settings, installation, update,
// cron, and what is said when something is wrong.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { project } from './play-role.ts';
import { canRunHosts } from './test-host.ts';
import { startWordPressHosts, type WordPressHosts } from './wordpress-hosts.ts';

const reason = canRunHosts();
const title = `Ol' "Blog" {{ 7 * 6 }} $HOME`;

/** WordPress reads it when it installs; the double quotes are the shell's. */
const hangingInstaller = `<?php function wp_install_defaults() { file_put_contents(getenv('TMPDIR') . '/waiting', 'waiting'); sleep(600); }`;

const events = `<?php
add_action("fine_event", fn () => update_option("fine", 1 + (int) get_option("fine")));
add_action("broken_event", fn () => throw new Exception("the moon is away"));
add_action("ending_event", function () { exit; });`;

/** Stands for wp-cli: notes how it was called, and installs. */
const wpCli = Buffer.from(`#!/usr/bin/env php
<?php
$password = trim(fgets(STDIN));
file_put_contents(getenv('TMPDIR') . '/wp-cli', json_encode([$argv, $password]));
foreach (array_slice($argv, 3) as $word) { [$name, $value] = explode('=', $word, 2) + [1 => '']; $options[trim($name, '-')] = $value; }
$_SERVER['HTTP_HOST'] = 'blog.test';
define('WP_INSTALLING', true);
require $options['path'] . 'wp-load.php';
function wp_new_blog_notification() {}
add_filter('pre_http_request', fn () => new WP_Error('no'));
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install($options['title'], $options['admin_user'], $options['admin_email'], true, '', $password);
`).toString('base64');

interface Status {
  installed: boolean;
  version: string;
  title: string;
  administrators: number;
  database: { reachable: boolean; bytes: number; host: string };
  cron: { last_run: string | null; failed: string[] };
  problems: string[];
}

/** Two hosts install all that they need; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)(`WordPress on real hosts${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: WordPressHosts;
  let template: string;
  let path: string;
  let code: string;
  let content: string;

  const sql = (text: string) => site.hosts.ask(`USE aegir_blog; ${text}`);
  const onWeb = (command: string) => site.hosts.web.exec(command);
  const status = async () => ((await site.act('status_wordpress')) as { status: Status }).status;
  const account = () => `'aegir_blog'@'${site.hosts.web.address}'`;
  /** PHP within the site's WordPress. */
  const inSite = (php: string) =>
    onWeb(`${path}/run php <<'END'\n<?php $_SERVER['HTTP_HOST'] = ''; require '${code}/wp-load.php'; ${php}\nEND\n`);
  const withText = (text: string) => ({ templates: { 'wordpress.php.j2': text } });

  beforeAll(async () => {
    site = await startWordPressHosts('wp');
    path = String(site.values.environment_path);
    code = String(site.values.code_path);
    content = `${code}/wp-content`;
    template = await readFile(join(project, 'roles/write_wordpress_settings/templates/wordpress.php.j2'), 'utf8');
  }, setUpMs);

  afterAll(() => site?.stop());

  test('settings lie outside of the code, readable by the site only; the repository’s own wp-config.php is not used', async () => {
    const written = await site.play('write_wordpress_settings');
    expect(written.changed).toBeGreaterThan(0);
    expect(written.output).not.toContain('k3k3');
    expect((await site.play('write_wordpress_settings')).changed).toBe(0);
    const modes = await onWeb(`stat -c '%a %U %G' ${path}/settings/wordpress*.php ${code}/wp-config.php`);
    expect([...new Set(modes.stdout.split('\n'))]).toEqual(['640 root aegir-blog']);
    expect(
      (await onWeb(`grep -c DEBIAN_FILE ${code}/wp-config.php ${site.values.release_path}/wp-config.php`)).stdout,
    ).toMatch(/wp-config.php:0\n.*wp-config.php:[1-9]/);
    expect((await onWeb(`grep -l k3k3 -r ${path}/settings ${code}`)).stdout).toBe(
      `${path}/settings/wordpress.secrets.php`,
    );
  });

  test.each([
    ['is no PHP', (text: string) => `${text}\ndefine('X', ;`, 'syntax error'],
    ['stops at run time', () => '<?php\nno_such_function();', 'undefined function no_such_function() on line 2'],
    ['ends the program', (text: string) => `${text}\nexit(0);`, 'they end the program'],
    ['prints', (text: string) => `hello ${text}`, 'they print something'],
    ['begins with an empty line', (text: string) => `\n${text}`, 'they print something'],
    ['forgets the database', () => '<?php $table_prefix = "wp_";', 'they do not define DB_NAME'],
  ])('an override that %s is refused, and the former settings stay', async (_, change, said) => {
    const file = `${path}/settings/wordpress.php`;
    const before = await onWeb(`sha256sum ${file}`);
    const refusal = await site.refused('write_wordpress_settings', {}, withText(change(template)));
    expect(refusal).toContain(said);
    expect(refusal).toContain('the former ones stay in effect');
    expect((await onWeb(`sha256sum ${file}`)).stdout).toBe(before.stdout);
  });

  test('an installation that is killed half-way is named by all, and begun anew by the next one', async () => {
    await onWeb(`printf '%s' "${hangingInstaller}" >${content}/install.php`);
    const killed = site.refused('install_wordpress', { site_name: title });
    await until(async () => (await onWeb(`cat ${path}/tmp/waiting`)).stdout === 'waiting');
    expect(await site.refused('install_wordpress')).toContain('Another installation of this site is under way');
    await onWeb('pkill -KILL -u aegir-blog php');
    await killed;
    expect((await sql('SELECT COUNT(*) FROM wp_users')).join('')).toBe('1');
    const half = expect.stringContaining('did not come to its end');
    expect(await status()).toMatchObject({ installed: false, problems: [half] });
    expect(await site.refused('verify_wordpress')).toEqual(half);
    await onWeb(`rm ${content}/install.php`);
    await site.play('install_wordpress', { site_name: title, locale: 'de_DE' });
    expect((await sql(`SHOW TABLES LIKE '%aegir%'`)).join('')).toBe('');
    expect(await status()).toMatchObject({ installed: true, title, administrators: 1, problems: [] });
    expect((await sql(`SELECT post_title FROM wp_posts WHERE ID = 1`)).join('')).toBe('Hallo Welt!');
  });

  test('what is installed is left as it is, and found in order', async () => {
    const before = await sql('CHECKSUM TABLE wp_options, wp_users, wp_posts');
    for (const role of ['install_wordpress', 'update_wordpress', 'verify_wordpress'])
      expect((await site.play(role, { site_name: 'Another' })).changed, role).toBe(0);
    expect(await sql('CHECKSUM TABLE wp_options, wp_users, wp_posts')).toEqual(before);
    for (const role of ['write_wordpress_settings', 'install_wordpress', 'update_wordpress', 'clear_wordpress_caches'])
      await site.play(role, {}, { check: true });
  });

  test('a database of an older version is updated, once; a dry run says so and does nothing', async () => {
    await sql(`UPDATE wp_options SET option_value = '53000' WHERE option_name = 'db_version'`);
    expect(await site.refused('verify_wordpress')).toContain('waits for its update');
    expect((await site.play('update_wordpress', {}, { check: true })).changed).toBe(1);
    expect((await site.play('update_wordpress')).changed).toBe(1);
    expect((await site.play('update_wordpress')).changed).toBe(0);
    expect((await status()).problems).toEqual([]);
  });

  test('cron runs what is due; what fails is named and does not stop the rest', async () => {
    await onWeb(`mkdir -p ${content}/mu-plugins && printf '%s' '${events}' >${content}/mu-plugins/events.php`);
    const due = (...hooks: string[]) =>
      inSite(hooks.map(hook => `wp_schedule_single_event(time() - 9, '${hook}');`).join(' '));
    await due('fine_event');
    expect((await site.play('run_cron')).outputs).toEqual({ busy: false });
    expect((await inSite(`echo get_option('fine');`)).stdout).toBe('1');
    await due('broken_event', 'fine_event');
    expect(await site.refused('run_cron')).toContain('1 of 2 events failed. broken_event: the moon is away');
    expect((await inSite(`echo get_option('fine');`)).stdout).toBe('2');
    expect((await status()).problems.join()).toContain('the moon is away');
    await due('ending_event');
    expect(await site.refused('run_cron')).toContain('ending_event ended the whole run: it called exit');
    await site.play('run_cron');
    expect((await status()).cron).toMatchObject({ failed: [] });
  });

  test('a sweep runs it as each site’s own user, and what hangs goes with all that it has started', async () => {
    const programs: Record<string, string> = {
      // Neither its session nor the signal to end keeps it.
      hanging: 'trap "" TERM; setsid sh -c "trap : TERM; sleep 61838; sleep 61838" & sleep 61838; sleep 61838',
      failing: `echo $(id -un) $(test -e ${path} || echo alone); exit 3`,
      shut: 'exit 1',
    };
    const sites = [];
    for (const [name, program] of Object.entries(programs)) {
      const own = String((await site.play('prepare_environment', { environment_name: name })).outputs.path);
      await onWeb(
        `cd ${own} && printf '#!/bin/sh\\n%s\\n' '${program}' >settings/cron && chgrp aegir-${name} settings/cron && chmod 750 settings/cron`,
      );
      sites.push({ environment: name, path: own });
    }
    await onWeb(`touch ${sites[2]?.path}/disabled`);
    await inSite(`wp_schedule_single_event(time() - 9, 'fine_event'); update_option('fine', 5);`);
    const given = [...sites, { environment: 'blog', path }].map(each => ({
      ...{ name: each.environment, address: 'http://blog.test', slow: false, skip: '' },
      ...each,
    }));
    const limits = { seconds: 4, at_once: 2, total_seconds: 60 };
    const told = await site.act('sweep_cron', { sites: given, ...limits });
    expect(told).toMatchObject({ summary: expect.stringContaining('1 ok, 1 failed, 1 took too long, 1 left out') });
    const { runs } = told as unknown as { runs: { environment: string; state: string; words: string }[] };
    const of = (name: string) => runs.find(({ environment }) => environment === name);
    expect(of('blog')).toMatchObject({ state: 'ok', words: '' });
    expect((await inSite(`echo get_option('fine');`)).stdout).toBe('6');
    // It sees no other Environment.
    expect(of('failing')).toMatchObject({ state: 'failed', words: 'It ended with code 3. aegir-failing alone' });
    expect(of('shut')).toMatchObject({ state: 'skipped', words: 'The Environment is disabled.' });
    expect(of('hanging')?.state).toBe('timed_out');
    expect((await onWeb('pgrep -f "^sleep 6183[8]$"')).stdout).toBe('');
    for (const { environment, path: own } of sites)
      await site.play('remove_environment', { environment_name: environment, environment_path: own });
    // Both take the same lock.
    await onWeb(`setsid flock ${path}/settings/cron sleep 30 >/dev/null 2>&1 </dev/null & sleep 1`);
    expect((await site.play('run_cron')).outputs).toEqual({ busy: true });
    expect(await site.act('sweep_cron', { sites: given.slice(3), ...limits })).toMatchObject({
      runs: [{ state: 'skipped', words: 'Another run was under way.' }],
    });
    await onWeb('pkill -f "^flock .*settings/cron"; pkill -f "^sleep 30$"; true');
  });

  test('clearing the caches removes transients that are over', async () => {
    await inSite(
      `set_transient('old', 1, 1); update_option('_transient_timeout_old', 5); set_transient('new', 1, 900);`,
    );
    await site.play('clear_wordpress_caches');
    expect(
      await sql(`SELECT option_name FROM wp_options WHERE option_name IN ('_transient_old', '_transient_new')`),
    ).toEqual(expect.not.arrayContaining(['_transient_old']));
    expect((await inSite(`echo get_transient('new');`)).stdout).toBe('1');
  });

  test('addresses of another site become its own, whatever they are packed in, once; nothing else changes', async () => {
    await sql(`CREATE TABLE keyless (note TEXT); CREATE TABLE stamped (id INT PRIMARY KEY AUTO_INCREMENT, value MEDIUMBLOB,
      at TIMESTAMP DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP); INSERT INTO wp_posts (post_content, guid, post_title,
      post_excerpt, to_ping, pinged, post_content_filtered) VALUES ('x', 'http://old.test/?p=9', 'packed', '', '', '', '')`);
    const other = packed('https://old.test', '/var/lib/aegir/environments/old');
    await sql(other.map(value => `INSERT INTO stamped (value) VALUES (x'${hex(value)}')`).join(';'));
    await sql(`INSERT INTO keyless VALUES (x'${hex(other[0])}'), (x'${hex(other[0])}'), (NULL)`);
    const large = (url: string) => `REPEAT('ü ${url}/ ', 200000)`;
    const serialised = (text: string) => `CONCAT('a:1:{i:0;s:', LENGTH(${text}), ':"', ${text}, '";}')`;
    await sql(
      `INSERT INTO wp_options (option_name, option_value) VALUES ('large', ${serialised(large('http://www.former.test'))})`,
    );
    const untouched = [
      `s:99:"http://old.test";`,
      'http://old.test.example.org/ ftp://old.test http://my.old.test a@old.test',
    ];
    await sql(
      [...untouched, '\xffhttp://old.test']
        .map(value => `INSERT INTO stamped (value) VALUES (x'${hex(value, 'latin1')}')`)
        .join(';'),
    );
    const from = {
      source_name: 'old.test',
      source_aliases: ['*.old.test'],
      source_redirect_names: ['www.former.test'],
      source_path: '/var/lib/aegir/environments/old',
    };
    expect((await site.play('rewrite_wordpress_addresses', from, { check: true })).changed).toBe(0);
    const run = await site.play('rewrite_wordpress_addresses', from);
    expect([run.changed, run.outputs]).toEqual([1, { rewritten: other.length + 2, left: 1 }]);
    const own = packed('http://blog.test', path);
    const wanted = [...own, ...untouched, '\xffhttp://old.test'].map((value, index) =>
      hex(value, index < own.length ? 'utf8' : 'latin1'),
    );
    expect(await sql('SELECT HEX(value) FROM stamped ORDER BY id')).toEqual(wanted.map(text => text.toUpperCase()));
    expect(await sql('SELECT DISTINCT at FROM stamped')).toEqual(['2001-01-01 00:00:00']);
    expect((await sql('SELECT COUNT(*), note FROM keyless GROUP BY note')).join()).toContain(`2\t${own[0]}`);
    expect(
      (
        await sql(
          `SELECT option_value = ${serialised(large('http://blog.test'))} FROM wp_options WHERE option_name = 'large'`,
        )
      ).join(''),
    ).toBe('1');
    expect((await sql(`SELECT guid FROM wp_posts WHERE post_title = 'packed'`)).join('')).toBe('http://old.test/?p=9');
    const before = await sql('CHECKSUM TABLE stamped, keyless, wp_options, wp_posts');
    expect((await site.play('rewrite_wordpress_addresses', from)).changed).toBe(0);
    expect(await sql('CHECKSUM TABLE stamped, keyless, wp_options, wp_posts')).toEqual(before);
    await sql(
      `DROP TABLE stamped, keyless; DELETE FROM wp_options WHERE option_name = 'large'; DELETE FROM wp_posts WHERE post_title = 'packed'`,
    );
  });

  test('personal data are taken away where that is chosen, and nobody can sign in by what was known', async () => {
    const addresses = () =>
      sql('SELECT user_email, user_pass FROM wp_users; SELECT DISTINCT comment_author_email FROM wp_comments');
    const before = await addresses();
    expect((await site.play('sanitise_wordpress')).changed).toBe(0);
    expect(await addresses()).toEqual(before);
    expect((await site.play('sanitise_wordpress', { sanitise: true, parts: 'files' })).changed).toBe(0);
    expect((await site.play('sanitise_wordpress', { sanitise: true })).changed).toBe(1);
    expect((await addresses()).join('\n')).toMatch(/^user1@localhost.invalid\t!\ncomment1@localhost.invalid$/);
    expect((await site.play('sanitise_wordpress', { sanitise: true })).changed).toBe(0);
    expect((await site.act('login_wordpress')) as { url: string }).toMatchObject({
      url: expect.stringContaining('token='),
    });
  });

  test('a login link is known by its hash only, to the site only', async () => {
    const { url, expires } = (await site.act('login_wordpress')) as { url: string; expires: string };
    const [, token = ''] = /^http:\/\/blog\.test\/\.well-known\/aegir-login\?token=([0-9a-f]{64})$/.exec(url) ?? [];
    expect(Date.parse(expires) - Date.now()).toBeGreaterThan(200_000);
    const file = `${path}/private/aegir-login/${createHash('sha256').update(token).digest('hex')}`;
    expect((await onWeb(`stat -c %a ${file}`)).stdout).toBe('600');
    expect((await onWeb(`ls ${path}/private/aegir-login`)).stdout).toMatch(/^[0-9a-f]{64}(\n[0-9a-f]{64})*$/);
    expect((await onWeb(`grep -rl ${token} /var/lib /var/log`)).stdout).toBe('');
    expect(await site.act('login_wordpress', { user: `nobody' OR 1=1` })).toBe(
      `The site has no user “nobody' OR 1=1”.`,
    );
  });

  test.each([
    ['is away', 'systemctl stop mariadb.socket mariadb', 'systemctl start mariadb', 'cannot be reached'],
    [
      'does not know the password',
      `ALTER USER USER IDENTIFIED BY 'other' REQUIRE SSL`,
      '',
      'refuses the user aegir_blog',
    ],
    ['has taken the grants', 'REVOKE ALL, GRANT OPTION FROM USER', '', 'has not the grants'],
  ])('a database Server that %s is told in words, by verify and by the status', async (_, before, after, said) => {
    const carryOut = (text: string) =>
      text.startsWith('systemctl')
        ? site.hosts.database.exec(text)
        : site.hosts.ask(text.replaceAll('USER USER', `USER ${account()}`).replace('FROM USER', `FROM ${account()}`));
    await carryOut(before);
    const found = await status();
    expect(found.database.reachable).toBe(false);
    expect(found.problems.join()).toContain(said);
    expect(await site.refused('verify_wordpress')).toContain(said);
    if (after) await carryOut(after);
    await site.hosts.play('create_database', site.database);
    await site.play('verify_wordpress');
  });

  test('a database Server that cannot prove who it is gets no password', async () => {
    const ca = `${path}/settings/ca.pem`;
    await onWeb(`cp ${ca} /root/whole.pem; cp /etc/ssl/certs/ca-certificates.crt ${ca}`);
    expect(await site.refused('verify_wordpress')).toContain('does not prove who it is');
    await onWeb(`cat /root/whole.pem >${ca}`);
    await site.play('verify_wordpress');
  });

  test('tables that are not of a complete WordPress are never removed', async () => {
    await sql(`RENAME TABLE wp_posts TO kept_posts`);
    const refusal = await site.refused('install_wordpress');
    expect(refusal).toContain('wp_posts are missing. Nothing was removed');
    expect(await site.refused('verify_wordpress')).toContain('no table wp_posts');
    await sql(`RENAME TABLE kept_posts TO wp_posts`);
    expect((await status()).problems).toEqual([]);
  });

  test('wp-cli installs where the codebase brings it, and gets the password by no argument', async () => {
    await onWeb(
      `mkdir -p ${code}/vendor/bin && base64 -d >${code}/vendor/bin/wp <<<${wpCli} && chmod 755 ${code}/vendor/bin/wp`,
    );
    await sql(`DROP DATABASE aegir_blog; CREATE DATABASE aegir_blog`);
    expect(await site.refused('install_wordpress', { locale: 'xx_XX' })).toContain('It has: en_US, de_DE.');
    await site.play('install_wordpress', { site_name: title, admin_name: 'ada' });
    const said = (await onWeb(`cat ${path}/tmp/wp-cli`)).stdout;
    const [words, password] = JSON.parse(said) as [string[], string];
    expect(words).toContain(`--title=${title}`);
    expect(words).toContain('--admin_user=ada');
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(words.join()).not.toContain(password);
    expect(await status()).toMatchObject({ installed: true, title });
    expect((await site.play('install_wordpress')).changed).toBe(0);
  });
});

const hex = (text: string | undefined, encoding: BufferEncoding = 'utf8') =>
  Buffer.from(text ?? '', encoding).toString('hex');

/** As PHP serialises it. */
const serialise = (value: string | Record<string, string>): string =>
  typeof value === 'string'
    ? `s:${Buffer.byteLength(value)}:"${value}";`
    : `a:${Object.keys(value).length}:{${Object.entries(value)
        .map(entry => entry.map(serialise).join(''))
        .join('')}}`;

/** Values with an address and a folder in all that WordPress and its plugins keep them in. */
function packed(url: string, folder: string): string[] {
  const escaped = (text: string) => JSON.stringify(text).replaceAll('/', '\\/');
  const bare = url.replace(/^https?:/, '');
  const inner = serialise({ 'Straße 🚲': `${url}/ü?q=1`, key: `see ${url}.`, file: `${folder}/files/x.png` });
  const object = `O:8:"stdClass":2:{s:4:"\0*\0a";${serialise(`${url}/`)}s:1:"b";R:1;}`;
  return [
    `<a href="${url}/wp-content/a.png">${url}</a> <img src='${bare}/b.png'> ${encodeURIComponent(url)}%2Fx`,
    serialise({ outer: inner, twice: serialise(inner), json: `{"u":${escaped(`${url}/x`)},"p":${escaped(inner)}}` }),
    `a:3:{i:0;b:1;i:1;d:0.5;i:2;${object}}`,
    `{"u":${escaped(`${url}/x`)},"inner":${JSON.stringify(inner)},"n":1.0,"f":${escaped(folder)},"e":{}}`,
    `${serialise(url)}\n`,
  ];
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) if (Date.now() > end) throw new Error('It did not come to that within a minute.');
}
