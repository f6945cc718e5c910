// Backup stores as people enter them, and as a Task gets one: whole, as it is when the Task begins, by a reference in the plan.

import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationView, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let database: pg.Client;

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEgcmVhbCBvbmU=\n-----END OPENSSH PRIVATE KEY-----\n';
const sftp = {
  ...{ name: 'far', type: 'sftp', address: 'backup.example.org', user: 'keeper', folder: '/backups' },
  ...{ host_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVudGVyZWQ=', private_key: key },
};
const s3 = {
  ...{ name: 'cloud', type: 's3', address: 'https://s3.example.org', bucket: 'backups' },
  ...{ access_key: 'AKEXAMPLE', secret_key: 'a-secret-access-key' },
};

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Refuses until the password of the store is the right one; tells what it was given without telling it. */
const look = `python3 -c 'import hashlib, json, os, sys
store = json.load(sys.stdin)["arguments"]["store"]
print("the secret is " + store["password"], flush=True)
if store["password"] != "Rp7-right-Xq2": sys.exit("The encryption password is not the one.")
seen = {"fields": sorted(store), "key": hashlib.sha256(store["private_key"].encode()).hexdigest()}
json.dump({"seen": seen}, open(os.environ["AEGIR_OUTPUTS"], "w"))'`;

async function refusal(values: Record<string, unknown>, path = '/api/backup_stores', method = 'POST') {
  const { status, body } = await aegir.call<ProblemJson>(method, path, { values });
  expect(status, JSON.stringify(body)).toBe(422);
  return (body.problems ?? []).map(problem => problem.path).sort();
}

async function make(values: Record<string, unknown>): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', '/api/backup_stores', { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

beforeAll(async () => {
  const options = 'store: {type: dict, description: The store, required: true, no_log: true}';
  const meta =
    'arguments: {store: {to: backup_store, from: cluster.backup_store, ask: false, missing: Choose a store.}}\noutputs: {seen: {type: dict, help: Seen}}\n';
  types.shellTask('look_at_store', look, { options, meta });
  types.operation('look', 'cluster', '[{id: look, task: look_at_store}]');
  aegir = await startAegir({ types: types.path });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types.remove();
});

test('what a store of each type needs, and what its fields must be like, is said at once', async () => {
  expect(await refusal({ name: 'x', type: 'directory' })).toEqual(['values.folder']);
  expect(await refusal({ name: 'x', type: 'sftp' })).toEqual(
    ['address', 'folder', 'host_key', 'private_key', 'user'].map(name => `values.${name}`),
  );
  expect(await refusal({ name: 'x', type: 's3' })).toEqual(
    ['access_key', 'address', 'bucket', 'secret_key'].map(name => `values.${name}`),
  );
  const odd = { address: 'a b', user: '-oProxyCommand=id', port: 0, host_key: 'a key', private_key: 'none' };
  expect(await refusal({ ...sftp, ...odd })).toEqual(
    ['address', 'host_key', 'port', 'private_key', 'user'].map(name => `values.${name}`),
  );
  const wrong = { address: 's3.example.org', folder: '/a b', bucket: 'A', region: 'x y', secret_key: 'a\nb' };
  expect(await refusal({ ...s3, ...wrong })).toEqual(
    ['address', 'bucket', 'folder', 'region', 'secret_key'].map(name => `values.${name}`),
  );
  expect(await refusal({ name: 'x', type: 'rest', address: 'https://me@example.org' })).toEqual(['values.address']);
});

test('keys are sealed, stay when something else is edited, and an edit must fit what stays', async () => {
  const made = await make(s3);
  expect(made.values.secret_key).toEqual({ $secret: expect.any(String) });
  const path = `/api/backup_stores/${made.id}`;
  const edited = await aegir.call<Entity>('PATCH', path, { values: { region: 'eu-central-1' } });
  expect(edited.body.values).toMatchObject({ region: 'eu-central-1', secret_key: made.values.secret_key });
  expect(await refusal({ bucket: null }, path, 'PATCH')).toEqual(['values.bucket']);
  expect(await refusal({ type: 'sftp' }, path, 'PATCH')).toContain('values.host_key');
  expect(await refusal({ address: 'ftp://s3.example.org' }, path, 'PATCH')).toEqual(['values.address']);
});

test('a Task gets all fields of its store as they are when it begins; the plan has the id, and nothing shows what is secret', async () => {
  const store = await make({ ...sftp, password: 'Rp7-wrong-Xq2' });
  await aegir.call('POST', '/api/clusters', { values: { name: 'farm', kind: 'servers', backup_store: 'far' } });
  const started = await aegir.call<OperationView>('POST', '/api/clusters/farm/operations', { type: 'look', input: {} });
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  const waiting = await aegir.waitUntilQuiet(started.body.id);
  expect(waiting.state).toBe('needs_attention');
  const path = `/api/backup_stores/${store.id}`;
  expect((await aegir.call('PATCH', path, { values: { password: 'Rp7-right-Xq2' } })).status).toBe(200);
  await aegir.decide(waiting, 'retry');
  const operation = await aegir.waitUntilQuiet(started.body.id);
  expect(operation.state, operation.message).toBe('succeeded');
  const fields = ['address', 'folder', 'host_key', 'name', 'password', 'private_key', 'type', 'user'];
  expect(operation.tasks.at(-1)?.outputs).toEqual({ seen: { fields, key: sha256(key) } });
  const tables = await database.query(
    `select string_agg(t::text, ' ') as all from (select row_to_json(operations) as t from operations union all select row_to_json(tasks) from tasks union all select row_to_json(log_chunks) from log_chunks) as rows`,
  );
  expect(tables.rows[0].all).toContain(store.id);
  for (const clear of ['Rp7-right', 'Rp7-wrong', 'bm90IGEgcmVhbCBvbmU'])
    expect(tables.rows[0].all).not.toContain(clear);
});
