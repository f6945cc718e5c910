import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashFiles, readFolder } from './folder-files.ts';
import { packFolder, unpackFolder } from './pack.ts';
import { goodTypes, makeTypeFolders, type TypeFolders } from './testing/type-folders.ts';

let folders: TypeFolders;
let role: string;
let into: string;
beforeEach(async () => {
  folders = await makeTypeFolders({ ...goodTypes, 'roles/install_static/files/binary': Buffer.from([0, 255, 10, 13]) });
  role = join(folders.root, 'roles/install_static');
  into = join(folders.root, 'cache/unpacked');
});
afterEach(() => folders[Symbol.asyncDispose]());

const versionOf = async (folder: string) => hashFiles((await readFolder(folder)).files);
const beside = () => readdir(join(folders.root, 'cache')).catch(() => []);

test('an unpacked folder has the bytes, the executable bits and the hash of the packed one', async () => {
  const buffer = await packFolder(role);
  expect(await packFolder(role)).toEqual(buffer);
  await unpackFolder(buffer, into, await versionOf(role));
  expect(await versionOf(into)).toBe(await versionOf(role));
  expect([...(await readFile(join(into, 'files/binary')))]).toEqual([0, 255, 10, 13]);
  expect((await stat(join(into, 'shell/run'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(into, 'meta/aegir.yml'))).mode & 0o777).toBe(0o644);
  expect(await beside()).toEqual(['unpacked']);
});

test('another version than expected is refused and nothing is left', async () => {
  const buffer = await packFolder(role);
  await expect(unpackFolder(buffer, into, 'f'.repeat(64))).rejects.toThrow(/another hash/);
  expect(await beside()).toEqual([]);
});

test('a folder that was changed by hand is put right, an unchanged one stays', async () => {
  const version = await versionOf(role);
  const buffer = await packFolder(role);
  await unpackFolder(buffer, into, version);
  const { ino } = await stat(into);
  await unpackFolder(buffer, into, version);
  expect((await stat(into)).ino).toBe(ino);
  await writeFile(join(into, 'shell/run'), 'tampered');
  await chmod(join(into, 'shell/run'), 0o755);
  await unpackFolder(buffer, into, version);
  expect(await versionOf(into)).toBe(version);
  expect(await beside()).toEqual(['unpacked']);
});

test('several at once end with one whole folder', async () => {
  const version = await versionOf(role);
  const buffer = await packFolder(role);
  await Promise.all(Array.from({ length: 8 }, () => unpackFolder(buffer, into, version)));
  expect(await versionOf(into)).toBe(version);
  expect(await beside()).toEqual(['unpacked']);
});

const hostile = ['../escaped', '/tmp/escaped', 'a/../../escaped', 'a//b', './a', 'a/.', '', 'a\0b'];
test.each(hostile)('a packed path %j is refused and writes nothing', async path => {
  const files = [{ path, executable: false, content: Buffer.from('x') }];
  const buffer = gzipSync(JSON.stringify({ [path]: { mode: '0644', base64: Buffer.from('x').toString('base64') } }));
  await expect(unpackFolder(buffer, into, hashFiles(files))).rejects.toThrow(/cannot be written/);
  expect(await beside()).toEqual([]);
});

test('what is no packed folder, or unpacks without end, is refused', async () => {
  for (const buffer of [Buffer.from('x'), gzipSync('[]'), gzipSync('{'), gzipSync(Buffer.alloc(64 * 1024 * 1024))]) {
    await expect(unpackFolder(buffer, into, 'a')).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('a folder that changed since its version was read is not packed under it', async () => {
  const version = await versionOf(role);
  await expect(packFolder(role, version)).resolves.toBeInstanceOf(Buffer);
  await folders.write({ 'roles/install_static/meta/aegir.yml': 'target: server\n' });
  await expect(packFolder(role, version)).rejects.toMatchObject({ code: 'conflict' });
});

test('a link to a file of a Task type beside it is packed as that file, and its content is part of the version', async () => {
  await folders.write({ 'roles/deploy_release/files/shared.py': 'one\n' });
  await mkdir(join(role, 'files'), { recursive: true });
  await symlink('../../deploy_release/files/shared.py', join(role, 'files/shared.py'));
  const version = await versionOf(role);
  await unpackFolder(await packFolder(role, version), into, version);
  expect(await readFile(join(into, 'files/shared.py'), 'utf8')).toBe('one\n');
  await folders.write({ 'roles/deploy_release/files/shared.py': 'two\n' });
  expect(await versionOf(role)).not.toBe(version);
});

test('a folder with a link that leads elsewhere is not packed', async () => {
  await mkdir(join(role, 'files'), { recursive: true });
  await symlink('/etc/passwd', join(role, 'files/passwd'));
  await expect(packFolder(role)).rejects.toThrow(/files\/passwd is a special file, or a link that leads out/);
});
