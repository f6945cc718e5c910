// What the API makes of Move, Move back and Retire before and after anything runs: what is added, planned, locked, refused, and
// which values the two sides have changed for each other. No worker runs here.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EntityView, FormView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Plan, plansOf, tasksOf } from '../model/plan.ts';
import { placeFields } from '../model/sides.ts';
import { type OpenDatabase, openDatabase } from '../model/store/database.ts';
import { beginOperation, endOperation, type OperationEnd } from '../model/store/operation-run.ts';
import { loadRoot } from '../model/store/roots.ts';
import { type Aegir, startAegir } from './harness.ts';

let aegir: Aegir;
let open: OpenDatabase;

type Values = Record<string, unknown>;
const hash = 'a'.repeat(40);
const path = '/var/lib/aegir/environments/shop';

async function make(plural: string, values: Values): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

const entity = async (name: string) => (await aegir.call<EntityView>('GET', `/api/${name}`)).body;
const start = (type: string, input: Values = {}, of = 'shop') =>
  aegir.call<OperationView & ProblemJson>('POST', `/api/environments/${of}/operations`, { type, input });
const sides = async () => {
  const { id } = await entity('environments/shop');
  return (await aegir.call<Page<Entity>>('GET', `/api/environments?side_of=${id}`)).body.items;
};
const planOf = async (id: string) =>
  (await open.pool.query<{ plan: Plan }>('select plan from operations where id = $1', [id])).rows[0]?.plan as Plan;

/** Words of a refusal, after which there is neither a side nor an Operation that was not there before. */
async function refusal(type: string, input: Values = {}, of = 'shop'): Promise<string> {
  const all = async () => [await sides(), (await open.pool.query('select id from operations')).rowCount];
  const before = await all();
  const { status, body } = await start(type, input, of);
  expect(await all()).toEqual(before);
  return `${status} ${body.problems?.map(({ path, message }) => `${path}: ${message}`).join(' ') || body.detail}`;
}

/** As a worker would carry it out, without its Tasks. */
async function carryOut(plan: Plan, end: Partial<OperationEnd>): Promise<void> {
  const attempt = (await open.pool.query('select attempt from operations where id = $1', [plan.operationId])).rows[0]
    .attempt as number;
  const run = { plan, root: plan.operationId, attempt, engineRun: `run ${attempt}` };
  await open.pool.query(`update operations set state = 'queued', engine_run = null where id = $1`, [plan.operationId]);
  await beginOperation(open.db, run);
  await endOperation(open.db, run, { state: 'succeeded', message: '', exitCode: 0, ...end });
}

beforeAll(async () => {
  aegir = await startAegir();
  await aegir.worker.stop();
  open = openDatabase(aegir.databaseUrl);
  await make('backup_stores', { name: 'store', type: 'directory', folder: '/srv/store' });
  for (const name of ['farm', 'far']) await make('clusters', { name, kind: 'servers', backup_store: 'store' });
  const local = { connection: 'local', web_service: 'nginx' };
  const servers: Values[] = [
    { name: 'one', cluster: 'farm', php_versions: ['8.2'] },
    { name: 'two', cluster: 'farm', php_versions: ['8.2'] },
    { name: 'old', cluster: 'farm', php_versions: ['7.4'] },
    { name: 'base', cluster: 'farm', web: false, database: true },
    { name: 'other', cluster: 'farm', web: false, database: true },
    { name: 'three', cluster: 'far', php_versions: ['8.2'] },
  ];
  for (const values of servers) await make('servers', { ...local, ...values });
  await open.pool.query(`update servers set database_ca = 'ca' where database`);
  await make('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'wordpress' });
  const release = await make('releases', { name: 'v1', project: 'shop', git_ref: 'main' });
  await open.pool.query('update releases set hash = $2 where id = $1', [release.id, hash]);
  const site = { release: 'shop/v1', web_server: 'one', database_server: 'base', php_version: '8.2' };
  const { id } = await make('environments', {
    ...site,
    name: 'shop',
    primary_name: 'shop.example.org',
    aliases: ['s.example.org'],
  });
  await open.pool.query(
    `update environments set state = 'enabled', path = $2, deployed_hash = $3, url = 'http://shop.example.org', "user" = 'aegir-shop',
     php = '/usr/bin/php8.2', database = '{"name": "aegir_shop"}' where id = $1`,
    [id, path, hash],
  );
});

afterAll(async () => {
  await open?.close();
  await aegir?.stop();
});

test('the form asks where to and nothing else', async () => {
  const at = '/api/environments/shop/operation-types/move_environment/form';
  const { body } = await aegir.call<FormView>('GET', at);
  expect(body.problems).toEqual([]);
  const names = body.groups.map(({ title, fields }) => [title, ...fields.map(({ name }) => name)]);
  expect(names[0]).toEqual(['Where to', 'cluster', 'web_server', 'database_server']);
  expect(names.flat()).not.toContain('sanitise');
  expect(names.flat()).not.toContain('notice');
  expect(body.confirm).toContain('DNS');
});

test('a place that is none is refused with all that is wrong, before anything is there', async () => {
  expect(await refusal('move_environment')).toMatch(/^422 web_server: It is there already/);
  expect(await refusal('move_environment', { web_server: 'one' })).toMatch(/^422 web_server: It is there already/);
  expect(await refusal('move_environment', { database_server: 'other' })).toContain('“Move the database”');
  expect(await refusal('move_environment', { web_server: 'old' })).toMatch(/^422 web_server: .*8\.2/);
  expect(await refusal('move_environment', { web_server: 'base' })).toMatch(/^422 web_server: /);
  expect(await refusal('move_environment', { web_server: 'nowhere' })).toMatch(/^422 web_server: There is no/);
  expect(await refusal('move_environment', { web_server: 'three' })).toMatch(/^422 database_server: /);
  expect(await refusal('move_environment', { web_server: 'base', database_server: 'two' })).toMatch(
    /web_server: .*database_server: /,
  );
  expect(await refusal('move_back')).toMatch(/^409 It has no other side/);
  expect(await refusal('retire_side')).toMatch(/^409 It has no other side/);
});

test('the other side has a place of its own and is else the Environment; Tasks and locks know both', async () => {
  const { status, body } = await start('move_environment', { web_server: 'two' });
  expect(status, JSON.stringify(body)).toBe(201);
  const [side] = await sides();
  const shop = await entity('environments/shop');
  const [one, two] = [await entity('servers/one'), await entity('servers/two')];
  expect([side?.state, side?.values.name, side?.values.web_server]).toEqual(['new', 'shop', two.id]);
  expect(side?.values.database_server).toBe(shop.values.database_server);
  expect(side?.values.database_password).not.toEqual(shop.values.database_password);
  const root = await loadRoot(open.db, 'environment', side?.id ?? '');
  expect(root).toMatchObject({ aliases: ['s.example.org'], salt: shop.values.salt, path: null, state: 'new' });

  const plan = await planOf(body.id);
  expect([...plansOf(plan)].map(each => each.plan.type)).toEqual([
    'move_environment',
    'back_up_environment',
    'install_environment',
    'back_up_environment',
  ]);
  const steps = [...tasksOf(plan)].map(({ step }) => step);
  const at = (id: string) => steps.find(step => step.id === id);
  const where = (id: string) => [at(id)?.server?.name, at(id)?.roots.environment];
  expect([where('close'), where('stop'), where('away')]).toEqual(Array(3).fill(['one', shop.id]));
  for (const id of ['place', 'settings', 'quiet', 'data', 'start', 'probe'])
    expect(where(id)).toEqual(['two', side?.id]);
  expect(at('seal')?.inputs.sealing_key).toEqual(at('certificate')?.inputs.sealing_key);
  expect(at('settings')?.inputs.salt).toEqual({
    from: 'secret',
    id: (shop.values.salt as { $secret: string }).$secret,
  });
  // Both may be on one database Server: one owner, two names.
  expect(at('database')?.inputs).toMatchObject({
    environment_id: { value: shop.id },
    other_name: { value: 'aegir_shop' },
    client_address: { value: '127.0.0.1' },
  });
  expect(at('data')?.inputs).toMatchObject({ repository: { value: shop.id }, environment_id: { value: side?.id } });
  const held = plan.locks.map(({ kind, name, mode }) => `${kind} ${name} ${mode}`);
  expect(held).toContain('environment shop exclusive');
  for (const server of ['one', 'two', 'base']) expect(held).toContain(`server ${server} shared`);
  expect(plan.side).toMatchObject({ id: side?.id, added: true });
  expect([...(plan.side?.exchanges ?? [])].sort()).toEqual([...placeFields].sort());
  expect(one.id).toBe(shop.values.web_server);
});

test('a side is listed nowhere, and neither edited, deleted nor operated by itself', async () => {
  const [side] = await sides();
  expect((await aegir.call<Page<Entity>>('GET', '/api/environments')).body.items.map(item => item.id)).not.toContain(
    side?.id,
  );
  const at = `/api/environments/${side?.id}`;
  for (const method of ['PATCH', 'DELETE'] as const) {
    const { status, body } = await aegir.call<ProblemJson>(
      method,
      at,
      method === 'PATCH' ? { values: { www: 'add' } } : undefined,
    );
    expect([status, body.detail]).toEqual([409, expect.stringContaining('the other side of the Environment shop')]);
  }
  expect(await refusal('install_environment', {}, side?.id)).toContain('the other side of the Environment shop');
  expect(await refusal('move_environment', { web_server: 'two' })).toContain('Run “Retire the other side” first');
  const removed = await aegir.call<ProblemJson>('DELETE', '/api/servers/two');
  expect([removed.status, removed.body.detail]).toEqual([409, expect.stringContaining('the Environment shop')]);
});

test('undone, the other side is gone; resumed, it is there again; and not when another one has come since', async () => {
  const { rows } = await open.pool.query<{ plan: Plan }>(`select plan from operations where type = 'move_environment'`);
  const plan = rows[0]?.plan as Plan;
  await carryOut(plan, { state: 'failed', restored: true });
  expect([await sides(), (await entity('environments/shop')).state]).toEqual([[], 'enabled']);
  await carryOut(plan, { state: 'failed', restored: true });
  const { body } = await start('move_environment', { web_server: 'two' });
  await expect(carryOut(plan, {})).rejects.toThrow('has got another side since');
  await carryOut(await planOf(body.id), { state: 'cancelled' });
  expect(await sides()).toEqual([]);
});

test('what has succeeded is the Environment with the new place; the old one is its other side, until it is moved back or retired', async () => {
  const before = (await entity('environments/shop')).values;
  const { body } = await start('move_environment', { web_server: 'two', database_server: 'other' });
  const [added] = await sides();
  await open.pool.query(
    `update environments set state = 'enabled', path = $2, deployed_hash = $3, database = '{"name": "aegir_shop__2"}' where id = $1`,
    [added?.id, path, hash],
  );
  await carryOut(await planOf(body.id), {});
  const [after, [side]] = [await entity('environments/shop'), await sides()];
  expect([after.state, after.references.web_server?.name, after.references.database_server?.name]).toEqual([
    'enabled',
    'two',
    'other',
  ]);
  expect([after.values.database, after.values.primary_name]).toEqual([{ name: 'aegir_shop__2' }, 'shop.example.org']);
  expect([side?.state, side?.values.database]).toEqual(['disabled', { name: 'aegir_shop' }]);
  for (const field of placeFields) expect([field, side?.values[field]]).toEqual([field, before[field]]);

  expect(await refusal('delete_environment', { although_enabled: true })).toContain(
    'Run “Retire the other side” first',
  );
  const back = await planOf((await start('move_back', { parts: 'nothing' })).body.id);
  const steps = [...tasksOf(back)].map(({ step }) => step);
  expect(steps.find(({ id }) => id === 'data')).toMatchObject({
    server: { name: 'one' },
    inputs: { parts: { value: 'nothing' }, environment_path: { value: path }, repository: { value: after.id } },
  });
  await carryOut(back, { state: 'failed', restored: true });
  // It was there before.
  expect((await sides()).map(({ state }) => state)).toEqual(['disabled']);
  await carryOut(back, {});
  expect((await entity('environments/shop')).references.web_server?.name).toBe('one');

  const retire = await planOf((await start('retire_side')).body.id);
  const removing = [...tasksOf(retire)].map(({ step }) => [step.taskType, step.server?.name, step.roots.environment]);
  expect(removing).toEqual([
    ['remove_vhost', 'two', side?.id],
    ['remove_environment', 'two', side?.id],
    ['remove_database', 'other', side?.id],
  ]);
});

test('only the database moves, and of its old side nothing but the database is removed', async () => {
  await open.pool.query(`update environments set state = 'deleted' where side_of is not null`);
  const before = (await entity('environments/shop')).values;
  expect(await refusal('move_database', { database_server: 'base' })).toMatch(
    /^422 database_server: It is there already/,
  );
  expect(await refusal('move_database', { database_server: 'two' })).toMatch(/^422 database_server: /);
  const { status, body } = await start('move_database', { database_server: 'other' });
  expect(status, JSON.stringify(body)).toBe(201);
  const plan = await planOf(body.id);
  const [side] = await sides();
  expect([side?.values.web_server, side?.values.path]).toEqual([null, null]);
  const made = [...tasksOf(plan)].find(({ step }) => step.id === 'database')?.step;
  expect(made).toMatchObject({
    server: { name: 'other' },
    undo: { taskType: 'remove_database', server: { name: 'other' } },
  });
  const settings = [...tasksOf(plan)].find(({ step }) => step.id === 'settings')?.step;
  const password = (values: Values | undefined) => ({
    from: 'secret',
    id: (values as { database_password: { $secret: string } }).database_password.$secret,
  });
  expect(settings?.inputs.database_password).toEqual(password(side?.values));
  expect(settings?.undo?.inputs.database_password).toEqual(password(before));
  await open.pool.query(`update environments set database = '{"name": "aegir_shop__2"}' where id = $1`, [side?.id]);
  await carryOut(plan, {});
  const { values, references } = await entity('environments/shop');
  expect([references.database_server?.name, references.web_server?.name, values.path]).toEqual(['other', 'one', path]);
  expect(values.database_password).toEqual(side?.values.database_password);
  expect(await refusal('move_back')).toContain('Only its database was moved');
  const retire = await planOf((await start('retire_side')).body.id);
  const removing = [...tasksOf(retire)].map(({ step }) => [step.taskType, step.server?.name, step.inputs.database]);
  expect(removing).toEqual([['remove_database', 'base', { from: 'value', value: before.database }]]);
});

test('nobody chooses another Environment to be retired', async () => {
  await make('environments', { name: 'news', release: 'shop/v1', web_server: 'two', primary_name: 'news.example.org' });
  const news = await entity('environments/news');
  expect(await refusal('retire_side', { target: news.id })).toMatch(/^422 target/);
});

test('a site whose Release is not the one that runs is not moved', async () => {
  await open.pool.query(`update environments set deployed_hash = $1 where name = 'shop' and side_of is null`, [
    'b'.repeat(40),
  ]);
  expect(await refusal('move_environment', { web_server: 'two' })).toContain(
    'Another Release is chosen than the one that runs',
  );
});
