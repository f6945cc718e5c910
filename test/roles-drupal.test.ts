// What the roles of Drupal make of what PHP and Drush say. In their place stands a program that answers as they do; the real
// ones are in drupal.host.test.ts.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { playRole, project, pythonBin, words } from './play-role.ts';

// Several plays each.
vi.setConfig({ testTimeout: 300_000 });

const [hash, newer] = ['a'.repeat(40), 'b'.repeat(40)];
const whole = {
  ...{ problem: '', version: '10.3.7', php: '8.2.32', reachable: true, installed: true, tables: 57, bytes: 4096 },
  ...{
    missing: [],
    task: 'done',
    drush: '13.3.0',
    users: 1,
    database: 'mysql 10.11',
    unencrypted: false,
    title: 'Shop',
  },
  ...{ profile: 'standard', theme: 'olivero', maintenance: false, cron_last: 1_795_260_892, own_cron: 0, pending: [] },
  ...{ refused: [], errors: {} },
};
const answering = `#!/bin/sh
cd "$(dirname "$0")" || exit 9
echo "$*" >>calls
case "$*" in
  *state.php*) printf 'a warning of some module\\naegir-state: '; cat state ;;
  *updatedb:status*) cat pending ;;
  *) cat said; exit "$(cat code)" ;;
esac
`;

let environment: string;
beforeEach(() => {
  environment = mkdtempSync(join(tmpdir(), 'aegir-drupal-'));
  write('run', answering);
  chmodSync(join(environment, 'run'), 0o755);
  for (const each of [hash, newer]) write(`releases/${each}/vendor/drush/drush/drush.php`, '');
  write('settings/drupal.state.php', '');
  symlinkSync(`releases/${hash}`, join(environment, 'current'));
  say({});
});
afterEach(() => rmSync(environment, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(environment, name)), { recursive: true });
  writeFileSync(join(environment, name), text);
}

function say(answers: { state?: object; pending?: string; said?: string; code?: number }): void {
  write('state', JSON.stringify({ ...whole, ...answers.state }));
  write('pending', answers.pending ?? '');
  write('said', answers.said ?? '');
  write('code', String(answers.code ?? 0));
}

/** What Drush was asked to do; looking is not counted. */
const calls = () =>
  (existsSync(join(environment, 'calls')) ? readFileSync(join(environment, 'calls'), 'utf8') : '')
    .split('\n')
    .flatMap(line => /--uri=http:\/\/shop\.test (?!updatedb:status)(.+)/.exec(line)?.[1] ?? []);

const play = (role: string, values: Record<string, unknown> = {}) =>
  playRole(role, {
    ...{ environment_path: environment, code_path: join(environment, 'releases', hash), hash, docroot: 'web' },
    ...{ primary_name: 'shop.test', ...values },
  });

function act(role: string, values: Record<string, unknown>): { code: number | null; said: string; outputs: unknown } {
  const outputs = join(environment, 'outputs');
  const done = spawnSync(join(project, 'roles', role, 'shell/run'), {
    input: JSON.stringify({ arguments: { environment_path: environment, url: 'http://shop.test', ...values } }),
    env: { ...process.env, AEGIR_OUTPUTS: outputs },
    encoding: 'utf8',
  });
  return {
    code: done.status,
    said: `${done.stdout}${done.stderr}`,
    outputs: existsSync(outputs) ? JSON.parse(readFileSync(outputs, 'utf8')) : null,
  };
}

const updateOf = (id: string) => JSON.stringify({ [id]: { module: 'shop', type: 'hook_update_n' } });

test('nothing is updated where nothing waits, and nothing is asked of an empty list', async () => {
  const result = await play('update_drupal');
  expect([result.code, result.changed, calls()], result.output).toEqual([0, 0, []]);
});

test('an update that waits is carried out, then the caches are rebuilt', async () => {
  say({ pending: updateOf('shop_update_10001') });
  const result = await play('update_drupal');
  expect(result.code, result.output).toBe(0);
  expect(calls()).toEqual(['updatedb --yes', 'cache:rebuild']);
});

test('new code has its caches rebuilt, and its exported configuration imported unless the site keeps its own', async () => {
  const code = { code_path: join(environment, 'releases', newer), hash: newer };
  write(`releases/${newer}/config/sync/core.extension.yml`, '');
  expect((await play('update_drupal', code)).code).toBe(0);
  expect(calls()).toEqual(['deploy --yes']);
  expect((await play('update_drupal', { ...code, configuration: 'keep' })).code).toBe(0);
  expect(calls().slice(1)).toEqual(['cache:rebuild']);
});

test('an update that fails is named with its reason and with what is left', async () => {
  const said = [
    '>  [notice] Update started: shop_update_10001',
    '>  [error]  The moon is away ',
    '>  [error]  Update failed: shop_update_10001 ',
    ' [error]  Update aborted by: shop_update_10001 ',
    ' [error]  Finished performing updates. ',
  ];
  say({ pending: updateOf('shop_update_10001'), said: said.join('\n'), code: 1 });
  const result = await play('update_drupal');
  expect(result.code).toBe(2);
  expect(words(result)).toContain(
    'The update shop_update_10001 failed: The moon is away. What it did before it failed',
  );
  expect(words(result)).toContain('The site is not in maintenance');
  expect(calls()).toEqual(['updatedb --yes']);
  write('maintenance', '');
  expect(words(await play('update_drupal'))).toContain('Visitors get the maintenance page. Undo brings back');
});

test('new code that lacks a module is warned of, and one that is older than the site is refused', async () => {
  const found = {
    warnings: ['The module news is enabled, and the new code does not have it.'],
    refusals: [] as string[],
  };
  say({ said: `aegir-result: ${JSON.stringify(found)}` });
  const result = await play('check_drupal_update');
  expect([result.code, result.outputs.summary], result.output).toEqual([0, found.warnings[0]]);
  expect(words(result)).toContain('Warning: The module news is enabled');
  say({ said: `aegir-result: ${JSON.stringify({ ...found, refusals: ['Drupal would go back.'] })}` });
  expect(words(await play('check_drupal_update'))).toContain('Drupal would go back. Nothing was changed.');
  say({ said: 'The database of the site cannot be read', code: 1 });
  expect(words(await play('check_drupal_update'))).toContain('cannot be read');
});

test('an unfinished database is not removed, and one without people is not taken for a site', async () => {
  say({ state: { installed: false, tables: 12, missing: ['users'], task: '' } });
  expect(words(await play('install_drupal'))).toContain(
    'holds 12 tables, but no complete Drupal: users are missing. Nothing was removed.',
  );
  say({ state: { installed: false, task: 'install_profile_modules' } });
  expect(words(await play('install_drupal'))).toContain('its installation stopped after “install_profile_modules”');
  say({ state: { installed: false, tables: 0, task: '' } });
  expect(words(await play('install_drupal', { deployed_hash: hash }))).toContain('This site was installed before');
  expect(calls()).toEqual([]);
});

test('what is wrong with the database is said in its words, and code without Drush with what to do', async () => {
  say({ state: { problem: 'The database Server db cannot be reached.', installed: false } });
  for (const role of ['update_drupal', 'verify_drupal'])
    expect(words(await play(role))).toContain('The database Server db cannot be reached.');
  rmSync(join(environment, 'releases', hash, 'vendor'), { recursive: true });
  for (const role of ['install_drupal', 'clear_drupal_caches'])
    expect(words(await play(role))).toContain('composer require drush/drush');
});

test('an installed site is left as it is', async () => {
  const result = await play('install_drupal');
  expect([result.code, result.changed, result.outputs.deployed_hash], result.output).toEqual([0, 0, hash]);
});

test('everything that is wrong is named at once, and versions and cron are no fault of the site', async () => {
  expect((await play('verify_drupal')).outputs).toEqual({ version: '10.3.7' });
  say({ state: { errors: { cron: 'Cron has not run', update_core: 'Not secure!' } } });
  const reported = await play('verify_drupal');
  expect([reported.code, words(reported)]).toEqual([0, expect.stringContaining('Not secure!')]);
  const errors = { php: 'PHP: too old' };
  say({ state: { errors, own_cron: 10_800, unencrypted: true, refused: ['/x/files'], pending: ['shop_update_1'] } });
  const text = words(await play('verify_drupal'));
  for (const part of [
    'not encrypted',
    'Page requests run cron',
    'wait: shop_update_1.',
    'write into /x/files',
    'PHP: too old',
  ])
    expect(text).toContain(part);
});

test('a run of cron that found another one under way says so and succeeds', async () => {
  write(
    'settings/cron',
    readFileSync(join(project, 'roles/write_drupal_settings/templates/cron.j2'), 'utf8').replaceAll(
      '{{ environment_path }}',
      environment,
    ),
  );
  chmodSync(join(environment, 'settings/cron'), 0o755);
  // The program itself, with a PHP that answers as Drush does.
  write('run', `#!/bin/sh\nexport PATH=${environment}:$PATH\nexec "$@"\n`);
  write('php', answering);
  chmodSync(join(environment, 'php'), 0o755);
  say({ said: ' [warning] Attempting to re-run cron while it is already running.\n' });
  const result = await play('run_cron');
  expect([result.code, result.outputs], result.output).toEqual([0, { busy: true }]);
  say({ said: ' [success] Cron run successful.\n' });
  expect((await play('run_cron')).outputs).toEqual({ busy: false });
  expect(calls()).toEqual(['core:cron', 'core:cron']);
  say({ said: 'The moon is away.\n', code: 3 });
  const failed = await play('run_cron');
  expect([failed.code, words(failed)]).toEqual([2, expect.stringContaining('ended with code 3: The moon is away.')]);
  rmSync(join(environment, 'current/vendor'), { recursive: true });
  expect(words(await play('run_cron'))).toContain('The codebase has no Drush');
  rmSync(join(environment, 'settings/cron'));
  expect(words(await play('run_cron'))).toContain('Run “Install” on the Environment once');
});

test('the status is told however much of the site is broken', () => {
  const database = { name: 'aegir_shop', host: 'db', password: 'hidden' };
  const { outputs } = act('status_drupal', { docroot: 'web', database });
  expect(outputs).toMatchObject({
    status: {
      application: 'Drupal',
      version: '10.3.7',
      title: 'Shop',
      cron: { last_run: '2026-11-21T11:34:52Z' },
      problems: [],
    },
  });
  expect(JSON.stringify(outputs)).not.toContain('hidden');
  say({ state: { pending: ['shop_update_1'], maintenance: true } });
  const broken = act('status_drupal', { docroot: 'web' }).outputs as { status: { problems: string[] } };
  expect(broken.status.problems).toEqual([
    expect.stringContaining('maintenance'),
    expect.stringContaining('shop_update_1'),
  ]);
  write('run', '#!/bin/sh\necho "PHP Fatal error: no memory" >&2; exit 255\n');
  const dead = act('status_drupal', { docroot: 'web' }).outputs as { status: { problems: string[] } };
  expect(dead.status.problems).toEqual(['Drupal does not start: PHP Fatal error: no memory']);
});

test('a link is one that Drush gave, and everything else is said in its words', () => {
  say({ said: 'http://shop.test/user/reset/1/2/3/login\n' });
  const { outputs, said } = act('login_drupal', { user: 'ada; id' });
  expect(outputs).toMatchObject({
    url: 'http://shop.test/user/reset/1/2/3/login',
    expires: expect.stringMatching(/Z$/),
  });
  expect(said).toBe('');
  expect(calls()).toEqual(['user:login --no-browser --name=ada; id']);
  rmSync(join(environment, 'outputs'));
  write('run', '#!/bin/sh\necho " [error]  Unable to load user by name: nobody" >&2; exit 1\n');
  const refused = act('login_drupal', { user: 'nobody' });
  expect([refused.code, refused.outputs]).toEqual([1, null]);
  expect(refused.said).toContain('Unable to load user by name: nobody');
  expect(act('login_drupal', { environment_path: '/x/../y' }).said).toContain('nothing was done');
});

const php = spawnSync('php', ['-r', 'exit(defined("PDO::MYSQL_ATTR_SSL_CA") ? 0 : 1);']).status === 0;
if (!php) console.warn('Skipped: what PHP says of settings of Drupal. There is no php with pdo_mysql on this machine.');

const template = join(project, 'roles/write_drupal_settings/templates/drupal.php.j2');
const check = join(project, 'roles/write_drupal_settings/files/check.php');
const renderer = `import jinja2, json, sys
print(jinja2.Environment(trim_blocks=True).from_string(open(sys.argv[1]).read()).render(**json.load(sys.stdin)), end='')`;

/** The settings, as Ansible renders the role's template. */
function renderSettings(more: Record<string, unknown> = {}): string {
  write('settings/drupal.secrets.php', `<?php\nreturn ['database_password' => 'p', 'salt' => 's'];\n`);
  const values = {
    ...{ environment_path: environment, write_drupal_settings_folder: join(environment, 'settings') },
    ...{ write_drupal_settings_names: ['shop.test', 'www.shop.test'], write_drupal_settings_sync: '../config/sync' },
    ...{ files: 'sites/default/files', kind: 'production' },
    database: { host: '127.0.0.1', port: 1, name: 'aegir_shop', user: 'aegir_shop' },
    ...more,
  };
  return execFileSync(join(pythonBin, 'python'), ['-c', renderer, template], {
    input: JSON.stringify(values),
    encoding: 'utf8',
  });
}

const checkSettings = (text: string) => {
  const { status, stderr } = spawnSync('php', ['-r', readFileSync(check, 'utf8')], { input: text, encoding: 'utf8' });
  return status === 0 ? 'fine' : stderr;
};

test.skipIf(!php)(
  'settings are PHP whatever the values are, and a mistake in an override is named with its line',
  () => {
    const hostile = `it's \\ "$x" {{ 1 }} <?php ?>`;
    const text = renderSettings({ files: hostile });
    expect(checkSettings(text)).toBe('fine');
    const show =
      'eval("?>" . stream_get_contents(STDIN)); echo json_encode([$settings, $databases["default"]["default"]]);';
    const input = text.replace('<?php', '<?php $app_root = "/x"; $site_path = "sites/default";');
    const shown = JSON.parse(execFileSync('php', ['-r', show], { input, encoding: 'utf8' }));
    expect(shown[0]).toMatchObject({
      file_public_path: hostile,
      trusted_host_patterns: ['^shop\\.test$', '^www\\.shop\\.test$'],
      config_sync_directory: '../config/sync',
      hash_salt: 's',
    });
    expect(shown[1]).toMatchObject({ driver: 'mysql', port: '1', password: 'p', prefix: '' });
    expect(checkSettings(`${text}$settings[ = 1;\n`)).toMatch(/syntax error.* on line \d+/);
    expect(checkSettings(`${text}no_such_function();\n`)).toContain('undefined function no_such_function()');
    expect(checkSettings(`\n${text}`)).toContain('they print something');
    expect(checkSettings(`${text}$settings['hash_salt'] = '';\n`)).toContain('hash_salt');
  },
);

test.skipIf(!php)('a PHP that is too old, and a database that is away, are said in words', () => {
  write('settings/drupal.php', renderSettings());
  const look = (minimum: string) => {
    write('web/core/lib/Drupal.php', `const VERSION = '11.1.0';\n  const MINIMUM_PHP = '${minimum}';`);
    const program = join(project, 'roles/write_drupal_settings/files/state.php');
    write('settings/drupal.state.php', readFileSync(program, 'utf8'));
    const words = [join(environment, 'settings/drupal.state.php'), join(environment, 'web'), 'status'];
    return JSON.parse(execFileSync('php', words, { encoding: 'utf8' }).replace('aegir-state: ', ''));
  };
  expect(look('99.3.0').problem).toContain('Drupal 11.1.0 needs PHP 99.3.0, and this Environment has ');
  expect(look('8.0.0')).toMatchObject({ version: '11.1.0', reachable: false, installed: false });
  expect(look('8.0.0').problem).toContain('The database Server 127.0.0.1 cannot be reached.');
});

test.skipIf(!php)('PHP takes the installer', () => {
  const file = join(project, 'roles/install_drupal/files/install.php');
  expect(execFileSync('php', ['-l', file], { encoding: 'utf8' })).toContain('No syntax errors');
});
