// A WordPress site that is carried away as an archive and brought back as another one. Part of its life on two hosts
// (wordpress.host.test.ts), which gives the site `blog`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Farm } from './farm.ts';
import type { Operator } from './operator.ts';

interface Site {
  farm: Farm;
  operator: Operator;
  titleInPages: string;
}

const foreignPassword = 'k"3$old';
/** The tables of the site `blog` in a database that it shares with another application, by another prefix and address. */
const foreignDatabase = `mariadb <<'END'
CREATE DATABASE old; CREATE USER old@'%' IDENTIFIED BY '${foreignPassword}'; GRANT ALL ON old.* TO old@'%';
END
for table in $(mariadb -BN -e "SHOW TABLES FROM aegir_blog LIKE 'wp%'"); do
  mariadb old -e "CREATE TABLE old_\${table#wp_} LIKE aegir_blog.$table; INSERT INTO old_\${table#wp_} SELECT * FROM aegir_blog.$table"
done
mariadb old <<'END'
CREATE TABLE other (words TEXT);
INSERT INTO other VALUES ('of another application');
UPDATE old_options SET option_name = 'old_user_roles' WHERE option_name = 'wp_user_roles';
UPDATE old_options SET option_value = 'http://old.example.com' WHERE option_name IN ('home', 'siteurl');
UPDATE old_posts SET post_content = 'See http://old.example.com/wp-content/uploads/old.txt.' WHERE ID = 1;
UPDATE old_usermeta SET meta_key = CONCAT('old_', SUBSTRING(meta_key, 4)) WHERE meta_key LIKE 'wp\\_%';
END`;
/** Set up by hand, as its own user, below a folder of root's. */
const foreignSite = (databaseHost: string) => `useradd --create-home old &&
cp -rL /var/lib/aegir/environments/blog/current/. /srv/old && cd /srv/old && cat >wp-config.php <<'END' &&
<?php
define('DB_NAME', 'old'); define('DB_USER', 'old'); define('DB_PASSWORD', '${foreignPassword}'); define('DB_HOST', '${databaseHost}:3306');
$table_prefix = require __DIR__ . '/prefix.php';
require_once(ABSPATH . 'wp-settings.php');
END
echo "<?php return 'old_';" >prefix.php && mkdir -p wp-content/uploads && echo old >wp-content/uploads/old.txt &&
chown -R old: . && chmod 640 wp-config.php`;

export function testArchives(site: () => Site): void {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-wordpress-archives-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const sql = async (name: string, text: string) =>
    (await site().farm.database.exec(`mariadb -BN --raw aegir_${name} <<'END'\n${text}\nEND`)).stdout;
  const state = async (name: string) => (await site().operator.entity(`environments/${name}`)).state;
  const makeEnvironment = (name: string) =>
    site().operator.must(
      ...['environment', 'create', '--name', name, '--release', 'blog/v1', '--cluster', 'farm'],
      ...['--primary-name', `${name}.example.org`],
    );
  const import_ = (name: string, archive: string, ...more: string[]) =>
    site().operator.cli('run', 'import_archive', name, '--archive', archive, ...more, '--follow');

  test('a site that is exported, downloaded, uploaded and imported lives on under another name', async () => {
    const { farm, operator, titleInPages } = site();
    const page = 'See http://blog.example.org/wp-content/uploads/carried.txt.';
    await sql('blog', `UPDATE wp_posts SET post_content = '${page}' WHERE ID = 1`);
    await farm.web.exec(
      `cd /var/lib/aegir/environments/blog/files && echo carried >carried.txt && chown aegir-blog: carried.txt`,
    );
    await operator.must('run', 'export_environment', 'blog', '--follow');
    const { items } = (await farm.aegir.call<Page<Entity>>('GET', '/api/archives?origin=export')).body;
    const [made] = items;
    const { tasks } = await operator.lastOperation('environments/blog');
    const outputs = tasks.find(({ step }) => step === 'archive')?.outputs ?? {};
    expect(outputs).toMatchObject({ archive: made?.id, bytes: made?.values.bytes, sha256: made?.values.sha256 });

    const file = join(folder, 'carried.tar.gz');
    await operator.must('archive', 'download', String(made?.values.name), '--output', file);
    const names = execFileSync('tar', ['tzf', file]).toString();
    for (const name of ['database/database.sql', 'files/carried.txt', 'code/wp-settings.php'])
      expect(names).toContain(`${name}\n`);
    const secret = (await farm.web.exec(`cat /var/lib/aegir/environments/blog/settings/wordpress.secrets.php`)).stdout;
    const password = /'database_password' => '([^']+)'/.exec(secret)?.[1] ?? 'none';
    expect(password.length).toBeGreaterThan(10);
    expect(execFileSync('tar', ['xzOf', file], { maxBuffer: 1 << 30 }).includes(password)).toBe(false);
    await operator.must('archive', 'delete', String(made?.values.name));

    await operator.must('archive', 'upload', file, '--name', 'carried');
    await makeEnvironment('carried');
    const { code, stdout, stderr } = await import_('carried', 'carried');
    expect(code, stdout + stderr).toBe(0);
    expect(await farm.ask('carried.example.org')).toContain(`<title>${titleInPages}</title>`);
    expect(await sql('carried', 'SELECT post_content FROM wp_posts WHERE ID = 1')).toBe(
      page.replace('blog.example', 'carried.example'),
    );
    expect(await farm.ask('carried.example.org', '/wp-content/uploads/carried.txt')).toContain('carried');
    expect(await farm.ask('carried.example.org')).not.toContain('blog.example.org');
    expect(await sql('blog', 'SELECT post_content FROM wp_posts WHERE ID = 1')).toBe(page);
    expect([await state('carried'), await state('blog')]).toEqual(['enabled', 'enabled']);
    await operator.must('run', 'delete_environment', 'carried', '--although-enabled', '--without-backup', '--follow');
  });

  test('a site that somebody else has set up is collected from its folder, and imported under its new name', async () => {
    const { farm, operator, titleInPages } = site();
    expect((await farm.database.exec(foreignDatabase)).stderr).toBe('');
    expect((await farm.web.exec(foreignSite(farm.database.address))).stderr).toBe('');
    const collect = (...more: string[]) =>
      operator.cli('run', 'collect_site', 'blog', '--server', 'web', ...more, '--follow');
    const refused = async (...more: string[]) => {
      const { code, stdout } = await collect(...more);
      expect(code, stdout).not.toBe(0);
      return stdout;
    };
    expect(await refused('--site-path', '/srv')).toMatch(/“\/srv” belongs to root.*www-data/);
    expect(await refused('--site-path', '/srv', '--site-user', 'old')).toContain('There is no WordPress in /srv');
    expect(await refused('--site-path', '/srv/old', '--site-user', 'www-data')).toContain(
      'give as “Unix user” who may',
    );
    await farm.web.exec('install -m 600 /dev/null /srv/old/wp-content/uploads/locked');
    expect(await refused('--site-path', '/srv/old')).toContain('These cannot be read: “files/locked”');
    await farm.web.exec('rm /srv/old/wp-content/uploads/locked');

    // As somebody would who has lost the row of it.
    const orphan = ['--site-path', '/var/lib/aegir/environments/blog/current', '--site-user', 'aegir-blog'];
    const adopted = await collect(...orphan);
    expect(adopted.code, adopted.stdout).toBe(0);
    expect(adopted.stdout).toContain('blog-example-org-');

    const { stdout, code } = await collect('--site-path', '/srv/old');
    expect(code, stdout).toBe(0);
    const { items } = (await farm.aegir.call<Page<Entity>>('GET', '/api/archives?origin=collect')).body;
    const named = (site: string) => items.find(({ values }) => values.primary_name === site)?.values;
    expect([items.length, named('blog.example.org')?.application]).toEqual([2, 'wordpress']);
    const name = String(named('old.example.com')?.name);
    const file = join(folder, 'old.tar.gz');
    await operator.must('archive', 'download', name, '--output', file);
    const all = execFileSync('tar', ['xzOf', file], { maxBuffer: 1 << 30 });
    expect([all.includes(foreignPassword), all.includes('of another application')]).toEqual([false, false]);

    await makeEnvironment('taken');
    const done = await import_('taken', name);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    const page = await farm.ask('taken.example.org');
    expect(page).toContain(`<title>${titleInPages}</title>`);
    expect(page).not.toContain('old.example.com');
    expect(await farm.ask('taken.example.org', '/wp-content/uploads/old.txt')).toContain('old');
    const rights = `SELECT COUNT(*) FROM wp_usermeta WHERE meta_key = 'wp_capabilities' AND meta_value LIKE '%administrator%'`;
    expect(await sql('taken', rights)).toBe('1');
    await operator.must('run', 'delete_environment', 'taken', '--although-enabled', '--without-backup', '--follow');
    await operator.must('archive', 'delete', name);
  });

  test('an archive with something wrong is refused before anything is made of it', async () => {
    const { farm, operator } = site();
    const bad = join(folder, 'bad');
    execFileSync('mkdir', ['-p', join(bad, 'files'), join(bad, 'database')]);
    writeFileSync(join(bad, 'database/database.sql'), 'SELECT 1;');
    symlinkSync('/etc/passwd', join(bad, 'files/out'));
    execFileSync('tar', ['czf', join(folder, 'bad.tar.gz'), '-C', bad, '.']);
    await operator.must('archive', 'upload', join(folder, 'bad.tar.gz'), '--name', 'bad');
    await makeEnvironment('bad');
    const { operation } = await operator.failureOf(
      'environments/bad',
      import_('bad', 'bad', '--former-name', 'x.example.org'),
    );
    expect(operation.message).toContain('“./files/out” is a link to the absolute path “/etc/passwd”');
    await operator.cli('decide', operation.id, 'leave', '--follow');
    expect(await state('bad')).toBe('new');
    expect((await farm.web.exec('ls -d /var/lib/aegir/environments/bad; getent passwd aegir-bad')).stdout).toBe('');
    await operator.must('environment', 'delete', 'bad');
    await operator.must('archive', 'delete', 'bad');
  });
}
