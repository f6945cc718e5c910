// Rotation of the key that seals, while an Operation runs and secrets are stored.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { AuditView, EngineView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { KeyView, RotationView } from '../api/contract-keys.ts';
import type { Entity } from '../model/entities.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { sealSecret } from '../secrets/vault.ts';
import type { Running } from '../start/launch.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { followLink } from './people.ts';
import { makeTypeFolder } from './task-types.ts';

const folder = mkdtempSync(join(tmpdir(), 'aegir-gate-'));
const gate = join(folder, 'open');
const password = 'a-password-from-a-form';
const token = 'a-token-of-the-project';
const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;
let client: Client;
let connection: Connection;
let database: pg.Client;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const keyFile = () => readFileSync(join(aegir.home, 'secret.key'), 'utf8').trim().split('\n');
const listKeys = async () => (await aegir.call<KeyView[]>('GET', '/api/keys')).body;

/** Tells what it was given without telling it. */
const digest = `python3 -c 'import hashlib, json, os, sys
run = json.load(sys.stdin)
digest = lambda text: hashlib.sha256(text.encode()).hexdigest()
json.dump({"form": digest(run["arguments"]["password"]), "field": digest(run["aegir"]["fields"]["project"]["token"])}, open(os.environ["AEGIR_OUTPUTS"], "w"))'`;

beforeAll(async () => {
  const options = 'password: {type: str, description: Secret, required: true, no_log: true}';
  const meta = 'outputs: {form: {type: str, help: Digest}, field: {type: str, help: Digest}}\n';
  types.shellTask('hold_on', `cat >/dev/null; echo holding; while [ ! -e ${gate} ]; do sleep 0.1; done`);
  types.shellTask('use_secrets', digest, { options, meta });
  types.operation('use', 'project', '[{id: use, task: use_secrets}]');
  types.operation('hold_and_use', 'project', '[{id: hold, task: hold_on}, {id: use, task: use_secrets}]');
  aegir = await startAegir({ types: types.path });
  const definition = { entityKind: 'project', name: 'token', type: 'str', secret: true };
  await aegir.call('POST', '/api/field-definitions', definition);
  const values = {
    name: 'site',
    repository: 'https://example.org/site.git',
    application: 'static',
    deploy_key: 'a-key',
  };
  project = (await aegir.call<Entity>('POST', '/api/projects', { values, fields: { token } })).body;
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '' });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  session = await followLink(aegir, (await aegir.send<{ url: string }>('POST', '/api/sign-in-links')).url);
});

afterAll(async () => {
  await database?.end();
  await connection?.close();
  await aegir?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser's. */
let session: { cookie: string };

async function isSignedIn(): Promise<boolean> {
  const { status } = await aegir.call('GET', '/api/session', undefined, { token: '', headers: session });
  return status === 200;
}

let server: Running | undefined;

async function restartServer(): Promise<void> {
  await (server ?? aegir.server).stop();
  server = await aegir.startServer();
}

function expectSecretsOpened(operation: OperationView): void {
  expect(operation.state, operation.message).toBe('succeeded');
  expect(operation.tasks.at(-1)?.outputs).toEqual({ form: sha256(password), field: sha256(token) });
}

test('a key is rotated while an Operation runs: it goes on, and every stored secret is sealed anew', async () => {
  const [old] = await listKeys();
  expect(old).toMatchObject({ seals: true, secrets: 3, runs: null, mayGo: false });
  const started = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
    type: 'hold_and_use',
    input: { password },
  });
  await expect.poll(() => aegir.log(started.body.id), { timeout: 30_000 }).toContain('holding');
  const sealed = () => database.query<{ sealed: string }>('select sealed from secrets order by id');
  const before = (await sealed()).rows;

  const rotated = await aegirCommand(aegir, 'keys', 'rotate', '--json');
  expect(rotated.code, rotated.stderr).toBe(0);
  const { resealed, lost, keys } = JSON.parse(rotated.stdout) as RotationView;
  expect([resealed, lost]).toEqual([4, []]);
  expect(keys.map(key => [key.id === old?.id, key.seals, key.secrets])).toEqual([
    [false, true, 4],
    [true, false, 0],
  ]);
  expect(keyFile()).toHaveLength(2);
  for (const [at, row] of (await sealed()).rows.entries()) expect(row.sealed).not.toBe(before[at]?.sealed);

  writeFileSync(gate, '');
  expectSecretsOpened(await aegir.waitFor(started.body.id));
  const engine = await aegir.call<EngineView>('GET', `/api/operations/${started.body.id}/engine`);
  expect(engine.body.entries.at(-1)?.text).toBe('The run ended.');
});

test('the old key is kept as long as the engine has runs that may need it, and every process knows both', async () => {
  const [now, old] = await listKeys();
  expect(old).toMatchObject({ seals: false, secrets: 0, runs: 1, mayGo: false });
  expect(old?.reason).toContain('still in the engine');
  const refused = await aegir.call<ProblemJson>('DELETE', `/api/keys/${old?.id}`);
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('still needed')]);
  expect((await aegir.call('DELETE', `/api/keys/${now?.id}`)).status).toBe(409);
  expect((await aegir.call('DELETE', '/api/keys/none')).status).toBe(404);

  await aegir.worker.stop();
  await aegir.startWorker();
  expectSecretsOpened(await aegir.run('projects', project.id, 'use', { password }));
});

test('what another process has sealed with the old key meanwhile is found, and sealed anew by the next call', async () => {
  const [, old] = await listKeys();
  const { rows } = await database.query<{ id: string }>('select id from secrets order by id limit 1');
  const late = openKeyRing({ value: keyFile()[1] ?? '' }, () => {});
  await database.query('update secrets set sealed = $1 where id = $2', [
    sealSecret(late, rows[0]?.id ?? '', 'a-key'),
    rows[0]?.id,
  ]);
  expect((await listKeys()).find(key => key.id === old?.id)).toMatchObject({ secrets: 1, mayGo: false });
  const again = await aegir.call<RotationView>('POST', '/api/keys/reseal');
  expect(again.body).toMatchObject({ resealed: 1, lost: [] });
});

/** As the retention does it after a month. What is listed lags behind what is there, and each is asked for once. */
function createForget(): () => Promise<void> {
  const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
  const asked = new Set<string>();
  return async () => {
    for await (const { workflowId, runId } of client.workflow.list()) {
      if (asked.has(runId)) continue;
      asked.add(runId);
      await connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } });
    }
  };
}

test('the old key goes when the engine has forgotten those runs; nothing else is lost by it', async () => {
  const [, old] = await listKeys();
  const forgetRuns = createForget();
  const find = async () => {
    await forgetRuns();
    return (await listKeys()).find(key => key.id === old?.id);
  };
  await expect.poll(find, { timeout: 100_000 }).toMatchObject({ runs: 0, mayGo: true });
  const listed = await aegirCommand(aegir, 'keys');
  expect(listed.stdout).toContain(`May go: ./aegir keys remove ${old?.id}`);
  const removed = await aegirCommand(aegir, 'keys', 'remove', old?.id ?? '');
  expect([removed.code, removed.stdout]).toEqual([0, `Key ${old?.id} is removed.`]);
  expect(keyFile()).toHaveLength(1);
  await restartServer();
  expect(await isSignedIn()).toBe(true);
  expectSecretsOpened(await aegir.run('projects', project.id, 'use', { password }));
  const audit = await aegir.call<Page<AuditView>>('GET', '/api/audit');
  const verbs = audit.body.items.filter(({ objectKind }) => objectKind === 'key').map(({ verb }) => verb);
  expect(verbs).toEqual(['remove', 'reseal', 'reseal', 'rotate']);
}, 120_000);

test('secrets that no key opens are named and left as they are', async () => {
  const before = await database.query('select id, sealed from secrets order by id');
  const { id } = before.rows[0];
  await database.query(`update secrets set sealed = 'AgAAAAAA' || substr(sealed, 9) where id = $1`, [id]);
  const { body } = await aegir.call<RotationView>('POST', '/api/keys/reseal');
  expect(body.lost).toEqual([id]);
  expect(body.keys.find(key => key.id === '00000000')).toMatchObject({ secrets: 1, mayGo: false });
});

test('where the secret of sessions is lost, Aegir starts with another one: everybody signs in again', async () => {
  await database.query(`update secrets set sealed = 'AgAAAAAA' || substr(sealed, 9) where id = 'own:sign-in'`);
  await restartServer();
  expect(await isSignedIn()).toBe(false);
  session = await followLink(aegir, (await aegir.send<{ url: string }>('POST', '/api/sign-in-links')).url);
  await restartServer();
  expect(await isSignedIn()).toBe(true);
});
