// What waits until another person has looked at it and says yes.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { FormView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { RolloutItemView, RolloutPreview, RolloutView } from '../api/contract-rollouts.ts';
import type { Entity } from '../model/entities.ts';
import type { Need } from '../model/need.ts';
import type { Answer } from './call-api.ts';
import { type Aegir, startAegir } from './harness.ts';
import { tokenOf } from './people.ts';
import { makeTypeFolder } from './task-types.ts';

vi.setConfig({ testTimeout: 120_000 });
const wait = { timeout: 60_000, interval: 100 };
/** Of an hour. */
const twoSeconds = 2 / 3600;

const types = makeTypeFolder();
const journal = join(types.path, 'journal');
const isBroken = join(types.path, 'broken');
const entries = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []);

let aegir: Aegir;
let ann: string;
let bob: string;
let viewer: string;

beforeAll(async () => {
  const number = { options: 'number: {type: str, description: Which, required: true}', meta: 'undo: take_back\n' };
  const read = `n=$(sed 's/.*"number": *"\\([^"]*\\)".*/\\1/')`;
  types.shellTask('do_step', `${read}; [ ! -e ${isBroken} ] || exit 3; echo "do $n" >> ${journal}`, number);
  types.shellTask('take_back', `${read}; echo "undo $n" >> ${journal}`, { options: number.options });
  const two = '[{id: one, task: do_step, with: {number: "1"}}, {id: two, task: do_step, with: {number: "2"}}]';
  const states = 'states: {succeeded: verified, failed: failed, cancelled: failed}\n';
  types.operation('deliver', 'project', two, `${states}locks: {project: exclusive}\n`);
  types.operation(
    'note',
    'project',
    '[{id: one, task: do_step, with: {number: note}}]',
    'locks: {project: exclusive}\n',
  );
  types.operation('staged', 'project', two);
  types.operation('asking', 'project', '[{id: one, task: do_step}]');
  types.operation('publish', 'environment', '[{id: one, task: do_step, with: {number: "1"}}]');
  types.operation(
    'outer',
    'environment',
    '[{id: first, task: do_step, with: {number: "0"}}, {id: in, operation: publish}]',
  );
  types.operation('wipe', 'environment', '[{id: one, task: do_step, with: {number: wipe}}]', 'dangerous: true\n');
  aegir = await startAegir({ types: types.path });
  [ann, bob, viewer] = (await Promise.all(
    Object.entries({ ann: 'operator', bob: 'operator', eve: 'viewer' } as const).map(([name, role]) =>
      tokenOf(aegir, role, name),
    ),
  )) as [string, string, string];
  for (const name of ['shop', 'blog'])
    await add('projects', { name, repository: 'https://example.org/shop.git', application: 'static' });
  await add('clusters', { name: 'farm', kind: 'servers' });
  await add('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
  for (const kind of ['production', 'staging'])
    await add('environments', { name: kind, release: 'one', cluster: 'farm', kind, primary_name: `${kind}.test` });
  await add('approval_rules', { name: 'delivery', operation_types: ['deliver'], project: 'shop' });
  await add('approval_rules', { name: 'halfway', operation_types: ['staged'], step: 'two' });
  await add('approval_rules', {
    name: 'in-time',
    operation_types: ['asking', 'note'],
    project: 'blog',
    expires_hours: twoSeconds,
  });
  const publishing = { operation_types: ['publish'], environment_kind: 'production', role: 'administrator' };
  await add('approval_rules', { name: 'live', ...publishing });
  await add('approval_rules', { name: 'danger', environment_kind: 'production', four_eyes: false });
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

beforeEach(() => {
  rmSync(journal, { force: true });
  rmSync(isBroken, { force: true });
});

async function add(plural: string, values: Record<string, unknown>): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

async function start(subject: string, type: string, input: Record<string, unknown> = {}): Promise<OperationView> {
  const { status, body } = await aegir.call<OperationView>(
    'POST',
    `/api/${subject}/operations`,
    { type, input },
    { token: ann },
  );
  expect(status, JSON.stringify(body)).toBe(201);
  return aegir.waitUntilQuiet(body.id);
}

async function say(
  token: string,
  { attentions }: OperationView,
  choice: string,
  more: Record<string, unknown> = {},
): Promise<Answer<ProblemJson>> {
  const [{ operation, id } = { operation: '', id: '' }] = attentions;
  return aegir.call('POST', `/api/operations/${operation}/decisions`, { attention: id, choice, ...more }, { token });
}

const end = ({ id }: OperationView) => aegir.waitUntilQuiet(id);
const stateOf = async (path: string) => (await aegir.call<Entity>('GET', `/api/${path}`)).body.state;
const needs = async (topic: string) =>
  (await aegir.call<{ items: Need[] }>('GET', '/api/needs')).body.items.filter(item => item.topic === topic);

/** What Receivers hear of it, and whether that lasts. */
async function told({ id }: OperationView): Promise<string[]> {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  const text = `select event || case when over_at is null then '' else ', over' end as told from notices where operation = $1 order by at`;
  return database
    .query<{ told: string }>(text, [id])
    .then(({ rows }) => rows.map(row => row.told))
    .finally(() => database.end());
}

test('an Operation waits without a lock until another person approves it', async () => {
  const form = await aegir.call<FormView>('GET', '/api/projects/shop/operation-types/deliver/form');
  expect(form.body.approval).toBe(
    'It waits until another person with the role operator approves it (“delivery”); what nobody approves within 24 hours is rejected.',
  );
  const asking = await start('projects/shop', 'deliver');
  expect(asking).toMatchObject({ state: 'needs_attention', startedAt: null, claims: [] });
  expect(asking.attentions).toMatchObject([
    {
      about: 'approval',
      choices: ['approve', 'reject'],
      approval: { rules: ['delivery'], requester: 'ann@example.org', fourEyes: true },
      touches: [{ kind: 'project', name: 'shop' }],
      effects: { approve: 'It goes on. Then: do_step, do_step.', reject: 'Ends it; nothing was done.' },
    },
  ]);
  expect(await needs('approval')).toMatchObject([{ subject: { id: asking.id, name: 'deliver shop' } }]);
  expect(await needs('attention')).toEqual([]);
  expect(await told(asking)).toEqual(['approval_wanted']);
  expect((await start('projects/shop', 'note')).state).toBe('succeeded');

  const own = await say(ann, asking, 'approve');
  expect([own.status, own.body.detail]).toEqual([
    403,
    'You have asked for it, and “delivery” wants four eyes: somebody else has to approve it.',
  ]);
  expect((await say(viewer, asking, 'approve')).status).toBe(403);
  expect((await say(bob, asking, 'leave')).status).toBe(409);
  expect(entries()).toEqual(['do note']);
  expect((await say(bob, asking, 'approve')).status).toBe(202);
  expect(await end(asking)).toMatchObject({ state: 'succeeded', startedBy: 'ann@example.org' });
  expect(entries()).toEqual(['do note', 'do 1', 'do 2']);
  expect(await needs('approval')).toEqual([]);
  expect(await told(asking)).toEqual(['approval_wanted, over']);
  const audit = await aegir.call<{ items: { verb: string; actor: string }[] }>('GET', `/api/audit?object=${asking.id}`);
  expect(audit.body.items.map(({ verb, actor }) => `${actor} ${verb}`)).toContain('bob@example.org approve');
});

test('a rejection needs a reason, leaves the subject as it was, and is asked for anew by whoever resumes it', async () => {
  const before = await stateOf('projects/shop');
  const asking = await start('projects/shop', 'deliver');
  const silent = await say(bob, asking, 'reject');
  expect([silent.status, silent.body.problems]).toEqual([
    422,
    [{ path: 'reason', message: 'is missing: say why, for whoever has asked.' }],
  ]);
  expect((await say(bob, asking, 'reject', { reason: 'not on a Friday' })).status).toBe(202);
  expect(await end(asking)).toMatchObject({
    state: 'failed',
    message: 'Rejected by bob@example.org: “not on a Friday”.',
  });
  expect([entries(), await stateOf('projects/shop')]).toEqual([[], before]);

  const resumed = await aegir.call('POST', `/api/operations/${asking.id}/resume`, { inputs: {} }, { token: bob });
  expect(resumed.status).toBe(202);
  const again = await end(asking);
  expect(again.attentions).toMatchObject([{ approval: { requester: 'bob@example.org' } }]);
  expect((await say(bob, again, 'approve')).status).toBe(403);
  expect((await say(ann, again, 'approve')).status).toBe(202);
  expect((await end(asking)).state).toBe('succeeded');
});

test('one that is cancelled while it waits has touched nothing', async () => {
  const before = await stateOf('projects/shop');
  const asking = await start('projects/shop', 'deliver');
  await aegir.call('POST', `/api/operations/${asking.id}/cancel`);
  await vi.waitFor(async () => expect((await end(asking)).state).toBe('cancelled'), wait);
  expect(await told(asking)).toEqual(['approval_wanted, over']);
  expect([entries(), await stateOf('projects/shop')]).toEqual([[], before]);
});

test('what nobody approves in time is rejected; the worker may be away meanwhile', async () => {
  const asking = await start('projects/blog', 'note');
  await aegir.worker.stop();
  await new Promise(resolve => setTimeout(resolve, 2500));
  await aegir.startWorker();
  await vi.waitFor(async () => expect((await end(asking)).state).toBe('failed'), wait);
  expect((await end(asking)).message).toMatch(/^Nobody has approved it within 0\.000\d+ hours\.$/);
  expect(entries()).toEqual([]);
});

test('a step is waited before; a rejection takes back what is done', async () => {
  const asking = await start('projects/shop', 'staged');
  expect(entries()).toEqual(['do 1']);
  expect(asking.attentions).toMatchObject([
    { effects: { reject: 'Ends it and takes back what was changed: do_step.' } },
  ]);
  expect((await say(bob, asking, 'reject', { reason: 'wrong day' })).status).toBe(202);
  expect((await end(asking)).message).toBe('Rejected by bob@example.org: “wrong day”. Undone: do_step.');
  expect(entries()).toEqual(['do 1', 'undo 1']);
  const another = await start('projects/shop', 'staged');
  expect((await say(bob, another, 'approve')).status).toBe(202);
  expect((await end(another)).state).toBe('succeeded');
});

test('kinds of Environment, nested Operations and dangerous ones: asked once, before anything begins', async () => {
  expect((await start('environments/staging', 'outer')).state).toBe('succeeded');
  expect((await start('environments/staging', 'wipe')).state).toBe('succeeded');
  rmSync(journal);
  const asking = await start('environments/production', 'outer');
  expect(asking.attentions).toMatchObject([
    { approval: { rules: ['live'], role: 'administrator' }, touches: [{ kind: 'environment', name: 'production' }] },
  ]);
  expect((await say(bob, asking, 'approve')).body.detail).toBe('This needs the role administrator; yours is operator.');
  expect(entries()).toEqual([]);
  await aegir.decide(asking, 'approve');
  expect((await end(asking)).state).toBe('succeeded');
  // Without four eyes it is a second look.
  const wiping = await start('environments/production', 'wipe');
  expect((await say(ann, wiping, 'approve')).status).toBe(202);
  expect((await end(wiping)).state).toBe('succeeded');
});

test('what was approved is not changed afterwards', async () => {
  writeFileSync(isBroken, '');
  const asking = await start('projects/shop', 'deliver');
  await say(bob, asking, 'approve');
  const failed = await vi.waitFor(async () => {
    const now = await end(asking);
    expect(now.attentions).toMatchObject([{ about: 'step' }]);
    return now;
  }, wait);
  const [task = ''] = failed.attentions[0]?.tasks ?? [];
  const changed = await say(ann, failed, 'retry', { inputs: { [task]: { number: '7' } } });
  expect([changed.status, changed.body.detail]).toEqual([
    409,
    expect.stringContaining('It was approved with the fields'),
  ]);
  rmSync(isBroken);
  expect((await say(ann, failed, 'retry')).status).toBe(202);
  expect((await end(asking)).state).toBe('succeeded');
});

test('a Rollout is approved once, for all that it does', async () => {
  const values = { operation_type: 'deliver', waves: ['rest'] };
  const preview = await aegir.call<RolloutPreview>('POST', '/api/rollouts/preview', { values, without: [] });
  expect(preview.body.approval).toContain('“delivery”');
  const begin = async (more = {}) =>
    (
      await aegir.call<RolloutView>(
        'POST',
        '/api/rollouts',
        { values: { ...values, ...more }, without: [] },
        { token: ann },
      )
    ).body.id;
  const look = async (id: string) => (await aegir.call<RolloutView>('GET', `/api/rollouts/${id}`)).body;
  const until = (id: string, state: string) => vi.waitFor(async () => expect((await look(id)).state).toBe(state), wait);
  const tell = async (token: string, id: string, command: string) =>
    (await aegir.call('POST', `/api/rollouts/${id}/${command}`, {}, { token })).status;
  const id = await begin();
  await until(id, 'waiting');
  // A pause and what ends it are no way around it.
  expect(await tell(ann, id, 'pause')).toBe(202);
  expect(await tell(ann, id, 'resume')).toBe(202);
  await until(id, 'waiting');
  expect(await tell(ann, id, 'approve')).toBe(403);
  expect(entries()).toEqual([]);
  expect(await tell(bob, id, 'approve')).toBe(202);
  await until(id, 'succeeded');
  expect(entries().sort()).toEqual(['do 1', 'do 1', 'do 2', 'do 2']);
  // Its Operations do what was approved, and nothing else.
  const items = await aegir.call<Page<RolloutItemView>>('GET', `/api/rollouts/${id}/items`);
  const one = (await aegir.call<OperationView>('GET', `/api/operations/${items.body.items[0]?.operation}`)).body;
  expect(one.state).toBe('succeeded');
  writeFileSync(isBroken, '');
  const another = await begin({ on_failure: 'ask' });
  await until(another, 'waiting');
  await tell(bob, another, 'approve');
  const [failed] = await vi.waitFor(async () => {
    // The other Project has no rule.
    const asking = (await needs('attention')).filter(({ subject }) => subject.name === 'deliver shop');
    expect(asking).not.toEqual([]);
    return asking;
  }, wait);
  const asks = (await aegir.call<OperationView>('GET', `/api/operations/${failed?.subject.id}`)).body;
  const inputs = { [asks.attentions[0]?.tasks[0] ?? '']: { number: '7' } };
  expect((await say(ann, asks, 'retry', { inputs })).status).toBe(409);
  await tell(bob, another, 'abort');
  for (const { subject } of await needs('attention'))
    await aegir.decide((await aegir.call<OperationView>('GET', `/api/operations/${subject.id}`)).body, 'leave');
  await vi.waitFor(async () => expect(await needs('attention')).toEqual([]), wait);
  rmSync(isBroken);

  const rule = (await aegir.call<Entity>('GET', '/api/approval_rules/delivery')).body;
  await aegir.call('PATCH', `/api/approval_rules/${rule.id}`, { values: { expires_hours: twoSeconds } });
  const late = await begin();
  await until(late, 'aborted');
  expect((await look(late)).message).toMatch(/^Nobody has approved it within .* Nothing was done\.$/);
  await aegir.call('PATCH', `/api/approval_rules/${rule.id}`, { values: { expires_hours: 24 } });
});

test('who saves a Schedule cannot approve what it starts', async () => {
  const values = { name: 'often', operation_type: 'deliver', project: 'shop', every: '5s' };
  const made = await aegir.call<Entity>('POST', '/api/schedules', { values }, { token: ann });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const [need] = await vi.waitFor(async () => {
    const found = await needs('approval');
    expect(found).not.toEqual([]);
    return found;
  }, wait);
  await aegir.call('DELETE', `/api/schedules/${made.body.id}`);
  const asking = (await aegir.call<OperationView>('GET', `/api/operations/${need?.subject.id}`)).body;
  expect(asking.startedBy).toBe('Schedule often');
  expect((await say(ann, asking, 'approve')).status).toBe(403);
  expect((await say(bob, asking, 'approve')).status).toBe(202);
  expect((await end(asking)).state).toBe('succeeded');
});

test('a rule is for administrators, and says all that is wrong with it', async () => {
  const wrong = { name: 'Bad Name', operation_types: ['nothing'], step: 'one', expires_hours: 0, role: 'boss' };
  const refused = await aegir.call<ProblemJson>('POST', '/api/approval_rules', { values: wrong });
  expect(refused.status).toBe(422);
  const paths = refused.body.problems?.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['values.name', 'values.operation_types.0', 'values.role']));
  const values = { name: 'steps', operation_types: ['staged'], step: 'three', expires_hours: 0 };
  const more = await aegir.call<ProblemJson>('POST', '/api/approval_rules', { values });
  expect(more.body.problems).toEqual([{ path: 'values.expires_hours', message: 'must be above 0 and at most 2160.' }]);
  const step = await aegir.call<ProblemJson>('POST', '/api/approval_rules', {
    values: { ...values, expires_hours: 1 },
  });
  expect(step.body.problems).toEqual([
    { path: 'values.step', message: '“staged” has no step “three”. There are: one, two.' },
  ]);
  const mine = { values: { name: 'mine', operation_types: ['staged'] } };
  expect((await aegir.call('POST', '/api/approval_rules', mine, { token: ann })).status).toBe(403);
});
