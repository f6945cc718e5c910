// A Task type's folder as one buffer, to be kept in PostgreSQL by its hash and laid down again on any worker.

import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { isDict } from '../model/coerce.ts';
import { AppError } from '../model/errors.ts';
import { type FolderFile, hashFiles, largestFolderBytes, readFolder } from './folder-files.ts';

/** base64 is a third longer; paths and JSON come on top. */
const largestUnpackedBytes = 2 * largestFolderBytes;

/**
 * The same bytes for the same folder: gzip'd JSON {path: {mode, base64}}. With `expectedVersion` a folder that was changed
 * since it was read is refused, as it would be kept under a hash that is not its own. @throws AppError invalid, conflict
 */
export async function packFolder(folder: string, expectedVersion?: string): Promise<Buffer> {
  const { files, mistakes } = await readFolder(folder);
  if (mistakes.length > 0) {
    throw new AppError(
      'invalid',
      `${folder} cannot be kept: ${mistakes.map(m => `${m.path} ${m.message}`.trim()).join(' ')}`,
    );
  }
  if (expectedVersion !== undefined && hashFiles(files) !== expectedVersion) {
    throw new AppError('conflict', `${folder} was changed while it was read: try again.`);
  }
  const entries = files.map(file => [
    file.path,
    { mode: file.executable ? '0755' : '0644', base64: file.content.toString('base64') },
  ]);
  return promisify(gzip)(JSON.stringify(Object.fromEntries(entries)));
}

/**
 * Lays the folder down at `into`, whole or not at all, and only when its hash is `expectedVersion`. A folder that lies there
 * already is kept when it is the same version, else replaced. @throws AppError invalid
 */
export async function unpackFolder(buffer: Buffer, into: string, expectedVersion: string): Promise<void> {
  if (await isVersion(into, expectedVersion)) return;
  const files = await readPack(buffer);
  if (hashFiles(files) !== expectedVersion) throw damaged(expectedVersion, 'its content has another hash');
  await mkdir(dirname(into), { recursive: true });
  const temporary = await mkdtemp(`${into}.new-`);
  try {
    for (const file of files) await writeFolderFile(temporary, file);
    // mkdtemp makes it 0700; a playbook may run as another user.
    await chmod(temporary, 0o755);
    if (!(await isVersion(temporary, expectedVersion))) throw damaged(expectedVersion, 'the disk holds something else');
    await moveIntoPlace(temporary, into, expectedVersion);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The files of a kept folder as text, by path. */
export async function readPackedTexts(buffer: Buffer): Promise<Record<string, string>> {
  const files = await readPack(buffer);
  return Object.fromEntries(files.map(file => [file.path, file.content.toString('utf8')]));
}

async function writeFolderFile(folder: string, file: FolderFile): Promise<void> {
  const target = join(folder, file.path);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await writeFile(target, file.content, { flag: 'wx' });
  await chmod(target, file.executable ? 0o755 : 0o644);
}

/** Two workers on one machine may do this at once: whoever comes second finds the right folder there. */
async function moveIntoPlace(temporary: string, into: string, version: string): Promise<void> {
  const inTheWay = `${temporary}.old`;
  try {
    await rename(temporary, into);
  } catch (error) {
    if (await isVersion(into, version)) return;
    await rename(into, inTheWay).catch(() => {
      throw error;
    });
    await rename(temporary, into);
  } finally {
    await rm(inTheWay, { recursive: true, force: true });
  }
}

async function isVersion(folder: string, version: string): Promise<boolean> {
  try {
    const { files, mistakes } = await readFolder(folder);
    return mistakes.length === 0 && hashFiles(files) === version;
  } catch {
    // Not there, or not readable: it is laid down anew.
    return false;
  }
}

async function readPack(buffer: Buffer): Promise<FolderFile[]> {
  let data: unknown;
  try {
    const text = await promisify(gunzip)(buffer, { maxOutputLength: largestUnpackedBytes });
    data = JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new AppError('invalid', 'The kept folder of a Task type cannot be read.', { cause });
  }
  if (!isDict(data)) throw new AppError('invalid', 'The kept folder of a Task type has an unknown form.');
  return Object.entries(data).map(([path, entry]) => readEntry(path, entry));
}

function readEntry(path: string, entry: unknown): FolderFile {
  const safe = !path.includes('\0') && path.split('/').every(part => part !== '' && part !== '.' && part !== '..');
  if (!safe || !isDict(entry) || typeof entry.base64 !== 'string') {
    throw new AppError(
      'invalid',
      `The kept folder of a Task type has a file that cannot be written: ${JSON.stringify(path)}.`,
    );
  }
  return { path, executable: entry.mode === '0755', content: Buffer.from(entry.base64, 'base64') };
}

function damaged(version: string, why: string): AppError {
  return new AppError('invalid', `The kept folder of Task type version ${version} cannot be used: ${why}.`);
}
