// Archives in the control plane: they come and go whole, by those who may, and none outlives its time.

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { localAuthorization } from './call-api.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder, type TypeFolder } from './task-types.ts';

let aegir: Aegir;
let types: TypeFolder;
let database: pg.Client;
let folder: string;
let environment: Entity;

/** Not to be packed any smaller: several pieces on the way. */
const content = gzipSync(randomBytes(3 << 20));
const checksum = createHash('sha256').update(content).digest('hex');

const kept = () => readdirSync(join(aegir.home, 'archives')).sort();
const send = (path: string, init: RequestInit) => {
  const headers = { authorization: localAuthorization(aegir.home), ...(init.headers as Record<string, string>) };
  return fetch(`${aegir.url}${path}`, { ...init, headers });
};
const upload = (body: Buffer, name: string, headers: Record<string, string> = {}) =>
  send(`/api/archives?name=${name}`, { method: 'POST', body: new Uint8Array(body), headers });
const make = async (plural: string, values: Record<string, unknown>) => {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
};

/** Answers by the relay of the run; the folder is the argument, for files of its own. */
const script = (call: string) => `
curl() { command curl --silent --show-error --header "Authorization: Bearer $token" "$@"; }
input=$(cat)
url=$(printf %s "$input" | sed -E 's/.*"feedback_url":"([^"]*)".*/\\1/')
token=$(printf %s "$input" | sed -E 's/.*"feedback_token":"([^"]*)".*/\\1/')
${call}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-archives-'));
  types = makeTypeFolder();
  writeFileSync(join(folder, 'made.tar.gz'), content);
  types.shellTask('bring', script(`curl --fail --upload-file ${folder}/made.tar.gz "$url/archive" >"$AEGIR_OUTPUTS"`), {
    ...{
      options: 'name: {type: str, description: Which}',
      meta: 'archive: add\narguments: {name: {from: environment.name}}\n',
    },
  });
  types.shellTask(
    'fetch',
    script(`curl --fail --output ${folder}/fetched.tar.gz "$url/archive"; echo '{}' >"$AEGIR_OUTPUTS"`),
    {
      ...{
        options: 'sum: {type: str, description: Which}',
        meta: 'archive: read\narguments: {sum: {from: archive.sha256}}\n',
      },
    },
  );
  types.shellTask(
    'steal',
    script(
      `curl --include "$url/archive"; curl --upload-file ${folder}/made.tar.gz "$url/archive"; echo '{}' >"$AEGIR_OUTPUTS"`,
    ),
  );
  types.operation('pack', 'environment', '[{id: one, task: bring}]');
  types.operation('look', 'archive', '[{id: one, task: fetch}]');
  types.operation('thief', 'environment', '[{id: one, task: steal}]');
  aegir = await startAegir({ types: types.path });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  await make('clusters', { name: 'farm', kind: 'servers' });
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await make('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
  await make('releases', { name: 'v1', project: 'shop', git_ref: 'main' });
  environment = await make('environments', {
    name: 'blog',
    release: 'shop/v1',
    web_server: 'web',
    primary_name: 'blog.example.org',
  });
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types?.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('one that is uploaded is there as it was sent, and is downloaded by ranges, too', async () => {
  const answer = await upload(content, 'mine', { 'x-archive-sha256': checksum });
  expect(answer.status).toBe(201);
  const { id, state, values } = (await answer.json()) as Entity;
  expect([state, values]).toEqual([
    'kept',
    expect.objectContaining({
      name: 'mine',
      origin: 'upload',
      bytes: content.length,
      sha256: checksum,
      environment: null,
    }),
  ]);
  expect(Date.parse(String(values.goes_at)) - Date.now()).toBeGreaterThan(13.9 * 86_400_000);
  expect(kept()).toEqual([`${id}.tar.gz`]);

  const whole = await send('/api/archives/mine/content', {});
  expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
  expect(whole.headers.get('content-disposition')).toBe('attachment; filename="mine.tar.gz"');
  for (const [range, start, end] of [
    ['bytes=100-199', 100, 200],
    ['bytes=3000000-', 3_000_000, content.length],
    ['bytes=-10', content.length - 10, content.length],
  ] as const) {
    const part = await send('/api/archives/mine/content', { headers: { range } });
    expect([part.status, Buffer.from(await part.arrayBuffer()).equals(content.subarray(start, end))]).toEqual([
      206,
      true,
    ]);
  }
  expect((await send('/api/archives/mine/content', { headers: { range: 'bytes=9999999-' } })).status).toBe(416);
  const { body } = await aegir.call<Page<{ verb: string }>>('GET', '/api/audit');
  expect(body.items.filter(({ verb }) => verb === 'download')).toHaveLength(1);
});

test.each([
  ['another checksum', content, { 'x-archive-sha256': 'a'.repeat(64) }, 422, /another checksum/],
  ['what is not packed', Buffer.from('hello, world'), {}, 422, /no archive packed by gzip/],
  ['nothing', Buffer.alloc(0), {}, 422, /no archive packed by gzip/],
])('%s is refused, and nothing of it stays', async (_what, body, headers, status, message) => {
  const before = kept();
  const answer = await upload(body, 'bad', headers);
  expect([answer.status, ((await answer.json()) as ProblemJson).detail]).toEqual([
    status,
    expect.stringMatching(message),
  ]);
  expect(kept()).toEqual(before);
});

test('a name that is taken, or none, is refused before a byte is kept', async () => {
  const before = kept();
  expect((await upload(content, 'mine')).status).toBe(409);
  expect((await upload(content, 'No%20name')).status).toBe(422);
  expect(kept()).toEqual(before);
});

/** Of a request that announces `length` bytes, sends some and then stops; cut off after `ms`. */
const begin = (length: number, body: Buffer, ms: number) =>
  new Promise<string>(resolve => {
    const headers = { authorization: localAuthorization(aegir.home), 'content-length': length };
    const sent = request(`${aegir.url}/api/archives?name=half`, { method: 'POST', headers }, answer => {
      const pieces: Buffer[] = [];
      answer.on('data', piece => pieces.push(piece));
      answer.on('end', () => resolve(Buffer.concat(pieces).toString()));
    });
    sent.on('error', error => resolve(error.message));
    sent.write(body);
    setTimeout(() => sent.destroy(new Error('cut off')), ms);
  });

test('one that is larger than allowed is refused at once, with the setting that says so', async () => {
  expect(await begin(21 * 1024 ** 3, content.subarray(0, 100), 5000)).toContain('AEGIR_ARCHIVE_LIMIT_GIB');
});

test('an upload that is cut off leaves neither a file nor a row', async () => {
  const before = kept();
  expect(await begin(content.length, content.subarray(0, 1 << 20), 500)).toBe('cut off');
  await expect.poll(kept).toEqual(before);
  expect((await aegir.call('GET', '/api/archives/half')).status).toBe(404);
});

test('a run brings one of its Environment through its connection, and another one reads it', async () => {
  const { state, tasks } = await aegir.run('environments', environment.id, 'pack');
  expect(state, tasks[0]?.message).toBe('succeeded');
  const { body } = await aegir.call<Page<Entity>>('GET', '/api/archives?origin=export');
  const [made] = body.items;
  const id = String(made?.id);
  expect(made?.values).toMatchObject({
    ...{ name: expect.stringMatching(/^blog-\d{8}-\d{6}$/), environment: environment.id, origin: 'export' },
    ...{ bytes: content.length, sha256: checksum, application: 'static', primary_name: 'blog.example.org' },
  });
  const read = await aegir.run('archives', id, 'look');
  expect(read.state, read.tasks[0]?.message).toBe('succeeded');
  expect(readFileSync(join(folder, 'fetched.tar.gz')).equals(content)).toBe(true);
});

test('“Export” packs a site, and says what came of it', async () => {
  const site = join(folder, 'site');
  mkdirSync(join(site, 'files'), { recursive: true });
  mkdirSync(join(site, 'releases', 'one'), { recursive: true });
  writeFileSync(join(site, 'files', 'kept.txt'), 'kept');
  symlinkSync('releases/one', join(site, 'current'));
  await database.query(`update environments set state = 'enabled', path = $1, deployed_hash = $2 where id = $3`, [
    ...[site, 'a'.repeat(40), environment.id],
  ]);
  const { state, tasks } = await aegir.run('environments', environment.id, 'export_environment');
  expect(state, tasks[0]?.message).toBe('succeeded');
  const { archive, bytes, sha256, summary, path } = tasks.find(({ step }) => step === 'archive')?.outputs ?? {};
  const made = (await aegir.call<Entity>('GET', `/api/archives/${String(archive)}`)).body;
  expect(made.values).toMatchObject({ environment: environment.id, origin: 'export', bytes, sha256 });
  expect(summary).toMatch(/^blog-\d{8}-\d{6}, 1 MB: code 0 MB in 0 files, files 1 MB in 1 files$/);
  const packed = Buffer.from(await (await send(String(path), {})).arrayBuffer());
  expect(createHash('sha256').update(packed).digest('hex')).toBe(sha256);
});

test('a run whose Task type does not say so neither brings nor reads one', async () => {
  const before = kept();
  const { id } = await aegir.run('environments', environment.id, 'thief');
  expect((await aegir.log(id)).match(/does not say “archive: (read|add)”/g)).toHaveLength(2);
  expect(kept()).toEqual(before);
});

test('by ./aegir: uploaded, downloaded and deleted', async () => {
  const cli = (...words: string[]) => aegirCommand(aegir, ...words);
  expect((await cli('archive', 'upload', join(folder, 'made.tar.gz'), '--name', 'second')).stdout).toContain(checksum);
  const output = join(folder, 'second.tar.gz');
  expect(await cli('archive', 'download', 'second', '--output', output)).toMatchObject({ code: 0 });
  expect(readFileSync(output).equals(content)).toBe(true);
  expect((await cli('archive', 'list')).stdout).toMatch(/second .*upload/);
  expect(await cli('archive', 'delete', 'second')).toMatchObject({ code: 0 });
  expect((await cli('archive', 'download', 'second', '--output', output)).code).not.toBe(0);
  expect((await cli('archive', 'upload', join(folder, 'absent'))).stderr).toContain('cannot be read');
});

test('one whose time is over is deleted with its file, and its name is free again', async () => {
  const { body } = await aegir.call<Entity>('GET', '/api/archives/mine');
  await database.query('update archives set goes_at = $1 where id = $2', ['2020-01-01T00:00:00.000Z', body.id]);
  await aegir.server.stop();
  await aegir.startServer();
  await expect.poll(kept).not.toContain(`${body.id}.tar.gz`);
  expect((await aegir.call('GET', '/api/archives/mine')).status).toBe(404);
  expect((await upload(content, 'mine')).status).toBe(201);
});
