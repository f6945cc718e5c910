// Restore drills without hosts: what is added for them and seen of it, what becomes of the Backup and of the throwaway when the
// Operation ends in whatever way. The steps are toys; test/drill.host.test.ts has the real ones.

import { Client, Connection } from '@temporalio/client';
import { ulid } from 'ulid';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { EntityView, FormView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Plan, plansOf, tasksOf } from '../model/plan.ts';
import { type OpenDatabase, openDatabase } from '../model/store/database.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let open: OpenDatabase;
let connection: Connection;

type Values = Record<string, unknown>;
const hash = 'a'.repeat(40);

/** Says of the backup what it is told to, and leaves a file where it has begun. */
const judge = `arguments=$(cat)
case $arguments in
  *'"say": "bad"'* | *'"say":"bad"'*)
    echo '{"verdict": {"state": "failed", "because": "table x has 3 rows, the manifest says 5"}}' >"$AEGIR_OUTPUTS"
    echo 'The database is not what the backup says.'; exit 1 ;;
  *'"say": "trouble"'* | *'"say":"trouble"'*) echo 'The disk of the web Server is full.'; exit 1 ;;
  *'"say": "nonsense"'* | *'"say":"nonsense"'*) echo '{"verdict": {"state": "fine"}}' >"$AEGIR_OUTPUTS"; exit 1 ;;
  *'"say": "hang"'* | *'"say":"hang"'*) echo hanging; sleep 600 ;;
esac
echo '{"verdict": {"state": "proven", "recovery_seconds": 7}}' >"$AEGIR_OUTPUTS"`;

function putTypes(): void {
  const say =
    'say: {type: str, description: What to say, default: good}, snapshot: {type: str, description: Of the backup}';
  const meta = `arguments:
  snapshot: {from: backup.snapshot, ask: false}
outputs:
  verdict: {type: dict, judges: backup, help: What it is}
`;
  types.shellTask('judge_toy', judge, { options: say, meta });
  types.shellTask('make_toy', 'cat >/dev/null; echo made');
  types.shellTask('remove_toy', 'cat >/dev/null; echo removed');
  types.operation(
    'install_toy',
    'environment',
    '[{id: make, task: make_toy}]',
    'states: {begin: installing, succeeded: enabled}\n',
  );
  types.operation('remove_toy', 'environment', '[{id: remove, task: remove_toy}]', 'states: {succeeded: deleted}\n');
  const adds =
    'adds: {throwaway: true, asks: [cluster, web_server], takes: [cluster, upload_mb], sets: {cluster: $cluster.drill_cluster, release: $backup.release, kind: development, mail: discard}}\n';
  const rest = `${adds}on_failure: {choose: leave}\nlocks: {backup: exclusive, environment: shared}\n`;
  const remove = '{id: remove, operation: remove_toy, on: target, always: site}';
  const site = '{id: site, operation: install_toy, on: target}';
  types.operation('drill', 'backup', `[${site}, {id: judge, task: judge_toy}, ${remove}]`, rest);
  types.operation('look_first', 'backup', `[{id: judge, task: judge_toy}, ${site}, ${remove}]`, rest);
}

async function make(plural: string, values: Values, fields: Values = {}): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values, fields });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

const entity = async (path: string) => (await aegir.call<EntityView>('GET', `/api/${path}`)).body;
const list = async (path: string) => (await aegir.call<Page<Entity>>('GET', `/api/${path}`)).body.items;
const start = (backup: string, type: string, input: Values = {}) =>
  aegir.call<OperationView & ProblemJson>('POST', `/api/backups/${backup}/operations`, { type, input });
const planOf = async (id: string) =>
  (await open.pool.query<{ plan: Plan }>('select plan from operations where id = $1', [id])).rows[0]?.plan as Plan;
const throwaways = async () => {
  const { id } = await entity('environments/shop');
  return list(`environments?throwaway_of=${id}`);
};

async function addBackup(name: string, more: Values = {}): Promise<string> {
  const id = ulid();
  const { state = 'unproven', created_at = new Date().toISOString() } = more;
  await open.pool.query(
    `insert into backups (id, organisation, name, state, environment, release, backup_store, snapshot, deployed_hash, created_at)
     select $1, organisation, $2, $3, id, release, backup_store, $4, $5, $6 from environments where name = 'shop'`,
    [id, name, state, id.toLowerCase(), hash, created_at],
  );
  return id;
}

beforeAll(async () => {
  putTypes();
  aegir = await startAegir({ types: types.path });
  open = openDatabase(aegir.databaseUrl);
  connection = await Connection.connect({ address: inject('temporalAddress') });
  await make('backup_stores', { name: 'store', type: 'directory', folder: '/srv/store' });
  for (const name of ['farm', 'lab']) await make('clusters', { name, kind: 'servers', backup_store: 'store' });
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await make('servers', { name: 'bench', cluster: 'lab', connection: 'local' });
  await make('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
  await make('releases', { name: 'v1', project: 'shop', git_ref: 'main' });
  const contact = { entityKind: 'environment', name: 'contact', type: 'str', label: 'Contact' };
  expect((await aegir.call('POST', '/api/field-definitions', contact)).status).toBe(201);
  const values = {
    name: 'shop',
    release: 'shop/v1',
    web_server: 'web',
    primary_name: 'shop.example.org',
    kind: 'production',
  };
  const { id } = await make(
    'environments',
    { ...values, upload_mb: 9, https: 'acme', backup_store: 'store' },
    { contact: 'Ada' },
  );
  await open.pool.query(`update environments set state = 'enabled', deployed_hash = $2 where id = $1`, [id, hash]);
});

afterAll(async () => {
  await connection?.close();
  await open?.close();
  await aegir?.stop();
  types.remove();
});

test('the drill of our own restores the commit and the files of that backup into a place of its own, and asks only where', async () => {
  const backup = await addBackup('first');
  const { body: form } = await aegir.call<FormView>('GET', `/api/backups/${backup}/operation-types/prove_backup/form`);
  expect(form.problems).toEqual([]);
  expect(form.groups[0]).toMatchObject({ title: 'Where to' });
  const asked = form.groups.flatMap(({ fields }) => fields.map(({ name, required }) => (required ? `${name}!` : name)));
  expect(asked.filter(name => name.endsWith('!'))).toEqual([]);
  expect(asked).toEqual(
    expect.arrayContaining(['cluster', 'web_server', 'database_server', 'probe_path', 'probe_text']),
  );
  for (const name of ['primary_name', 'release', 'asked_later', 'although_enabled', 'sanitise'])
    expect(asked).not.toContain(name);
  const { status, body } = await start(backup, 'prove_backup');
  expect(status, JSON.stringify(body)).toBe(201);
  const plan = await planOf(body.id);
  await aegir.call('POST', `/api/operations/${body.id}/cancel?choice=leave`);
  await aegir.waitFor(body.id);
  const { id: shop } = await entity('environments/shop');
  expect(
    plan.locks.map(({ kind, name, mode }) => `${kind} ${name.replace(/drill-.*/, 'drill')} ${mode}`).sort(),
  ).toEqual([
    'backup first exclusive',
    'environment drill exclusive',
    'environment shop shared',
    'release v1 shared',
    'server web shared',
  ]);
  const inputs = Object.fromEntries([...tasksOf(plan)].map(({ step }) => [step.id, step.inputs]));
  const value = (from: unknown) => ({ from: 'value', value: from });
  expect(inputs.resolve?.known_hash).toEqual(value(hash));
  expect(inputs.data).toMatchObject({ repository: value(shop), verify: value(true), from_another: value(true) });
  expect([...tasksOf(plan)].find(({ step }) => step.taskType === 'write_vhost')?.step.inputs.throwaway_of).toEqual(
    value(shop),
  );
  expect(inputs.page?.began).toEqual({ from: 'output', step: ['look'], output: 'began' });
  // It is asked once, by the step that judges.
  expect(plan.steps.map(({ id }) => id)).toEqual(['look', 'site', 'page', 'remove']);
  expect([...plansOf(plan)].flatMap(({ plan: { steps } }) => steps.map(({ id }) => id))).not.toContain('probe');
});

test('a backup that is found good is proven; what it was tried in was like its Environment, and nobody has to see it', async () => {
  const backup = await addBackup('good');
  const { body } = await start(backup, 'drill');
  const { throwaway } = await planOf(body.id);
  const tried = await entity(`environments/${throwaway}`);
  expect(tried.values).toMatchObject({ kind: 'development', mail: 'discard', upload_mb: 9, https: 'off', aliases: [] });
  expect(tried.values.name).toMatch(/^drill-[0-9a-z]{16}$/);
  expect(tried.values.primary_name).toBe(`${tried.values.name}.invalid`);
  expect(tried.fields).toEqual({ contact: 'Ada' });
  expect((await list('environments')).map(({ values }) => values.name)).toEqual(['shop']);
  const offers = await aegir.call<{ name: string; enabled: boolean; reason: string }[]>(
    'GET',
    `/api/environments/${throwaway}/operation-types`,
  );
  const refused = offers.body.filter(({ enabled }) => !enabled);
  expect(refused.find(({ name }) => name === 'install_environment')?.reason).toContain(
    'for the time of one Operation only',
  );
  expect((await aegir.waitFor(body.id)).state).toBe('succeeded');
  const { state, values } = await entity(`backups/${backup}`);
  expect([state, values.recovery_seconds, values.failure]).toEqual(['proven', 7, null]);
  expect(Date.parse(String(values.judged_at))).toBeGreaterThan(Date.now() - 60_000);
  expect((await entity(`environments/${throwaway}`)).state).toBe('deleted');
  const [shop] = await list('environments');
  expect(shop).toMatchObject({ proven: { backup, recoverySeconds: 7 } });
  expect((await entity('environments/shop')).proven?.backup).toBe(backup);
});

test('a backup that is found bad has failed, with the reason, and nothing of the drill stays', async () => {
  const backup = await addBackup('bad', { state: 'proven' });
  const { body } = await start(backup, 'drill', { say: 'bad' });
  const ended = await aegir.waitFor(body.id);
  expect([ended.state, ended.message]).toEqual(['failed', expect.stringContaining('is not what the backup says.')]);
  const { state, values } = await entity(`backups/${backup}`);
  expect([state, values.failure, values.recovery_seconds]).toEqual([
    'failed',
    'table x has 3 rows, the manifest says 5',
    null,
  ]);
  expect(ended.children.map(({ type, state: each }) => `${type} ${each}`).sort()).toEqual([
    'install_toy succeeded',
    'remove_toy succeeded',
  ]);
  expect(await throwaways()).toEqual([]);
});

test.each(['trouble', 'nonsense'])(
  'a drill that cannot be carried out (%s) says so, and nothing about the backup',
  async say => {
    const backup = await addBackup(`in-${say}`);
    const { body } = await start(backup, 'drill', { say });
    expect((await aegir.waitFor(body.id)).state).toBe('failed');
    const { state, values } = await entity(`backups/${backup}`);
    expect([state, values.failure, values.judged_at]).toEqual(['unproven', null, null]);
    expect(await throwaways()).toEqual([]);
  },
);

test('what fails before anything was made removes nothing', async () => {
  const { body } = await start(await addBackup('early'), 'look_first', { say: 'trouble' });
  const ended = await aegir.waitFor(body.id);
  expect(ended.tasks.map(({ step, state }) => `${step} ${state}`)).toEqual([
    'preflight succeeded',
    'judge failed',
    'make skipped',
    'remove skipped',
  ]);
  expect(await throwaways()).toEqual([]);
});

test('a cancel in the middle asks nobody, and removes what was made', async () => {
  const backup = await addBackup('cancelled');
  const { body } = await start(backup, 'drill', { say: 'hang' });
  await expect.poll(() => aegir.log(body.id), { timeout: 20_000 }).toContain('hanging');
  expect(await throwaways()).toHaveLength(1);
  await aegir.call('POST', `/api/operations/${body.id}/cancel`);
  const ended = await aegir.waitUntilQuiet(body.id);
  expect([ended.state, ended.attentions]).toEqual(['cancelled', []]);
  expect(ended.children.find(({ type }) => type === 'remove_toy')?.state).toBe('succeeded');
  expect(await throwaways()).toEqual([]);
  expect((await entity(`backups/${backup}`)).state).toBe('unproven');
  const { body: resumed } = await aegir.call<ProblemJson>('POST', `/api/operations/${body.id}/resume`, { inputs: {} });
  expect(resumed.detail).toContain('start a new one');
});

test('after the end of an engine’s run an Operation removes what is left, once', async () => {
  const { body } = await start(await addBackup('terminated'), 'drill', { say: 'hang' });
  await expect.poll(() => aegir.log(body.id), { timeout: 20_000 }).toContain('hanging');
  const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE;
  await new Client({ connection, ...(namespace ? { namespace } : {}) }).workflow
    .getHandle(body.id)
    .terminate('by a test');
  expect((await aegir.waitFor(body.id)).message).toContain('terminated');
  const { throwaway = '' } = await planOf(body.id);
  const removals = async () =>
    (await aegir.call<Page<OperationView>>('GET', `/api/operations?subject=${throwaway}`)).body.items.filter(
      ({ type }) => type === 'delete_environment',
    );
  await expect.poll(removals, { timeout: 40_000 }).toHaveLength(1);
  const [removal] = await removals();
  expect(removal).toMatchObject({ startedBy: 'Aegir', reason: 'It was there for one Operation, which is over.' });
  expect((await aegir.waitFor(String(removal?.id))).state).toBe('succeeded');
  expect((await entity(`environments/${throwaway}`)).state).toBe('deleted');
  expect(await removals()).toHaveLength(1);
}, 120_000);

test('from an Environment the newest backup is taken that has not failed; where it is tried the Cluster says', async () => {
  await open.pool.query('delete from backups');
  const refusal = await aegir.call<ProblemJson>('POST', '/api/environments/shop/operations', {
    type: 'prove_newest_backup',
    input: {},
  });
  expect([refusal.status, refusal.body.detail]).toEqual([409, expect.stringContaining('Run “Back up” first')]);
  const newest = await addBackup('newest', { created_at: '2026-03-03' });
  await addBackup('older', { created_at: '2026-02-02', state: 'proven' });
  await addBackup('newer-but-bad', { created_at: '2026-04-04', state: 'failed' });
  await aegir.call('PATCH', '/api/clusters/farm', { values: { drill_cluster: 'lab' } });
  const { body } = await aegir.call<OperationView>('POST', '/api/environments/shop/operations', {
    type: 'prove_newest_backup',
    input: {},
  });
  const plan = await planOf(body.id);
  await aegir.call('POST', `/api/operations/${body.id}/cancel?choice=leave`);
  await aegir.waitFor(body.id);
  expect([...plansOf(plan)].map(({ plan: { subject } }) => subject.kind)).toEqual([
    'environment',
    'backup',
    'environment',
    'environment',
  ]);
  expect([...plansOf(plan)][1]?.plan.subject.id).toBe(newest);
  expect(plan.locks.map(({ kind, name }) => `${kind} ${name}`)).toContain('server bench');
  expect((await entity(`environments/${plan.throwaway}`)).values.cluster).toBe((await entity('clusters/lab')).id);
  await aegir.call('PATCH', '/api/clusters/farm', { values: { drill_cluster: null } });
  await expect.poll(() => throwaways(), { timeout: 60_000 }).toEqual([]);
});

test('a Release that is locked, and an Environment that is deleted, keep no backup from being proven', async () => {
  const backup = await addBackup('of-before');
  await aegir.call('PATCH', `/api/releases/shop%2Fv1`, { values: { locked: true } });
  await open.pool.query(`update environments set state = 'deleted' where name = 'shop'`);
  const { body } = await start(backup, 'drill');
  expect((await aegir.waitFor(body.id)).state).toBe('succeeded');
  expect((await entity(`backups/${backup}`)).state).toBe('proven');
});
