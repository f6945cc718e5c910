import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RepositoryServer, startRepositoryServer } from '../test/repository-server.ts';

let folder: string;
let server: RepositoryServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-repository-'));
  server = await startRepositoryServer(folder, '127.0.0.1');
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const nameOf = (text: string) => createHash('sha256').update(text).digest('hex');

async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/r/${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test('blobs are written, listed and read, in part too, as restic lays them out', async () => {
  expect((await ask('HEAD', 'config')).status).toBe(404);
  expect((await ask('POST', '?create=true')).status).toBe(200);
  expect((await ask('POST', 'config', 'the configuration')).status).toBe(200);
  const name = nameOf('some bytes');
  expect((await ask('POST', `data/${name}`, 'some bytes')).status).toBe(200);
  expect(readFileSync(join(folder, 'r', 'data', name.slice(0, 2), name), 'utf8')).toBe('some bytes');
  expect(JSON.parse((await ask('GET', 'data/')).text)).toEqual([{ name, size: 10 }]);
  expect(JSON.parse((await ask('GET', 'keys/')).text)).toEqual([]);
  expect((await ask('GET', `data/${name}`)).text).toBe('some bytes');
  const part = await ask('GET', `data/${name}`, undefined, { range: 'bytes=5-9' });
  expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, 'bytes', 'bytes 5-9/10']);
  expect((await ask('HEAD', `data/${name}`)).headers.get('content-length')).toBe('10');
});

test('nothing is written over or removed but locks, and nothing is half there', async () => {
  await ask('POST', '?create=true');
  const name = nameOf('one');
  expect((await ask('POST', `data/${nameOf('two')}`, 'one')).status).toBe(400);
  expect((await ask('POST', `snapshots/${name}`, 'one')).status).toBe(200);
  expect((await ask('POST', `snapshots/${name}`, 'one')).status).toBe(403);
  expect((await ask('POST', 'config', 'a')).status).toBe(200);
  expect((await ask('POST', 'config', 'b')).status).toBe(403);
  expect((await ask('DELETE', `snapshots/${name}`)).status).toBe(403);
  expect((await ask('DELETE', 'config')).status).toBe(403);
  expect((await ask('POST', `locks/${name}`, 'one')).status).toBe(200);
  expect((await ask('DELETE', `locks/${name}`)).status).toBe(200);
  const files = readdirSync(join(folder, 'r'), { recursive: true, withFileTypes: true }).filter(entry =>
    entry.isFile(),
  );
  expect(files.map(entry => entry.name).sort()).toEqual([name, 'config'].sort());
});

test('who may only read neither makes, adds nor removes anything, locks included', async () => {
  await ask('POST', '?create=true');
  const name = nameOf('one');
  await ask('POST', `locks/${name}`, 'one');
  const reader = await startRepositoryServer(folder, '127.0.0.1', 'read');
  try {
    const status = async (method: string, path: string) =>
      (await fetch(`${reader.url}/r/${path}`, { method, ...(method === 'POST' ? { body: 'two' } : {}) })).status;
    expect(await status('GET', `locks/${name}`)).toBe(200);
    expect(await status('HEAD', `locks/${name}`)).toBe(200);
    for (const [method, path] of [
      ['POST', '?create=true'],
      ['POST', 'config'],
      ['POST', `data/${nameOf('two')}`],
      ['POST', `locks/${nameOf('two')}`],
      ['DELETE', `locks/${name}`],
    ] as const)
      expect([path, await status(method, path)]).toEqual([path, 403]);
    expect(readdirSync(join(folder, 'r', 'locks'))).toEqual([name]);
  } finally {
    await reader.stop();
  }
});

test('a path leads nowhere else', async () => {
  await ask('POST', '?create=true');
  for (const path of [
    'data/..%2f..%2fx',
    'data/x',
    `other/${nameOf('x')}`,
    `data/${nameOf('x')}/y`,
    'keys',
    'config/x',
  ])
    expect([path, (await ask('POST', path, 'x')).status]).toEqual([path, path === 'keys' ? 405 : 404]);
});
