// Archives by their roles alone, on this machine: made of a site without a database, checked, and put into another one.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ArchiveServer, startArchiveServer } from './archive-server.ts';
import { type PlayResult, playRole, words } from './play-role.ts';

const hash = 'a'.repeat(40);
const salt = 'salt-of-the-sea-and-more';
let base: string;
let file: string;
let server: ArchiveServer;

const at = (...parts: string[]) => join(base, 'environments', ...parts);
const checksum = () => createHash('sha256').update(readFileSync(file)).digest('hex');
const attempt = (role: string, values: Record<string, unknown>, check = false) =>
  playRole(role, { aegir: { feedback_url: server.url, feedback_token: 'none' }, ...values }, { check });
const play = async (role: string, values: Record<string, unknown>): Promise<PlayResult> => {
  const result = await attempt(role, values);
  if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
  return result;
};
const refused = async (role: string, values: Record<string, unknown>) => {
  const result = await attempt(role, values);
  if (result.code !== 2) throw new Error(`${role} was to fail:\n${result.output}`);
  return words(result);
};
const exporting = () => ({
  environment_name: 'shop',
  environment_path: at('shop'),
  application_name: 'static',
  primary_name: 'shop.example.org',
  aliases: ['two.example.org'],
  deployed_hash: hash,
  salt,
});
const put = (name: string, text: string) => {
  mkdirSync(join(at(name), '..'), { recursive: true });
  writeFileSync(at(name), text);
};
/** Another archive in the place of the one that is served. */
const pack = (folder: string, ...flags: string[]) =>
  execFileSync('tar', ['czf', file, '--owner=0', '-C', folder, ...flags, '.']);

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'aegir-archive-'));
  file = join(base, 'kept.tar.gz');
  server = await startArchiveServer(file, '127.0.0.1');
  put('shop/files/one', 'one\n');
  put('shop/files/sub/t"w o', 'two\n');
  put('shop/private/p', 'secret\n');
  put(`shop/releases/${hash}/index.html`, 'code\n');
  put(`shop/releases/${hash}/.git/HEAD`, 'ref\n');
  put(`shop/releases/${hash}/leak.php`, `salt: ${salt}`);
  put('shop/settings/secrets', salt);
  symlinkSync('../one', at('shop/files/sub/within'));
  symlinkSync('/etc/passwd', at('shop/files/sub/out'));
  symlinkSync('../../settings', at(`shop/releases/${hash}/settings`));
  symlinkSync(`releases/${hash}`, at('shop/current'));
  execFileSync('mkfifo', [at('shop/files/pipe')]);
});

afterAll(async () => {
  await server?.stop();
  rmSync(base, { recursive: true, force: true });
});

test('an archive has code and files, and nothing that leads out or shows a secret', async () => {
  const checked = await attempt('export_archive', exporting(), true);
  expect([checked.code, existsSync(file)], checked.output).toEqual([0, false]);
  const { outputs } = await play('export_archive', exporting());
  expect(outputs).toMatchObject({
    archive: 'A',
    path: '/api/archives/A/content',
    left: 4,
    sha256: checksum(),
    bytes: statSync(file).size,
  });
  expect(outputs.summary).toBe('shop-1, 1 MB: code 1 MB in 1 files, files 1 MB in 3 files, private 1 MB in 1 files');
  expect(execFileSync('tar', ['tzf', file]).toString().trim().split('\n')).toEqual([
    ...['MANIFEST.yml', 'files/', 'files/one', 'files/sub/', 'files/sub/t"w o', 'files/sub/within'],
    ...['private/', 'private/p', 'code/', 'code/index.html'],
  ]);
  expect(JSON.parse(execFileSync('tar', ['xzOf', file, 'MANIFEST.yml']).toString())).toMatchObject({
    ...{ formatversion: '1.0', generator: 'Aegir', components: { code: true, database: false, files: true } },
    aegir: { application: 'static', primary_name: 'shop.example.org', hash },
  });
  expect(execFileSync('tar', ['xzOf', file]).toString()).not.toContain(salt);
  expect(readdirSync(at('shop')).sort()).toEqual(['current', 'files', 'private', 'releases', 'settings']);
});

test('a control plane that is away, or refuses, is told in words', async () => {
  const to = (feedback_url: string) => ({ ...exporting(), aegir: { feedback_url, feedback_token: 'none' } });
  expect(await refused('export_archive', to('http://127.0.0.1:9'))).toContain('the control plane does not answer');
  expect(await refused('export_archive', to(`${server.url}/no`))).toContain('No such path.');
});

test('it is checked without being kept, and says what it is', async () => {
  const { outputs, changed } = await play('check_archive', {
    sha256: checksum(),
    base_path: base,
    application_name: 'static',
  });
  expect([outputs, changed]).toEqual([
    {
      ...{ primary_name: 'shop.example.org', aliases: ['two.example.org'], path: at('shop') },
      summary: 'code 1 MB in 1 files, files 1 MB in 3 files, private 1 MB in 1 files (made by Aegir)',
    },
    0,
  ]);
  const named = await play('check_archive', { sha256: checksum(), base_path: base, former_name: 'old.example.org' });
  expect(named.outputs.primary_name).toBe('old.example.org');
  const check = (values: Record<string, unknown>) =>
    refused('check_archive', { sha256: checksum(), base_path: base, ...values });
  expect(await check({ application_name: 'generic' })).toContain(
    'of a site of the type static, the Release is of the type generic',
  );
  expect(await check({ database_server: 'db' })).toContain('The archive has no database/database.sql');
  expect(await check({ sha256: 'b'.repeat(64) })).toContain('another checksum');
});

test('its files come into the place of the present ones, which stay until all of it is there', async () => {
  put('copy/files/old', 'old\n');
  const values = { sha256: checksum(), environment_path: at('copy') };
  expect((await attempt('load_archive', values, true)).code).toBe(0);
  expect(readdirSync(at('copy'))).toEqual(['files']);
  await play('load_archive', values);
  expect(readdirSync(at('copy')).sort()).toEqual(['files', 'private']);
  expect(readdirSync(at('copy/files'), { recursive: true }).sort()).toEqual(['one', 'sub', 'sub/t"w o', 'sub/within']);
  expect([readFileSync(at('copy/files/sub/t"w o'), 'utf8'), readlinkSync(at('copy/files/sub/within'))]).toEqual([
    'two\n',
    '../one',
  ]);
});

test('what is wrong with one is listed, and the site is as it was', async () => {
  const bad = join(base, 'bad');
  mkdirSync(join(bad, 'files'), { recursive: true });
  writeFileSync(join(bad, 'files/x'), 'x', { mode: 0o4755 });
  execFileSync('chmod', ['4755', join(bad, 'files/x')]);
  symlinkSync('/etc', join(bad, 'files/link'));
  execFileSync('mkfifo', [join(bad, 'files/pipe')]);
  writeFileSync(join(bad, 'extra'), 'x');
  pack(bad);
  const before = readdirSync(at('copy'), { recursive: true }).sort();
  for (const said of [
    await refused('check_archive', { sha256: checksum(), base_path: base }),
    await refused('load_archive', { sha256: checksum(), environment_path: at('copy') }),
  ]) {
    for (const wrong of [
      '“./files/x” has the rights of another user',
      'is a link to the absolute path “/etc”',
      '“./files/pipe” is a device or a pipe',
      '“./extra” belongs to no part',
    ])
      expect(said).toContain(wrong);
  }
  execFileSync('chmod', ['644', join(bad, 'files/x')]);
  pack(
    bad,
    '--transform=s,^./files/x$,files/../../../x,',
    '--exclude=./extra',
    '--exclude=./files/link',
    '--exclude=./files/pipe',
  );
  expect(await refused('load_archive', { sha256: checksum(), environment_path: at('copy') })).toContain(
    'leads out of the archive',
  );
  expect(readdirSync(at('copy'), { recursive: true }).sort()).toEqual(before);
});

test('a dump that is cut off is refused before anything is done', async () => {
  const cut = join(base, 'cut');
  mkdirSync(join(cut, 'database'), { recursive: true });
  writeFileSync(
    join(cut, 'database/database.sql'),
    '-- MariaDB dump 10.19\n--\nCREATE TABLE `a` (id INT);\nINSERT INTO `a` VAL',
  );
  pack(cut);
  expect(await refused('check_archive', { sha256: checksum(), base_path: base, database_server: 'db' })).toContain(
    'is cut off',
  );
});

test('one that is larger than the archive and the disk allow is refused with both figures', async () => {
  const bomb = join(base, 'bomb');
  mkdirSync(join(bomb, 'files'), { recursive: true });
  execFileSync('truncate', ['-s', '20G', join(bomb, 'files/zeros')]);
  // Its header announces what the rest of it does not have: nobody reads so far.
  execFileSync('sh', ['-c', `tar cf - -C ${bomb} . 2>/dev/null | head -c 1M | gzip >${file}`]);
  const small = join(base, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', small]);
  try {
    expect(await refused('check_archive', { sha256: checksum(), base_path: small })).toMatch(
      /unpacks to more than \d MB.*it would be 20480 MB/,
    );
  } finally {
    execFileSync('umount', [small]);
  }
});
