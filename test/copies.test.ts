// What the API makes of Clone, Copy data and a restore into another Environment before anything runs: what is added, planned,
// locked and refused. No worker runs here.

import pg from 'pg';
import { ulid } from 'ulid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EntityView, FormView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Plan, plansOf, tasksOf } from '../model/plan.ts';
import { type Aegir, startAegir } from './harness.ts';

let aegir: Aegir;
let database: pg.Client;

type Values = Record<string, unknown>;
const hash = 'a'.repeat(40);

async function make(plural: string, values: Values, fields: Values = {}): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values, fields });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

const entity = async (path: string) => (await aegir.call<EntityView>('GET', `/api/${path}`)).body;
const names = async (plural: string) =>
  (await aegir.call<Page<Entity>>('GET', `/api/${plural}`)).body.items.map(({ values }) => values.name);

/** An installed one. */
async function addEnvironment(name: string, release: string, more: Values = {}): Promise<void> {
  const values = { name, release, web_server: 'web', primary_name: `${name}.example.org`, ...more };
  const { id } = await make('environments', values, name === 'blog' ? { contact: 'Ada' } : {});
  const path = `/var/lib/aegir/environments/${name}`;
  const result = [id, path, hash, `http://${name}.example.org`, `aegir-${name}`];
  await database.query(
    `update environments set state = 'enabled', path = $2, deployed_hash = $3, url = $4, "user" = $5 where id = $1`,
    result,
  );
}

async function addBackup(name: string, environment: string): Promise<void> {
  const { id, values } = await entity(`environments/${environment}`);
  await database.query(
    `insert into backups (id, organisation, name, state, environment, release, backup_store, snapshot, deployed_hash)
     select $1, organisation, $2, 'unproven', id, release, $4, $5, $6 from environments where id = $3`,
    [ulid(), name, id, values.backup_store, 'b'.repeat(64), hash],
  );
}

const start = (type: string, name: string, input: Values, key?: string) =>
  aegir.call<OperationView & ProblemJson>(
    'POST',
    `/api/environments/${name}/operations`,
    { type, input },
    key ? { headers: { 'idempotency-key': key } } : {},
  );

/** Words of a refusal, after which neither an Environment nor an Operation is there that was not before. */
async function refusal(type: string, name: string, input: Values): Promise<string> {
  const all = async () => [await names('environments'), (await database.query('select id from operations')).rowCount];
  const before = await all();
  const { status, body } = await start(type, name, input);
  expect(await all()).toEqual(before);
  return `${status} ${body.problems?.map(({ path, message }) => `${path}: ${message}`).join(' ') || body.detail}`;
}

const planOf = async (id: string) =>
  (await database.query<{ plan: Plan }>('select plan from operations where id = $1', [id])).rows[0]?.plan as Plan;

beforeAll(async () => {
  aegir = await startAegir();
  await aegir.worker.stop();
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  const contact = { entityKind: 'environment', name: 'contact', type: 'str', label: 'Contact' };
  expect((await aegir.call('POST', '/api/field-definitions', contact)).status).toBe(201);
  await make('backup_stores', { name: 'store', type: 'directory', folder: '/srv/store' });
  await make('clusters', { name: 'farm', kind: 'servers', backup_store: 'store' });
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  for (const [name, application] of [
    ['shop', 'static'],
    ['other', 'static'],
    ['app', 'generic'],
  ]) {
    await make('projects', { name, repository: 'https://example.org/shop.git', application });
    for (const release of ['v1', 'v2']) await make('releases', { name: release, project: name, git_ref: 'main' });
  }
  const own = {
    kind: 'production',
    redirects: ['/old /new'],
    aliases: ['www.example.org'],
    https: 'acme',
    upload_mb: 7,
  };
  await addEnvironment('blog', 'shop/v1', { ...own, backup_store: 'store' });
  await addEnvironment('news', 'shop/v2', { backup_store: 'store' });
  await addEnvironment('foreign', 'other/v1', { backup_store: 'store' });
  await addEnvironment('service', 'app/v1');
  await addEnvironment('gone', 'shop/v1', { backup_store: 'store' });
  await addBackup('last', 'gone');
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
});

test('a clone is added together with the Operation that fills it, once, with what belongs to the site and not to its name', async () => {
  const { body: form } = await aegir.call<FormView>(
    'GET',
    '/api/environments/blog/operation-types/clone_environment/form',
  );
  expect(form.problems).toEqual([]);
  expect(form.groups[0]?.fields.map(({ name, required }) => (required ? `${name}!` : name))).toEqual([
    'name!',
    'primary_name!',
    'kind!',
    'release',
    'cluster',
    'web_server',
    'database_server',
  ]);
  const input = { name: 'copy', primary_name: 'copy.example.org' };
  const first = await start('clone_environment', 'blog', input, 'one');
  expect(first.status, JSON.stringify(first.body)).toBe(201);
  expect((await start('clone_environment', 'blog', input, 'one')).body.id).toBe(first.body.id);
  const [blog, copy] = [await entity('environments/blog'), await entity('environments/copy')];
  expect([copy.state, copy.fields]).toEqual(['new', { contact: 'Ada' }]);
  expect(copy.values).toMatchObject({
    ...{ release: blog.values.release, cluster: blog.values.cluster, redirects: ['/old /new'], upload_mb: 7 },
    ...{ kind: 'development', aliases: [], https: 'off', mail: null, path: null, url: null, database: null },
  });
  expect(copy.values.salt).not.toEqual(blog.values.salt);
  const plan = await planOf(first.body.id);
  expect([...plansOf(plan)].map(each => [each.plan.type, each.plan.subject.name])).toEqual([
    ['clone_environment', 'blog'],
    ['back_up_environment', 'blog'],
    ['install_environment', 'copy'],
  ]);
  const data = [...tasksOf(plan)].find(({ step }) => step.id === 'data')?.step;
  expect(data?.inputs).toMatchObject({
    snapshot: { from: 'output', step: ['backup', 'store'], output: 'snapshot' },
    repository: { value: blog.id },
    environment_id: { value: copy.id },
  });
  expect(data?.roots.environment).toBe(copy.id);
  expect(
    plan.locks
      .filter(({ kind }) => kind === 'environment')
      .map(({ name, mode }) => `${name} ${mode}`)
      .sort(),
  ).toEqual(['blog exclusive', 'copy exclusive']);
  expect(copy.recentOperations.map(({ title }) => title)).toEqual(['Install']);
});

test('what cannot become a clone is refused, and nothing of it is there', async () => {
  const input = { name: 'second', primary_name: 'second.example.org' };
  expect(await refusal('clone_environment', 'blog', { ...input, name: 'news' })).toMatch(/^409 .*news/);
  expect(await refusal('clone_environment', 'blog', { ...input, primary_name: 'news.example.org' })).toMatch(
    /^409 .*news/,
  );
  expect(await refusal('clone_environment', 'blog', { ...input, name: 'No good' })).toMatch(/^422 name: /);
  expect(await refusal('clone_environment', 'blog', { name: 'second' })).toMatch(/^422 primary_name: /);
  expect(await refusal('clone_environment', 'blog', { ...input, release: 'other/v1' })).toBe(
    '422 : Choose a Release of the same Project.',
  );
  await make('environments', {
    name: 'empty',
    release: 'shop/v1',
    web_server: 'web',
    primary_name: 'empty.example.org',
  });
  expect(await refusal('clone_environment', 'empty', input)).toMatch(/^409 Offered when/);
});

test('data come from another Environment of the same application type, over production only when it is said', async () => {
  expect(await refusal('copy_data', 'news', { source: 'news' })).toBe(
    '422 source: Choose another Environment than this one.',
  );
  expect(await refusal('copy_data', 'news', { source: 'service' })).toBe(
    '422 source: Choose an Environment of the same application type.',
  );
  expect(await refusal('copy_data', 'news', { source: 'empty' })).toContain('enabled or broken');
  expect(await refusal('copy_data', 'news', { source: 'nobody' })).toMatch(/^422 source: There is no/);
  expect(await refusal('copy_data', 'blog', { source: 'news' })).toMatch(/^422 over_production: .* was not said\.$/);
  const { status, body } = await start('copy_data', 'blog', {
    source: 'news',
    over_production: true,
    parts: 'database',
  });
  expect(status, JSON.stringify(body)).toBe(201);
  const [blog, news] = [await entity('environments/blog'), await entity('environments/news')];
  const data = [...tasksOf(await planOf(body.id))].find(({ step }) => step.id === 'data')?.step;
  expect(data?.inputs).toMatchObject({ repository: { value: news.id }, parts: { value: 'database' } });
  // The way back is to this one's own repository.
  expect(data?.undo?.inputs).toMatchObject({
    repository: { value: blog.id },
    from_another: { value: false },
    parts: { value: 'database' },
  });
});

test('a backup comes into another Environment of its Project only, and only when it is said', async () => {
  for (const name of ['blog', 'foreign']) await addBackup(`${name}-backup`, name);
  const restore = (more: Values) => refusal('restore_environment', 'news', more);
  expect(await restore({ backup: 'foreign-backup', from_another: true })).toContain('a backup of the same Project');
  expect(await restore({ backup: 'blog-backup' })).toMatch(/^422 from_another: This backup is of another Environment/);
  const { status, body } = await start('restore_environment', 'news', { backup: 'blog-backup', from_another: true });
  expect(status, JSON.stringify(body)).toBe(201);
});

test('a Delete makes a last backup first, unless it is told not to or nothing is there; its Tasks may be skipped', async () => {
  const stepsOf = async (name: string, input: Values) => {
    const { status, body } = await start('delete_environment', name, input);
    expect(status, JSON.stringify(body)).toBe(201);
    return [...tasksOf(await planOf(body.id))].map(({ step }) => `${step.id}${step.skippable ? '?' : ''}`);
  };
  expect(await stepsOf('empty', {})).toEqual(['vhost', 'remove']);
  expect(await stepsOf('foreign', { although_enabled: true })).toEqual([
    'check?',
    'dump?',
    'store?',
    'vhost',
    'remove',
  ]);
  await database.query('update clusters set backup_store = null');
  const form = async (input: Values) => {
    const path = `/api/environments/service/operation-types/delete_environment/form?input=${JSON.stringify(input)}`;
    const { body } = await aegir.call<FormView>('GET', path);
    return [body.groups.flatMap(({ fields }) => fields.map(({ name }) => name)), body.problems.length];
  };
  expect(await form({})).toEqual([['although_enabled', 'without_backup'], 2]);
  expect(await form({ without_backup: true })).toEqual([['although_enabled', 'without_backup'], 0]);
  expect(await refusal('delete_environment', 'service', { although_enabled: true })).toContain(
    'no Backup store: choose',
  );
  expect(await stepsOf('service', { although_enabled: true, without_backup: true })).toEqual(['vhost', 'remove']);
});

test('backups of a deleted Environment are listed and come into another one', async () => {
  await database.query("update environments set state = 'deleted' where name = 'gone'");
  const listed = await aegir.call<Page<Entity>>('GET', '/api/backups?search=last');
  expect(listed.body.items.map(({ values }) => values.name)).toEqual(['last']);
  const { status, body } = await start('restore_environment', 'news', { backup: 'last', from_another: true });
  expect(status, JSON.stringify(body)).toBe(201);
  const data = [...tasksOf(await planOf(body.id))].find(({ step }) => step.id === 'data')?.step;
  expect(data?.inputs).toMatchObject({ repository: { value: listed.body.items[0]?.values.environment } });
});

test('where a database is optional, the clone of a site that has one gets one, too', async () => {
  await make('servers', { name: 'db', cluster: 'farm', connection: 'local', web: false, database: true });
  await database.query(`update servers set database_ca = 'prepared' where name = 'db'`);
  await addEnvironment('tool', 'app/v1', { backup_store: 'store', database_server: 'db' });
  await addEnvironment('plain', 'app/v1', { backup_store: 'store' });
  const serverOfCopy = async (of: string) => {
    const name = `${of}-copy`;
    const input = { name, primary_name: `${name}.example.org`, kind: 'development' };
    const { status, body } = await start('clone_environment', of, input, name);
    expect(status, JSON.stringify(body)).toBe(201);
    return (await entity(`environments/${name}`)).references.database_server?.name;
  };
  expect([await serverOfCopy('tool'), await serverOfCopy('plain')]).toEqual(['db', undefined]);
});
