// A WordPress site goes from Release to Release: with a plugin that brings its table up to date, with one that fails half-way,
// to code that does not exist, and back; then it gets other names.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { type Operator, operatorOf } from './operator.ts';
import { canRunHosts } from './test-host.ts';
import { testNames } from './wordpress-names.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: updates of a WordPress site. ${reason}`);

/** Its table is made, and brought up to date, when it is loaded: as most plugins do. */
const plugin = (version: string, update: string) => ({
  'wp-content/plugins/shop/shop.php': `<?php
/*
Plugin Name: Shop
Version: ${version}
*/
add_action('plugins_loaded', function () {
    global $wpdb;
    $wpdb->query('CREATE TABLE IF NOT EXISTS wp_shop (note VARCHAR(20))');
    if (get_option('shop_version') === '${version}') return;
    ${update}
    update_option('shop_version', '${version}');
});
add_action('wp_footer', function () {
    global $wpdb;
    echo 'shop ' . get_option('shop_version') . ' of ${version}: ' . implode(',', $wpdb->get_col('SELECT note FROM wp_shop'));
});
`,
});
/** A service with a migration among its build commands, which may fail when it has done its work. */
const tool = (version: string, end: string) => ({
  'serve.py': `import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'tool ${version}')
    def log_message(self, *rest): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page).serve_forever()
`,
  migrate: `#!/bin/sh
mariadb -h "$DATABASE_HOST" -u "$DATABASE_USER" -p"$DATABASE_PASSWORD" --ssl-ca="$DATABASE_CA" --ssl-verify-server-cert "$DATABASE_NAME" -e "
  CREATE TABLE IF NOT EXISTS migrations (version VARCHAR(9)); INSERT INTO migrations VALUES ('${version}')" || exit 2
${end}
`,
});
const use = `UPDATE wp_options SET option_value = 'a:1:{i:0;s:13:\\"shop/shop.php\\";}' WHERE option_name = 'active_plugins'`;
const path = '/var/lib/aegir/environments/blog';

describe.skipIf(reason !== null)('updates of a WordPress site', () => {
  let farm: Farm;
  let operator: Operator;
  let store: string;

  const sql = (text: string) => farm.database.exec(`mariadb aegir_blog -BNe "${text}"`);
  const shop = async () => /shop [^<\n]*/.exec(await farm.ask('blog.example.org'))?.[0];
  const environment = () => operator.entity('environments/blog');
  const releaseName = async (field: string) => {
    const id = (await environment()).values[field];
    return (await operator.entity(`releases/${String(id)}`)).values.name;
  };
  const addRelease = async (name: string, ref: string) =>
    operator.must('release', 'create', '--name', name, '--project', 'blog', '--git-ref', ref);
  const update = (...words: string[]) => operator.cli('run', 'update_environment', 'blog', ...words, '--follow');
  const notes = async () =>
    (await farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items
      .filter(({ values }) => String(values.name).startsWith('blog-'))
      .map(({ values }) => values.note);
  const isOpen = async () =>
    expect((await farm.web.exec(`ls ${path} ${path}/current/`)).stdout).not.toMatch(/maintenance$|restore|before/m);

  beforeAll(async () => {
    farm = await startFarm('upd', { web: { php_versions: ['8.2'] } });
    operator = operatorOf(farm.aegir);
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    const repository = join(farm.repositories, 'blog');
    await makeWordPressRepository(repository);
    const first = await commitFiles(repository, plugin('1.0', `$wpdb->insert('wp_shop', ['note' => 'first']);`));
    await farm.make('projects', { name: 'blog', repository: `${farm.git.url}/blog`, application: 'wordpress' });
    await addRelease('v1', first);
    const second = `$wpdb->query('ALTER TABLE wp_shop ADD price INT DEFAULT 7'); $wpdb->insert('wp_shop', ['note' => 'second']);`;
    await addRelease('v2', await commitFiles(repository, plugin('2.0', second)));
    const third = `$wpdb->insert('wp_shop', ['note' => 'half']); throw new Exception('The moon is away');`;
    await addRelease('v3', await commitFiles(repository, plugin('3.0', third)));
    await addRelease('gone', 'no-such-branch');
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    await farm.make('environments', {
      ...{ name: 'blog', release: 'blog/v1', cluster: 'farm', primary_name: 'blog.example.org', backup_store: 'here' },
    });
    await farm.run('environments', 'blog', 'install_environment', { site_name: 'Blog' });
    expect((await sql(use)).stderr).toBe('');
    expect(await shop()).toBe('shop 1.0 of 1.0: first');
    await farm.web.exec(`echo kept >${path}/files/kept.txt`);
  });

  test('a service whose migration fails half-way is the former one again, database included', async () => {
    const repository = join(farm.repositories, 'tool');
    const releases = [tool('one', ''), tool('two', ''), tool('three', 'echo The sun is away; exit 1')];
    await farm.make('projects', { name: 'tool', repository: `${farm.git.url}/tool`, application: 'generic' });
    for (const [index, files] of releases.entries()) {
      const git_ref = await commitFiles(repository, files);
      await farm.make('releases', { name: `v${index + 1}`, project: 'tool', git_ref });
    }
    await farm.make('environments', {
      ...{ name: 'tool', release: 'tool/v1', cluster: 'farm', database_server: 'database' },
      ...{ primary_name: 'tool.example.org', backup_store: 'here' },
    });
    const answers = { build: ['./migrate'], service_command: ['python3', 'serve.py'] };
    await farm.run('environments', 'tool', 'install_environment', answers);
    const state = async () => [
      (await farm.ask('tool.example.org')).slice(4).trim(),
      (await farm.database.exec(`mariadb aegir_tool -BNe 'SELECT * FROM migrations'`)).stdout,
      (await operator.entity('environments/tool')).state,
    ];
    expect(await state()).toEqual(['tool one', 'one', 'enabled']);
    const updateTool = (release: string) =>
      operator.cli('run', 'update_environment', 'tool', '--release', `tool/${release}`, '--follow');
    const { code, stdout } = await updateTool('v2');
    expect([code, await state()], stdout).toEqual([0, ['tool two', 'one\ntwo', 'enabled']]);
    expect((await updateTool('v3')).stdout).toContain('The sun is away');
    expect((await state())[1]).toBe('one\ntwo\nthree');
    const { id } = await operator.lastOperation('environments/tool');
    const decided = await operator.cli('decide', id, 'undo', '--follow');
    expect(await state(), decided.stdout).toEqual(['tool two', 'one\ntwo', 'enabled']);
  });

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('there is nothing to go back to yet, and nothing that it has already is offered', async () => {
    const back = await operator.cli('run', 'roll_back_environment', 'blog', '--parts', 'nothing');
    expect(back.stderr).toContain('There is no Release to go back to');
    expect((await update('--release', 'blog/v1')).stderr).toContain('The Release v1 is the present one');
  });

  test('an update to a branch that does not exist changes nothing', async () => {
    const { operation } = await operator.failureOf('environments/blog', update('--release', 'blog/gone'));
    expect(operation.message).toContain('no-such-branch');
    expect([(await environment()).state, await shop()]).toEqual(['enabled', 'shop 1.0 of 1.0: first']);
    expect(await notes()).toEqual([]);
  });

  test('an update takes the current Release, brings the database along, and says for how long the site was closed', async () => {
    await operator.must('project', 'edit', 'blog', '--current-release', 'blog/v2');
    const { code, stdout } = await update();
    expect(code, stdout).toBe(0);
    expect(await shop()).toBe('shop 2.0 of 2.0: first,second');
    expect([await releaseName('release'), await releaseName('previous_release')]).toEqual(['v2', 'v1']);
    expect(stdout).toMatch(/Visitors got the maintenance page for \d+(\.\d)? s\./);
    const { id } = await operator.lastOperation('environments/blog');
    expect(await operator.must('operation', 'show', id)).toMatch(/maintenance page for \d/);
    expect(await notes()).toEqual(['before an update']);
    await isOpen();
    const again = await update();
    expect([again.code !== 0, again.stderr]).toEqual([true, expect.stringContaining('release')]);
  });

  test('code that is older than the present one is refused before the site is closed', async () => {
    const { operation } = await operator.failureOf('environments/blog', update('--release', 'blog/v1'));
    expect(operation.message).toContain('The plugin shop would go back from 2.0 to 1.0.');
    expect([(await environment()).state, await shop()]).toEqual(['enabled', 'shop 2.0 of 2.0: first,second']);
  });

  test('an update that fails half-way is undone: code and database are those of before, and so is the site', async () => {
    const before = [await shop(), (await environment()).values];
    expect((await update('--release', 'blog/v3')).code).toBe(1);
    const { id } = await operator.lastOperation('environments/blog');
    expect((await sql('SELECT COUNT(*) FROM wp_shop')).stdout).toBe('3');
    expect((await farm.ask('blog.example.org')).slice(0, 3)).toBe('503');
    const { stdout } = await operator.cli('decide', id, 'undo', '--follow');
    const operation = await operator.lastEnded('environments/blog');
    expect([operation.state, operation.message], stdout).toEqual([
      'failed',
      expect.stringContaining('The moon is away'),
    ]);
    expect(operation.message).toMatch(/Undone: .*database.*, .*maintenance page\.$/);
    const { state, values } = await environment();
    expect([await shop(), { ...values }]).toEqual(before);
    expect([state, (await farm.web.exec(`cat ${path}/files/kept.txt`)).stdout]).toEqual(['enabled', 'kept']);
    expect(await notes()).toHaveLength(2);
    await isOpen();
    await operator.must('run', 'verify_environment', 'blog', '--follow');
  });

  test('a roll back brings code and database of before the update, and once more returns to those after it', async () => {
    await sql("INSERT INTO wp_shop (note) VALUES ('later')");
    await operator.must('run', 'roll_back_environment', 'blog', '--parts', 'everything', '--follow');
    expect(await shop()).toBe('shop 1.0 of 1.0: first');
    expect((await sql('SELECT * FROM wp_shop')).stdout).toBe('first');
    expect([await releaseName('release'), await releaseName('previous_release')]).toEqual(['v1', 'v2']);
    await isOpen();
    await operator.must('run', 'roll_back_environment', 'blog', '--parts', 'database', '--follow');
    expect(await shop()).toBe('shop 2.0 of 2.0: first,second,later');
    expect((await farm.web.exec(`cat ${path}/files/kept.txt`)).stdout).toBe('kept');
  });

  testNames(() => ({ farm, operator }));
});
