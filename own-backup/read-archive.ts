// Reads an archive and believes nothing of it: names are compared with the few that there can be and never used as paths,
// everything is counted and summed, and only an end that says the same makes it a whole one.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '../model/errors.ts';
import {
  type Head,
  headName,
  keysName,
  type Manifest,
  manifestName,
  parseHead,
  parseManifest,
  rowsPattern,
  type Sums,
  sampleName,
} from './manifest.ts';
import { decrypt, magic } from './passphrase.ts';
import { cutOff, damaged, type Entry, printable, readEntries } from './tar.ts';
import { sumsOf } from './write-archive.ts';

export interface Archive {
  head: Head;
  manifest: Manifest;
  keys: string;
  /** What the first start of that installation has made. */
  sample: string | null;
  /** Reads it once more, and looks at all of it once more. */
  rows(): AsyncGenerator<{ table: string; chunk: Buffer }>;
}

/** @param passphrase asked for only where the archive is encrypted. @throws AppError invalid unless it is whole */
export async function readArchive(file: string, passphrase: () => Promise<string>): Promise<Archive> {
  const isSealed = (await beginningOf(file)).equals(magic);
  const words = isSealed ? await passphrase() : null;
  const reading = createReading();
  for await (const _ of reading.entries(bytesOf(file, words)));
  const { head, manifest, files } = reading.result();
  return {
    head,
    manifest,
    keys: files.get(keysName) ?? '',
    sample: files.get(sampleName) ?? null,
    async *rows() {
      const again = createReading();
      yield* again.entries(bytesOf(file, words));
      if (JSON.stringify(again.result().manifest) !== JSON.stringify(manifest))
        throw damaged('it has changed while it was read');
    },
  };
}

async function beginningOf(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new AppError('not_found', `${file} cannot be read (${error.code}).`, { cause: error });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What is in it, in clear. */
async function* bytesOf(file: string, passphrase: string | null): AsyncGenerator<Buffer> {
  const raw = createReadStream(file, { start: passphrase === null ? 0 : magic.length });
  const clear = passphrase === null ? raw : Readable.from(decrypt(raw, passphrase), { objectMode: false });
  const unpacked = createGunzip();
  clear.on('error', (error: Error) => unpacked.destroy(error));
  try {
    yield* clear.pipe(unpacked);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw cutOff();
    throw code.startsWith('Z_') ? damaged('it cannot be unpacked') : error;
  } finally {
    raw.destroy();
  }
}

const fileNames = [headName, keysName, sampleName, manifestName];

/** One reading from its begin to its end. */
function createReading() {
  const files = new Map<string, string>();
  const fileSums: Record<string, Sums> = {};
  const tables = new Map<string, { hash: Hash; bytes: number; pieces: number }>();
  let head: Head | undefined;
  let manifest: Manifest | undefined;
  let last = '';

  const takeFile = ({ name, body }: Entry) => {
    if (files.has(name)) throw damaged(`${name} is in it twice`);
    files.set(name, body.toString());
    if (name === headName) head = parseHead(body.toString());
    if (name === manifestName) manifest = parseManifest(body.toString());
    else fileSums[name] = sumsOf(body);
  };
  const takeRows = (name: string, piece: number, body: Buffer) => {
    const table = tables.get(name) ?? { hash: createHash('sha256'), bytes: 0, pieces: 0 };
    // All of a table in its order, then the next table.
    if (piece !== table.pieces + 1 || (piece > 1 && last !== name))
      throw damaged(`rows of ${name} are not in their order`);
    table.hash.update(body);
    tables.set(name, { ...table, bytes: table.bytes + body.length, pieces: piece });
    last = name;
  };
  return {
    async *entries(bytes: AsyncIterable<Buffer>) {
      for await (const entry of readEntries(bytes)) {
        if (manifest) throw damaged('something stands behind its manifest');
        if (!head && entry.name !== headName) throw damaged(`it begins with “${printable(entry.name)}”`);
        const [, table, piece] = rowsPattern.exec(entry.name) ?? [];
        if (table) {
          takeRows(table, Number(piece), entry.body);
          yield { table, chunk: entry.body };
        } else if (fileNames.includes(entry.name)) takeFile(entry);
        else throw damaged(`“${printable(entry.name)}” is nothing that Aegir puts there`);
      }
    },
    result() {
      if (!head || !manifest) throw cutOff();
      compare(manifest, fileSums, tables);
      if (!files.has(keysName)) throw damaged(`${keysName} is missing`);
      return { head, manifest, files };
    },
  };
}

function compare(
  manifest: Manifest,
  files: Record<string, Sums>,
  tables: ReadonlyMap<string, { hash: Hash; bytes: number }>,
): void {
  const found = [
    ...Object.entries(files).map(([name, { bytes, sha256 }]) => `${name} ${bytes} ${sha256}`),
    ...[...tables].map(([name, { hash, bytes }]) => `${name} ${bytes} ${hash.copy().digest('hex')}`),
  ];
  const said = [
    ...Object.entries(manifest.files).map(([name, { bytes, sha256 }]) => `${name} ${bytes} ${sha256}`),
    // One without rows has no entry.
    ...manifest.tables.flatMap(({ name, bytes, sha256 }) => (bytes > 0 ? [`${name} ${bytes} ${sha256}`] : [])),
  ];
  const wrong = [...said.filter(line => !found.includes(line)), ...found.filter(line => !said.includes(line))];
  const [first] = wrong;
  if (first !== undefined) throw damaged(`${printable(first.split(' ')[0] ?? '')} is not what its manifest says`);
}
