// The repository of backups of a run, as pods reach it by the API: that of its own Environment, with the run's token, for the
// time of the run.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const folder = mkdtempSync(join(tmpdir(), 'aegir-store-'));
let aegir: Aegir;
let site: Entity;

const add = async (plural: string, values: Record<string, unknown>) => {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
};

/** Tells its token in a file of its name, and waits for another one. */
const wait = (name: string) =>
  `input=$(cat); printf %s "$input" | sed -E 's/.*"feedback_token":"([^"]*)".*/\\1/' >${folder}/${name}.new
mv ${folder}/${name}.new ${folder}/${name}
for i in $(seq 600); do [ -e ${folder}/${name}.done ] && break; sleep 0.05; done; echo '{}' >"$AEGIR_OUTPUTS"`;

const options =
  'store: {type: dict, description: The store, required: true, no_log: true}, repository: {type: str, description: Whose, required: true}';
const bindings =
  'arguments: {store: {to: backup_store, from: environment.backup_store, ask: false}, repository: {from: environment.id, ask: false}}\n';

beforeAll(async () => {
  const tasks: Record<string, string> = {
    add_to_it: `serves: {folder: store, name: repository}\n${bindings}`,
    read_it: `serves: {folder: store, name: repository, access: read}\n${bindings}`,
    leave_it: bindings,
  };
  for (const [name, meta] of Object.entries(tasks)) {
    types.shellTask(name, wait(name), { options, meta });
    types.operation(name, 'environment', `[{id: one, task: ${name}}]`);
  }
  types.shellTask('do_it', `cat >/dev/null; echo '{}' >"$AEGIR_OUTPUTS"`);
  types.shellTask('fail_it', 'exit 1');
  types.operation(
    'undo_it',
    'environment',
    '[{id: one, task: do_it, undo: read_it}, {id: two, task: fail_it}]',
    'on_failure: {choose: undo}\n',
  );
  aegir = await startAegir({ types: types.path });
  mkdirSync(join(folder, 'store'));
  const store = await add('backup_stores', {
    ...{ name: 'folder', type: 'directory', folder: join(folder, 'store'), password: 'x' },
  });
  await add('clusters', { name: 'farm', kind: 'servers', backup_store: store.id });
  await add('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
  await add('releases', { name: 'v1', project: 'shop', git_ref: 'main' });
  const values = { name: 'blog', release: 'shop/v1', web_server: 'web', primary_name: 'blog.example.org' };
  site = await add('environments', values);
});
afterAll(async () => {
  await aegir?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  ask(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>, token?: string): Promise<Response>;
  end(): Promise<OperationView>;
}

/** @param waits Task type of it that tells its token. */
async function begin(type: string, waits = type): Promise<Running> {
  const file = join(folder, waits);
  for (const each of [file, `${file}.done`]) rmSync(each, { force: true });
  const { body } = await aegir.call<OperationView>('POST', `/api/environments/${site.id}/operations`, {
    type,
    input: {},
  });
  await expect.poll(() => existsSync(file), { timeout: 30_000 }).toBe(true);
  const own = readFileSync(file, 'utf8');
  const { tasks } = (await aegir.call<OperationView>('GET', `/api/operations/${body.id}`)).body;
  const task = tasks.find(({ state }) => state === 'running')?.id;
  return {
    ask: (method, path, body, token = own) => {
      const authorization = `Basic ${Buffer.from(`aegir:${token}`).toString('base64')}`;
      const url = `${aegir.url}/api/feedback/${task}/repository/${path}`;
      return fetch(url, { method, headers: { authorization }, ...(body === undefined ? {} : { body }) });
    },
    end: () => {
      writeFileSync(`${file}.done`, '');
      return aegir.waitFor(body.id);
    },
  };
}

test('a run adds to that of its Environment, in pieces of any size, and changes nothing that is there', async () => {
  const { ask, end } = await begin('add_to_it');
  const status = async (...args: Parameters<typeof ask>) => (await ask(...args)).status;
  expect(await status('HEAD', 'config')).toBe(404);
  expect(await status('POST', '?create=true')).toBe(200);
  expect(await status('POST', 'config', 'the configuration')).toBe(200);
  // More than other requests may have.
  const blob = new Uint8Array(5 << 20).fill(7);
  const name = createHash('sha256').update(blob).digest('hex');
  expect(await status('POST', `data/${name}`, blob)).toBe(200);
  expect(await status('POST', `data/${name}`, blob)).toBe(403);
  expect(await status('DELETE', `data/${name}`)).toBe(403);
  expect(await (await ask('GET', 'data/')).json()).toEqual([{ name, size: blob.length }]);
  const head = await ask('HEAD', `data/${name}`);
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(blob.length)]);
  expect(new Uint8Array(await (await ask('GET', `data/${name}`)).arrayBuffer())).toEqual(blob);
  expect(await status('GET', 'data/..%2f..%2fconfig')).toBe(404);
  expect(existsSync(join(folder, 'store', site.id, 'data', name.slice(0, 2), name))).toBe(true);
  for (const token of ['', 'wrong']) expect(await status('GET', 'data/', undefined, token)).toBe(401);
  expect((await end()).state).toBe('succeeded');
  expect(await status('GET', 'data/')).toBe(401);
});

test('one that reads adds nothing, and one whose type does not say so gets nothing', async () => {
  const reader = await begin('read_it');
  expect((await reader.ask('GET', 'config')).status).toBe(200);
  expect((await reader.ask('POST', 'locks/'.padEnd(70, 'a'), 'x')).status).toBe(403);
  await reader.end();
  const other = await begin('leave_it');
  const refused = await other.ask('GET', 'config');
  expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
    403,
    'The Task type leave_it does not say “serves:” in meta/aegir.yml.',
  ]);
  await other.end();
});

test('a Task that takes another one back has it, too', async () => {
  const { ask, end } = await begin('undo_it', 'read_it');
  expect((await ask('GET', 'config')).status).toBe(200);
  const { tasks } = await end();
  expect(tasks.map(({ type, state }) => `${type} ${state}`)).toEqual(
    expect.arrayContaining(['do_it undone', 'read_it succeeded', 'fail_it failed']),
  );
});

test('a folder that is not on the machine of the API is not made', async () => {
  const { ask, end } = await begin('add_to_it');
  rmSync(join(folder, 'store'), { recursive: true });
  expect((await ask('POST', '?create=true')).status).toBe(424);
  expect(existsSync(join(folder, 'store'))).toBe(false);
  await end();
});
