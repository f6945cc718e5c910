// A restic repository in a folder of the worker, as a target reaches it through the connection of its run: restic's REST
// protocol (restic.readthedocs.io, "REST Backend"), version 2. Nothing in it is written over or removed, but for locks:
// whoever holds a Server cannot harm the backups that were made from there.

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** One of them is a file, the others are folders. */
const kinds = ['data', 'keys', 'locks', 'snapshots', 'index'];
const blobName = /^[0-9a-f]{64}$/;

export interface Repository {
  folder: string;
  /** To be read only, or also to be added to. */
  access: 'read' | 'add';
}

/** @param path below the repository, without a slash in front. */
export async function answerRepository(
  { folder, access }: Repository,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [name = '', query = ''] = path.split('?');
  try {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (access === 'read' && !reads) return void response.writeHead(403).end();
    const status = await carryOut(folder, name, query, request, response);
    if (!response.headersSent) response.writeHead(status).end();
  } catch (error) {
    if (response.headersSent) response.destroy();
    else response.writeHead(statusOf(error), { 'content-type': 'text/plain' }).end(`${wordsOf(error)}\n`);
  }
}

/** The status of an answer without a body. */
async function carryOut(
  folder: string,
  name: string,
  query: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<number> {
  const { method = '' } = request;
  if (name === '') return method === 'POST' && query === 'create=true' ? create(folder) : 405;
  const [kind = '', blob = '', ...more] = name.split('/');
  if (kinds.includes(kind) && blob === '' && more.length === 0)
    return method === 'GET' ? list(folder, kind, response) : 405;
  const isConfig = name === 'config';
  if (!isConfig && !(kinds.includes(kind) && blobName.test(blob) && more.length === 0)) return 404;
  const file = isConfig ? join(folder, 'config') : fileOf(folder, kind, blob);
  if (method === 'HEAD' || method === 'GET') return read(file, request, response);
  if (method === 'POST') return write(file, isConfig ? null : blob, request);
  if (method !== 'DELETE') return 405;
  if (kind !== 'locks') return 403;
  await rm(file);
  return 200;
}

/** As restic itself lays it out, so that it also reads the folder. */
function fileOf(folder: string, kind: string, blob: string): string {
  return kind === 'data' ? join(folder, kind, blob.slice(0, 2), blob) : join(folder, kind, blob);
}

async function create(folder: string): Promise<number> {
  for (const kind of kinds) await mkdir(join(folder, kind), { recursive: true, mode: 0o700 });
  return 200;
}

async function list(folder: string, kind: string, response: ServerResponse): Promise<number> {
  const entries = await readdir(join(folder, kind), { recursive: kind === 'data', withFileTypes: true });
  const files = entries.filter(entry => entry.isFile() && blobName.test(entry.name));
  const sizes = await Promise.all(
    files.map(async entry => ({ name: entry.name, size: (await stat(join(entry.parentPath, entry.name))).size })),
  );
  response.writeHead(200, { 'content-type': 'application/vnd.x.restic.rest.v2' }).end(JSON.stringify(sizes));
  return 200;
}

async function read(file: string, request: IncomingMessage, response: ServerResponse): Promise<number> {
  const { size } = await stat(file);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(Number(range?.[2] || size - 1), size - 1);
  if (range && start > end) return 416;
  const part = range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {};
  const length = size === 0 ? 0 : end - start + 1;
  response.writeHead(range ? 206 : 200, { 'content-length': length, 'accept-ranges': 'bytes', ...part });
  if (request.method === 'HEAD' || length === 0) response.end();
  else await pipeline(createReadStream(file, { start, end }), response);
  return 200;
}

/** It is there as a whole or not at all. A blob is named after its content, which is compared. */
async function write(file: string, blob: string | null, request: IncomingMessage): Promise<number> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = join(dirname(file), `.${randomUUID()}`);
  const hash = createHash('sha256');
  try {
    await pipeline(
      request,
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          hash.update(piece);
          yield piece;
        }
      },
      createWriteStream(draft, { mode: 0o600 }),
    );
    if (blob !== null && hash.digest('hex') !== blob) return 400;
    await settle(draft);
    // Unlike a renaming it refuses what is there.
    await link(draft, file);
    return 200;
  } finally {
    await rm(draft, { force: true });
  }
}

/** On the disk, before anybody is told that it is there. */
async function settle(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const statuses: Record<string, number> = { ENOENT: 404, EEXIST: 403, ENOSPC: 507, EDQUOT: 507 };

const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException).code);

function statusOf(error: unknown): number {
  return statuses[codeOf(error)] ?? 500;
}

function wordsOf(error: unknown): string {
  if (statusOf(error) === 507) return 'The disk of the Backup store is full.';
  return statusOf(error) === 500 ? `The folder of the Backup store cannot be used (${codeOf(error)}).` : '';
}
