// Puts an archive together: tar, compressed, encrypted where there is a passphrase, in a file of its owner's alone.

import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AppError } from '../model/errors.ts';
import type { Snapshot } from '../model/store/whole-database.ts';
import { type Head, headName, type Manifest, manifestName, rowsName, type Sums, type TableSums } from './manifest.ts';
import { encrypt } from './passphrase.ts';
import { endOfEntries, renderEntry } from './tar.ts';

export interface ArchiveContent {
  head: Head;
  snapshot: Snapshot;
  /** Names and texts of single files. */
  files: Record<string, string>;
}

/** Small beside any table that matters, large beside a head of 512 bytes. */
const pieceBytes = 1024 * 1024;

/** Whole or not at all. @param passphrase null = not encrypted */
export async function writeArchive(
  file: string,
  content: ArchiveContent,
  passphrase: string | null,
): Promise<Manifest> {
  if (existsSync(file)) throw new AppError('conflict', `${file} is there already: give another name.`);
  const draft = `${file}.part`;
  const manifest: Manifest = { tables: [], sequences: {}, files: {} };
  const out = await open(draft, 'wx', 0o600).catch(error => {
    throw cannotWrite(draft, error);
  });
  try {
    await pipeline(
      renderEntries(content, manifest),
      createGzip(),
      (chunks: AsyncIterable<Buffer>) => (passphrase === null ? chunks : encrypt(chunks, passphrase)),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) await out.writeFile(chunk);
      },
    );
    await out.sync();
    await rename(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw cannotWrite(draft, error);
  } finally {
    await out.close();
  }
  return manifest;
}

function cannotWrite(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOSPC: `There is no room for ${file}: its disk is full. Nothing was left there.`,
    EEXIST: `${file} is there already: another backup is being made, or was stopped. Remove it, or give another name.`,
    ENOENT: `${file} cannot be written: there is no such folder.`,
    EACCES: `${file} cannot be written: it is not yours to write there.`,
  };
  const known = code === undefined ? undefined : words[code];
  return known ? new AppError('unavailable', known, { cause: error }) : error;
}

/** @param manifest is filled on the way, and stands at the end. */
async function* renderEntries({ head, snapshot, files }: ArchiveContent, manifest: Manifest): AsyncGenerator<Buffer> {
  const all = { [headName]: renderJson(head), ...files };
  for (const [name, text] of Object.entries(all)) {
    const body = Buffer.from(text);
    manifest.files[name] = sumsOf(body);
    yield renderEntry({ name, body });
  }
  for (const table of snapshot.tables) {
    const rows = snapshot.rows(table);
    const sums = createHash('sha256');
    const found: TableSums = { ...table, rows: 0, bytes: 0, sha256: '' };
    let piece = 0;
    for await (const body of inPieces(rows, count => (found.rows = count))) {
      sums.update(body);
      found.bytes += body.length;
      piece += 1;
      yield renderEntry({ name: rowsName(table.name, piece), body });
    }
    manifest.tables.push({ ...found, sha256: sums.digest('hex') });
  }
  manifest.sequences = await snapshot.sequences();
  yield renderEntry({ name: manifestName, body: Buffer.from(renderJson(manifest)) });
  yield endOfEntries;
}

const renderJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export function sumsOf(body: Buffer): Sums {
  return { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
}

/** Of one size each but the last. */
async function* inPieces(
  rows: AsyncGenerator<Buffer, number>,
  counted: (rows: number) => void,
): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await rows.next();
    if (done) {
      counted(value);
      break;
    }
    held = Buffer.concat([held, value]);
    for (; held.length >= pieceBytes; held = held.subarray(pieceBytes)) yield held.subarray(0, pieceBytes);
  }
  if (held.length > 0) yield held;
}
