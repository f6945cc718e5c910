// What the API makes of Rename, and of Names and HTTPS, before anything runs: what is asked, planned, kept for it and refused. No
// worker runs here.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EntityView, FormView, OperationView, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Plan, plansOf, tasksOf } from '../model/plan.ts';
import { type OpenDatabase, openDatabase } from '../model/store/database.ts';
import { endLostOperation } from '../model/store/operation-run.ts';
import { findOperation } from '../model/store/operations.ts';
import { resumeOperation } from '../model/store/resume.ts';
import { changedSince } from '../model/store/subject-changes.ts';
import { type Aegir, startAegir } from './harness.ts';

let aegir: Aegir;
let database: pg.Client;
let store: OpenDatabase;

type Values = Record<string, unknown>;
const hash = 'a'.repeat(40);

async function make(plural: string, values: Values): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

const entity = async (name: string) => (await aegir.call<EntityView>('GET', `/api/environments/${name}`)).body;
const edit = (name: string, values: Values) =>
  aegir.call<ProblemJson>('PATCH', `/api/environments/${name}`, { values });

/** An installed one. */
async function addEnvironment(name: string, release: string, more: Values = {}): Promise<void> {
  const { id } = await make('environments', {
    name,
    release,
    cluster: 'farm',
    primary_name: `${name}.example.org`,
    ...more,
  });
  const path = `/var/lib/aegir/environments/${name}`;
  await database.query(
    `update environments set state = 'enabled', path = $2, deployed_hash = $3, url = $4, "user" = $5, php = '/usr/bin/php8.2',
     database = '{"name": "d", "user": "u", "host": "h", "port": 3306}' where id = $1`,
    [id, path, hash, `http://${name}.example.org`, `aegir-${name}`],
  );
}

const start = (type: string, name: string, input: Values) =>
  aegir.call<OperationView & ProblemJson>('POST', `/api/environments/${name}/operations`, { type, input });

async function started(type: string, name: string, input: Values): Promise<Plan> {
  const { status, body } = await start(type, name, input);
  expect(status, JSON.stringify(body)).toBe(201);
  const { rows } = await database.query<{ plan: Plan }>('select plan from operations where id = $1', [body.id]);
  return rows[0]?.plan as Plan;
}

/** Words of a refusal, after which no Operation is there that was not before. */
async function refusal(type: string, name: string, input: Values): Promise<string> {
  const count = async () => (await database.query('select id from operations')).rowCount;
  const before = await count();
  const { status, body } = await start(type, name, input);
  expect(await count()).toBe(before);
  return `${status} ${body.problems?.map(({ path, message }) => `${path}: ${message}`).join(' ') || body.detail}`;
}

const end = (plan: Plan, state: 'succeeded' | 'failed') =>
  endLostOperation(store.db, plan, { state, message: '', exitCode: null });
const stepOf = (plan: Plan, id: string) => [...tasksOf(plan)].find(({ step }) => step.id === id)?.step;
const valuesOf = (inputs: object | undefined) =>
  Object.fromEntries(Object.entries(inputs ?? {}).map(([name, input]) => [name, input.value]));

beforeAll(async () => {
  aegir = await startAegir();
  await aegir.worker.stop();
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  store = openDatabase(aegir.databaseUrl);
  await database.connect();
  await make('backup_stores', { name: 'store', type: 'directory', folder: '/srv/store' });
  await make('clusters', { name: 'farm', kind: 'servers', backup_store: 'store' });
  const services = { database: true, php_versions: ['8.2'] };
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local', ...services });
  await database.query(`update servers set state = 'verified', facts = '{"php": ["8.2"]}'`);
  for (const application of ['wordpress', 'static']) {
    await make('projects', { name: application, repository: 'https://example.org/shop.git', application });
    await make('releases', { name: 'v1', project: application, git_ref: 'main' });
  }
  await addEnvironment('blog', 'wordpress/v1', {
    aliases: ['b.example.org', '*.b.example.org'],
    redirect_names: ['old.example.org'],
  });
  await addEnvironment('news', 'static/v1', { aliases: ['paper.example.org', '*.news.example.org'] });
});

afterAll(async () => {
  await database?.end();
  await store?.close();
  await aegir?.stop();
});

test('a rename begins with what is there, and its steps know both: what the site was and what it is to be', async () => {
  const { body: form } = await aegir.call<FormView>(
    'GET',
    '/api/environments/blog/operation-types/rename_environment/form',
  );
  expect(form.problems).toEqual([]);
  expect(form.groups[0]?.fields.map(field => [field.name, field.default])).toEqual([
    ['primary_name', 'blog.example.org'],
    ['aliases', ['b.example.org', '*.b.example.org']],
    ['former_leads', true],
  ]);
  const plan = await started('rename_environment', 'blog', { primary_name: 'b.example.org' });
  const is = {
    primary_name: 'b.example.org',
    aliases: ['*.b.example.org'],
    redirect_names: ['old.example.org', 'blog.example.org'],
  };
  const was = {
    primary_name: 'blog.example.org',
    aliases: ['b.example.org', '*.b.example.org'],
    redirect_names: ['old.example.org'],
  };
  expect([plan.before, plan.sets]).toEqual([was, is]);
  expect(valuesOf(stepOf(plan, 'names')?.inputs)).toMatchObject({
    ...was,
    next_name: 'b.example.org',
    next_aliases: is.aliases,
  });
  expect(valuesOf(stepOf(plan, 'names')?.undo?.inputs)).toMatchObject({ ...was, next_name: '', next_aliases: [] });
  expect(valuesOf(stepOf(plan, 'vhost')?.inputs)).toMatchObject(is);
  expect(valuesOf(stepOf(plan, 'vhost')?.undo?.inputs)).toMatchObject(was);
  expect(valuesOf(stepOf(plan, 'addresses')?.inputs)).toMatchObject({
    ...{ primary_name: 'b.example.org', source_name: 'blog.example.org', parts: 'database' },
    ...{ source_aliases: was.aliases, source_redirect_names: was.redirect_names },
  });
  expect(stepOf(plan, 'settings')?.inputs.url).toEqual({ from: 'output', step: ['vhost'], output: 'url' });
  expect(valuesOf(stepOf(plan, 'settings')?.undo?.inputs)).toMatchObject({
    primary_name: 'blog.example.org',
    url: 'http://blog.example.org',
  });
  expect(stepOf(plan, 'addresses')?.undo).toMatchObject({
    taskType: 'restore_backup',
    further: { taskType: 'clear_wordpress_caches' },
  });
  // The safety backup is one of the site as it was.
  expect(valuesOf(stepOf(plan, 'store')?.inputs)).toMatchObject({ primary_name: 'blog.example.org' });
  expect([...plansOf(plan)].map(each => each.plan.subject.id)).toEqual([plan.subject.id, plan.subject.id]);
  await end(plan, 'succeeded');
  expect((await entity('blog')).values).toMatchObject(is);

  const back = await started('rename_environment', 'blog', { primary_name: 'blog.example.org', former_leads: false });
  await end(back, 'succeeded');
  expect((await entity('blog')).values).toMatchObject({ ...was, aliases: ['*.b.example.org'] });
});

test('what cannot be a new name is refused with all that is wrong', async () => {
  expect(await refusal('rename_environment', 'blog', {})).toBe(
    '422 primary_name: The site has this name already. Give another one.',
  );
  expect(await refusal('rename_environment', 'blog', { primary_name: '*.example.org' })).toMatch(/^422 primary_name: /);
  const taken = await refusal('rename_environment', 'blog', {
    primary_name: 'news.example.org',
    aliases: ['paper.example.org', '*.news.example.org', 'one.news.example.org'],
  });
  const words = (name: string) =>
    `The name ${name} belongs to the Environment news. Choose another one, or remove it there first.`;
  expect(taken).toBe(
    `422 aliases: ${words('*.news.example.org')} primary_name: ${words('news.example.org')} aliases: ${words('paper.example.org')}`,
  );
  await make('environments', {
    name: 'empty',
    release: 'static/v1',
    cluster: 'farm',
    primary_name: 'empty.example.org',
  });
  expect(await refusal('rename_environment', 'empty', { primary_name: 'x.example.org' })).toMatch(/^409 Offered when/);
});

test('a name that a rename is about to give is nobody else’s until it is over', async () => {
  const { primary_name } = (await entity('blog')).values;
  const plan = await started('rename_environment', 'blog', { primary_name: 'next.example.org' });
  expect((await entity('blog')).values.primary_name).toBe(primary_name);
  const { status, body } = await edit('news', { aliases: ['next.example.org'] });
  expect([status, body.problems?.[0]]).toEqual([
    409,
    { path: 'values.aliases', message: expect.stringContaining('next.example.org belongs to another Environment') },
  ]);
  expect(await refusal('set_names', 'news', { aliases: ['next.example.org'] })).toContain(
    'belongs to the Environment blog',
  );
  expect(await refusal('set_names', 'blog', { www: 'add' })).toMatch(
    /^409 “Rename” \(by .*\) changes this Environment already/,
  );
  await end(plan, 'failed');
  expect([(await entity('blog')).values.primary_name, (await entity('blog')).state]).toEqual([primary_name, 'enabled']);
  expect((await edit('news', { aliases: ['next.example.org'] })).status).toBe(200);
  const row = await findOperation(store.db, plan.operationId);
  const resume = () => resumeOperation(store.db, { name: 'ada', organisation: plan.organisation }, row, plan);
  await expect(resume()).rejects.toThrow('next.example.org belongs to another Environment');
  await edit('news', { aliases: ['paper.example.org', '*.news.example.org'] });
  expect((await resume()).state).toBe('queued');
  expect((await edit('news', { aliases: ['next.example.org'] })).status).toBe(409);
  await end(plan, 'succeeded');
  expect((await entity('blog')).values.primary_name).toBe('next.example.org');
});

test('one that waited while somebody changed the names does not begin', async () => {
  const plan = await started('rename_environment', 'blog', { primary_name: 'later.example.org' });
  expect(await changedSince(store.db, plan)).toEqual([]);
  expect((await edit('blog', { aliases: ['further.example.org'], primary_name: 'other.example.org' })).status).toBe(
    200,
  );
  expect(await changedSince(store.db, plan)).toEqual([
    'Somebody has changed the Environment since “Rename” was started: Primary name. Start it anew.',
  ]);
  await end(plan, 'failed');
  expect((await edit('blog', { primary_name: 'later.example.org' })).status).toBe(200);
});

test('a wildcard is a name of one Environment; an exact one below it may be another’s', async () => {
  expect((await edit('news', { aliases: ['*.news.example.org'] })).status).toBe(200);
  expect((await edit('blog', { aliases: ['*.news.example.org'] })).status).toBe(409);
  expect((await edit('blog', { aliases: ['one.news.example.org'] })).status).toBe(200);
  expect((await edit('blog', { primary_name: '*.blog.example.org' })).body.problems?.[0]?.path).toBe(
    'values.primary_name',
  );
  expect((await edit('blog', { redirect_names: ['www.*.example.org'] })).body.problems?.[0]?.message).toContain(
    '*.example.org',
  );
});

test('names and HTTPS are asked as they are; what is entered is a secret, and right as a whole', async () => {
  const { body: form } = await aegir.call<FormView>('GET', '/api/environments/news/operation-types/set_names/form');
  const fields = new Map(form.groups[0]?.fields.map(field => [field.name, field.default]));
  expect([...fields]).toEqual([
    ['aliases', ['*.news.example.org']],
    ['redirect_names', []],
    ['www', 'as_is'],
    ['redirect_aliases', false],
    ['redirects', []],
    ['https', 'off'],
    ['https_redirect', true],
    ['hsts_days', 0],
    ['https_certificate', undefined],
    ['https_key', undefined],
  ]);
  expect(await refusal('set_names', 'news', { https: 'uploaded' })).toBe(
    '422 https_certificate: is required when https is uploaded. https_key: is required when https is uploaded.',
  );
  const plan = await started('set_names', 'news', {
    https: 'uploaded',
    https_certificate: 'PEM',
    https_key: 'the key',
    aliases: [],
  });
  expect(JSON.stringify(plan)).not.toContain('the key');
  const key = plan.sets?.https_key as { $secret: string };
  expect(plan.sets).toEqual({
    aliases: [],
    https: 'uploaded',
    https_certificate: 'PEM',
    https_key: { $secret: expect.any(String) },
  });
  expect(stepOf(plan, 'certificates')?.inputs.https_key).toEqual({ from: 'secret', id: key.$secret });
  expect(valuesOf(stepOf(plan, 'https')?.undo?.inputs)).toMatchObject({
    aliases: ['*.news.example.org'],
    https: 'off',
  });
  expect((await entity('news')).values.https).toBe('off');
  await end(plan, 'succeeded');
  expect((await entity('news')).values).toMatchObject({ https: 'uploaded', aliases: [] });
  // What is not entered again stays.
  const again = await started('set_names', 'news', { hsts_days: 1 });
  expect(again.sets).toEqual({ hsts_days: 1 });
  expect(stepOf(again, 'certificates')?.inputs.https_key).toEqual({ from: 'secret', id: key.$secret });
});
