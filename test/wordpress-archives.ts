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
