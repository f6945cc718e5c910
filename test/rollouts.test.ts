// Rollouts: one Operation type over many in waves, whatever fails or is killed meanwhile.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Page, ProblemJson } from '../api/contract.ts';
import type { RolloutItemView, RolloutPreview, RolloutView } from '../api/contract-rollouts.ts';
import type { RolloutState } from '../model/rollout.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

vi.setConfig({ testTimeout: 500_000 });
/** Three hundred Operations take a minute alone, and five times that on loaded cores. */
const wait = { timeout: 400_000, interval: 200 };

const types = makeTypeFolder();
let aegir: Aegir;

const file = (name: string) => join(types.path, name);
const linesOf = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);

async function send<T = RolloutView>(method: string, path: string, body?: unknown, status = 202): Promise<T> {
  const answer = await aegir.call<T>(method, path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  return answer.body;
}

const begin = (values: Record<string, unknown>, without: string[] = []) =>
  send('POST', '/api/rollouts', { values, without }, 201);
const say = (id: string, command: string, body: Record<string, unknown> = {}) =>
  send('POST', `/api/rollouts/${id}/${command}`, body);
const look = (id: string) => send('GET', `/api/rollouts/${id}`, undefined, 200);
const itemsOf = async (id: string) =>
  (await send<Page<RolloutItemView>>('GET', `/api/rollouts/${id}/items?limit=500`, undefined, 200)).items;
const until = (id: string, state: RolloutState, more: (view: RolloutView) => void = () => undefined) =>
  vi.waitFor(async () => {
    const view = await look(id);
    expect([view.state, view.message]).toEqual([state, expect.any(String)]);
    more(view);
    return view;
  }, wait);

async function addProjects(prefix: string, count: number): Promise<void> {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  await database
    .query(
      `insert into projects (id, organisation, name, repository, application, default_ref)
       select $1 || '-' || lpad(n::text, 3, '0'), id, $1 || '-' || lpad(n::text, 3, '0'), 'https://example.org/x.git', 'static', $1
       from organisations, generate_series(1, $2) as n`,
      [prefix, count],
    )
    .finally(() => database.end());
}

beforeAll(async () => {
  // Fails while a file of the Project's name is there, and writes down that it ran.
  types.shellTask(
    'deliver',
    `name=$(sed 's/.*"site": *"\\([^"]*\\)".*/\\1/'); echo "$name" >> "${types.path}/delivered"
[ ! -e "${types.path}/slow" ] || sleep 2
[ ! -e "${types.path}/broken-$name" ] || { echo "It is broken."; exit 3; }`,
    {
      options: 'site: {type: str, required: true, description: Name}',
      meta: 'arguments:\n  site: {from: project.name, ask: false}\n',
    },
  );
  types.shellTask(
    'recall',
    `name=$(sed 's/.*"site": *"\\([^"]*\\)".*/\\1/'); echo "$name" >> "${types.path}/recalled"`,
    {
      options: 'site: {type: str, required: true, description: Name}',
      meta: 'arguments:\n  site: {from: project.name, ask: false}\n',
    },
  );
  types.shellTask(
    'look_at',
    `json=$(cat)
name=$(echo "$json" | sed 's/.*"site": *"\\([^"]*\\)".*/\\1/')
sign=$(echo "$json" | sed 's/.*"sign": *"\\([^"]*\\)".*/\\1/')
echo "$name" >> "${types.path}/looked"; [ ! -e "${types.path}/$sign-$name" ]`,
    {
      options:
        'site: {type: str, required: true, description: Name}, sign: {type: str, required: true, description: Of what is wrong}',
      meta: 'arguments:\n  site: {from: project.name, ask: false}\n',
    },
  );
  types.operation('deliver', 'project', '[{id: one, task: deliver}]', 'taken_back_by: recall\n');
  types.operation('recall', 'project', '[{id: one, task: recall}]');
  types.operation('look_at', 'project', '[{id: one, task: look_at}]');
  aegir = await startAegir({ types: types.path });
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

const base = { operation_type: 'deliver', at_once: 8 };

test('sixty in waves: the budget of wave 2 is spent, it goes on with a larger one, and only the failed are tried again', async () => {
  await addProjects('fleet', 60);
  const broken = ['fleet-004', 'fleet-006', 'fleet-007'];
  for (const name of broken) writeFileSync(file(`broken-${name}`), '');
  const values = { ...base, where: ['default_ref=fleet'], waves: ['1', '10', 'rest'], budget: '1', reason: 'new code' };
  const preview = await send<RolloutPreview>('POST', '/api/rollouts/preview', { values }, 200);
  expect(preview).toMatchObject({ count: 60, unfit: 0, problems: [] });
  expect(preview.waves.map(({ count }) => count)).toEqual([1, 10, 49]);
  expect(preview.waves[0]?.subjects.map(({ name }) => name)).toEqual(['fleet-001']);

  const { id } = await begin(values);
  const paused = await until(id, 'paused', ({ counts }) => expect(counts.running).toBe(0));
  expect(paused.wave).toBe(2);
  expect(paused.message).toMatch(/^[23] failed, 1 may\./);
  // Nothing of the third wave has begun.
  const begun = (await itemsOf(id)).filter(({ state }) => state !== 'pending');
  expect(begun.every(({ wave }) => wave <= 2)).toBe(true);

  const { body, status } = await aegir.call<ProblemJson>('POST', `/api/rollouts/${id}/resume`, {});
  expect([status, body.problems[0]?.message]).toEqual([422, expect.stringContaining('give a budget of at least')]);
  await say(id, 'resume', { settings: { budget: '3' } });
  const finished = await until(id, 'finished');
  expect(finished.counts).toMatchObject({ succeeded: 57, failed: 3 });
  expect(linesOf('delivered').sort()).toEqual([...new Set(linesOf('delivered'))].sort());
  expect(linesOf('delivered')).toHaveLength(60);
  const failed = (await itemsOf(id)).filter(({ state }) => state === 'failed');
  expect(failed.map(({ subject }) => subject.name)).toEqual(broken);

  for (const name of broken) rmSync(file(`broken-${name}`));
  await say(id, 'retry');
  const done = await until(id, 'succeeded');
  expect(done.counts).toMatchObject({ succeeded: 60, failed: 0 });
  expect(linesOf('delivered')).toHaveLength(63);
  expect(linesOf('delivered').slice(60).sort()).toEqual(broken);
  const report = await send<string>('GET', `/api/rollouts/${id}/report`, undefined, 200);
  expect(report).toContain('60 in 3 waves: 60 succeeded, 0 failed');
  expect(report).toContain('(new code)');
  expect(done.events.map(({ verb }) => verb)).toEqual(
    expect.arrayContaining(['start', 'pause', 'resume', 'advance', 'end', 'retry']),
  );

  // All of it back, the last first, by the type that takes it back.
  const undo = await say(id, 'undo');
  expect(undo.undoes).toBe(id);
  await until(undo.id, 'succeeded');
  expect([...new Set(linesOf('recalled'))]).toHaveLength(60);
});

test('the worker is killed in the middle: everything is done, and nothing twice', async () => {
  await addProjects('killed', 24);
  rmSync(file('delivered'), { force: true });
  writeFileSync(file('slow'), '');
  const { id } = await begin({ ...base, at_once: 6, where: ['default_ref=killed'], waves: ['rest'] });
  await vi.waitFor(() => expect(linesOf('delivered').length).toBeGreaterThan(4), wait);
  process.kill(aegir.worker.pid, 'SIGKILL');
  rmSync(file('slow'));
  await aegir.startWorker();
  const { counts } = await until(id, 'succeeded');
  expect(counts.succeeded).toBe(24);
  const items = await itemsOf(id);
  // Each has one Operation; a Task whose worker died runs again within it.
  expect(new Set(items.map(({ operation }) => operation)).size).toBe(24);
  expect(items.every(({ attempt }) => attempt === 1)).toBe(true);
  const { body } = await aegir.call<Page<{ subject: { name: string } }>>(
    'GET',
    '/api/operations?type=deliver&limit=500',
  );
  expect(body.items.filter(({ subject }) => subject.name.startsWith('killed-'))).toHaveLength(24);
});

test('between waves: a check that fails pauses, a person approves', async () => {
  await addProjects('gated', 6);
  writeFileSync(file('sick-gated-002'), '');
  const values = {
    ...base,
    where: ['default_ref=gated'],
    waves: ['2', 'rest'],
    gate_check: 'look_at',
    gate_approval: true,
  };
  const preview = await send<RolloutPreview>('POST', '/api/rollouts/preview', { values }, 200);
  expect(preview.problems.map(({ path }) => path)).toEqual(['gate_check_input.sign']);
  const { id } = await begin({ ...values, gate_check_input: { sign: 'sick' } });
  const paused = await until(id, 'paused');
  expect(paused.message).toContain('After wave 1 the check failed on gated-002');
  rmSync(file('sick-gated-002'));
  await say(id, 'resume');
  const waiting = await until(id, 'waiting');
  expect(waiting.message).toContain('Wave 1 of 2 is done');
  expect(waiting.counts).toMatchObject({ succeeded: 2, pending: 4 });
  await say(id, 'approve');
  await until(id, 'succeeded');
  const looked = linesOf('looked');
  expect(new Set(looked)).toEqual(new Set(['gated-001', 'gated-002']));
});

test('a check has to stay good for the time that is given', async () => {
  await addProjects('steady', 2);
  rmSync(file('looked'), { force: true });
  const { id } = await begin({
    ...base,
    where: ['default_ref=steady'],
    waves: ['1', 'rest'],
    gate_check: 'look_at',
    gate_check_input: { sign: 'sick' },
    gate_minutes: 0.25,
  });
  const done = await until(id, 'succeeded');
  expect(Date.parse(done.endedAt ?? '') - Date.parse(done.createdAt)).toBeGreaterThanOrEqual(15_000);
  // At the begin, and when the time is over.
  expect(linesOf('looked').length).toBe(2);
});

test('the list only shrinks; pause, another pace, and abort', async () => {
  await addProjects('slow', 12);
  writeFileSync(file('slow'), '');
  const { id } = await begin({ ...base, at_once: 2, where: ['default_ref=slow'], waves: ['rest'] }, ['slow-012']);
  await until(id, 'running', ({ counts }) => expect(counts.running).toBe(2));
  await say(id, 'remove', { subjects: ['slow-011'], reason: 'moves today' });
  const { status } = await aegir.call('POST', `/api/rollouts/${id}/remove`, { subjects: ['slow-001'] });
  expect(status).toBe(409);
  await say(id, 'pause', { reason: 'lunch' });
  const paused = await until(id, 'paused', ({ counts }) => expect(counts.running).toBe(0));
  expect(paused.message).toContain('lunch');
  expect(paused.counts).toMatchObject({ removed: 1 });
  await say(id, 'resume', { settings: { atOnce: 5 } });
  await until(id, 'running', ({ counts }) => expect(counts.running).toBe(5));
  await say(id, 'abort');
  rmSync(file('slow'));
  const aborted = await until(id, 'aborted');
  expect(aborted.counts.pending).toBe(0);
  expect(aborted.counts.removed).toBeGreaterThan(2);
  expect((await aegir.call('POST', `/api/rollouts/${id}/resume`, {})).status).toBe(409);
});

test('three hundred that do nothing', async () => {
  await addProjects('many', 300);
  const { id } = await begin({
    ...base,
    operation_type: 'recall',
    at_once: 30,
    where: ['default_ref=many'],
    waves: ['1', '10%', 'rest'],
  });
  const { counts } = await until(id, 'succeeded');
  expect(counts.succeeded).toBe(300);
});

test('what cannot be is refused with all that is wrong, and nothing is begun', async () => {
  const { status, body } = await aegir.call<ProblemJson>('POST', '/api/rollouts', {
    values: {
      operation_type: 'deliver',
      waves: ['none', '0'],
      at_once: 0,
      budget: 'few',
      environment_kind: 'production',
      gate_check: 'verify_server',
    },
  });
  expect(status).toBe(422);
  expect(body.problems.map(({ path }) => path).sort()).toEqual([
    'at_once',
    'budget',
    'environment_kind',
    'gate_check',
    'waves.0',
    'waves.1',
  ]);
});
