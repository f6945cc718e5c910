// The files of archives, in a folder of the control plane: each is there as a whole or not at all, and is named by the id of
// its row. Nothing is held in memory.

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AppError, errorText } from '../model/errors.ts';

export interface ArchiveRules {
  folder: string;
  /** Of one archive, packed. */
  limitBytes: number;
  days: number;
}

export interface Received {
  bytes: number;
  sha256: string;
}

/** What comes is of this form: tar, packed by gzip. */
const gzipMark = Buffer.from([0x1f, 0x8b]);
/** Older ones belong to nobody: no upload lasts that long. */
const strayAgeMs = 3 * 86_400_000;

const fileOf = ({ folder }: ArchiveRules, id: string) => join(folder, `${id}.tar.gz`);
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB`;

/**
 * @param sender.bytes, sender.sha256 what was announced, where it was.
 * @param settle writes the row when all of it is on the disk, and calls `place` within its transaction.
 */
export async function receiveArchive<T>(
  rules: ArchiveRules,
  id: string,
  body: ReadableStream | null,
  sender: { bytes: number | null; sha256: string | null },
  settle: (received: Received, place: () => Promise<void>) => Promise<T>,
): Promise<T> {
  await mkdir(rules.folder, { recursive: true, mode: 0o700 });
  await refuseTooLarge(rules, sender.bytes ?? 0);
  const draft = join(rules.folder, `.${id}.${randomUUID()}`);
  try {
    const received = await write(rules, draft, body);
    if (sender.sha256 && sender.sha256.toLowerCase() !== received.sha256)
      throw new AppError(
        'invalid',
        `What came has another checksum (${received.sha256}) than was announced. Send it again; nothing was kept.`,
      );
    return await settle(received, () => rename(draft, fileOf(rules, id)));
  } catch (error) {
    throw explain(error);
  } finally {
    await rm(draft, { force: true });
  }
}

async function refuseTooLarge(rules: ArchiveRules, bytes: number): Promise<void> {
  if (bytes > rules.limitBytes) throw tooLarge(rules);
  const { bavail, bsize } = await statfs(rules.folder);
  if (bytes > bavail * bsize)
    throw new AppError(
      'unavailable',
      `The disk of the archives has room for ${megabytes(bavail * bsize)}, this one has ${megabytes(bytes)}. Delete archives that nobody needs; nothing was kept.`,
    );
}

const tooLarge = ({ limitBytes }: ArchiveRules) =>
  new AppError(
    'invalid',
    `The archive is larger than ${limitBytes / 1024 ** 3} GiB, which is the most that one may take of the disk (AEGIR_ARCHIVE_LIMIT_GIB). Nothing was kept.`,
  );

async function write(rules: ArchiveRules, draft: string, body: ReadableStream | null): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = async function* (pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      if (bytes === 0 && piece.length > 1 && !piece.subarray(0, 2).equals(gzipMark)) throw notPacked();
      bytes += piece.length;
      if (bytes > rules.limitBytes) throw tooLarge(rules);
      hash.update(piece);
      yield piece;
    }
  };
  // A stream that opened it itself could still do so when the file of what was refused has been removed.
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(measure(body ? arriving(body) : Readable.from([])));
    // On the disk, before anybody is told that it is there.
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (bytes === 0) throw notPacked();
  return { bytes, sha256: hash.digest('hex') };
}

async function* arriving(body: ReadableStream): AsyncGenerator<Buffer> {
  try {
    for await (const piece of Readable.fromWeb(body)) yield piece as Buffer;
  } catch (cause) {
    throw new AppError('invalid', 'The archive did not arrive whole: the connection was cut off. Send it again.', {
      cause,
    });
  }
}

const notPacked = () =>
  new AppError('invalid', 'This is no archive packed by gzip (.tar.gz). Make one with “tar czf”; nothing was kept.');

function explain(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError(
      'unavailable',
      'The disk of the archives is full. Delete archives that nobody needs; nothing was kept.',
    );
  if (['EACCES', 'EPERM', 'EROFS', 'EIO', 'ENOENT', 'ENOTDIR'].includes(code ?? ''))
    return new AppError('unavailable', `The folder of the archives cannot be used (${errorText(error)}).`, {
      cause: error,
    });
  return error;
}

/** An answer with the file, or the part of it that is asked for. */
export async function answerArchive(
  rules: ArchiveRules,
  { id, name, sha256 }: { id: string; name: string; sha256: string },
  range: string | undefined,
): Promise<Response> {
  const file = fileOf(rules, id);
  const { size } = await stat(file).catch(error => {
    throw new AppError('not_found', `The file of the Archive ${name} is not in the folder of archives.`, {
      cause: error,
    });
  });
  const part = readRange(range, size);
  const headers: Record<string, string> = {
    'content-type': 'application/gzip',
    'content-disposition': `attachment; filename="${name}.tar.gz"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-transform',
    etag: `"${sha256}"`,
  };
  if (part === 'none') return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
  const { start, end } = part ?? { start: 0, end: size - 1 };
  headers['content-length'] = String(end - start + 1);
  if (part) headers['content-range'] = `bytes ${start}-${end}/${size}`;
  const stream = Readable.toWeb(createReadStream(file, { start, end })) as unknown as globalThis.ReadableStream;
  return new Response(stream, { status: part ? 206 : 200, headers });
}

/** One range; what is of another form is taken for none. */
export function readRange(header: string | undefined, size: number): { start: number; end: number } | 'none' | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!found || (found[1] === '' && found[2] === '')) return null;
  const [first, last] = [found[1] ?? '', found[2] ?? ''];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'none' : { start, end };
}

export async function removeArchiveFile(rules: ArchiveRules, id: string): Promise<void> {
  await rm(fileOf(rules, id), { force: true });
}

/** What a killed process has left: drafts, and files without a row. @param known ids that have one. */
export async function removeStrays({ folder }: ArchiveRules, known: Set<string>, now = Date.now()): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names.filter(each => !known.has(each.replace(/\.tar\.gz$/, '')))) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found?.isFile() && now - found.mtimeMs > strayAgeMs) await rm(join(folder, name), { force: true });
  }
}
