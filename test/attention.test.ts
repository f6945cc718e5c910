// What becomes of an Operation that cannot go on by itself: it asks, keeps what it has, and does what it is told.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AgainView, OperationView, ResumeView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const journal = join(types.path, 'journal');
const broken = (name: string) => join(types.path, `broken-${name}`);
let aegir: Aegir;
let project: Entity;

/** Writes what it does into the journal; fails while the file of its number is there. */
const doScript = `read -r json
n=$(echo "$json" | sed -n 's/.*"number": *"\\([^"]*\\)".*/\\1/p')
word=$(echo "$json" | sed -n 's/.*"word": *"\\([^"]*\\)".*/\\1/p')
if [ -e ${types.path}/broken-$n ]; then echo "broken $n $word" >> ${journal}; echo "It is broken."; exit 7; fi
echo "do $n $word" >> ${journal}
echo "{\\"made\\": \\"made-$n\\"}" > "$AEGIR_OUTPUTS"`;
const undoScript = `read -r json
made=$(echo "$json" | sed -n 's/.*"made": *"\\([^"]*\\)".*/\\1/p')
if [ -e ${types.path}/broken-undo-$made ]; then echo "It cannot be taken back."; exit 8; fi
echo "undo $made" >> ${journal}`;

const entries = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []);
const view = async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
const start = async (type: string, input: Record<string, unknown> = {}) => {
  const request = { type, input };
  const { status, body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, request);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
};
/** Starts it and waits until it asks or is over. */
const run = async (type: string, input: Record<string, unknown> = {}) => aegir.waitUntilQuiet(await start(type, input));
const decided = async (
  operation: OperationView,
  ...decision: Parameters<Aegir['decide']> extends [unknown, ...infer D] ? D : never
) => {
  await aegir.decide(operation, ...decision);
  return aegir.waitUntilQuiet(operation.id);
};
const states = (operation: OperationView) => operation.tasks.map(({ step, state }) => `${step} ${state}`);
const projectState = async () => (await aegir.call<Entity>('GET', `/api/projects/${project.id}`)).body.state;

const steps = (count: number, more: Record<number, string> = {}) =>
  Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    return `{id: s${number}, task: do_step, with: {number: "${number}"}${more[number] ?? ''}}`;
  }).join(', ');

beforeAll(async () => {
  const number =
    'number: {type: str, description: Which, required: true}, word: {type: str, description: A word, default: plain}';
  const outputs = 'outputs:\n  made: {type: str, help: What it made}\n';
  types.shellTask('do_step', doScript, { options: number, meta: `${outputs}undo: undo_step\n` });
  types.shellTask('undo_step', undoScript, { options: 'made: {type: str, description: What, required: true}' });
  types.shellTask('do_for_good', doScript, { options: number, meta: outputs });
  types.shellTask('run_long', `echo long >> ${journal}; sleep 600`);
  const projectStates = 'states: {succeeded: verified, failed: failed}\n';
  types.operation('ten', 'project', `[${steps(10)}]`, projectStates);
  types.operation('skipping', 'project', `[${steps(3, { 2: ', skippable: true' })}]`);
  types.operation('inner', 'project', `[${steps(2)}]`);
  types.operation(
    'outer',
    'project',
    '[{id: a, task: do_step, with: {number: "0"}}, {id: nested, operation: inner}, {id: z, task: do_step, with: {number: $steps.nested.s2.made}}]',
  );
  types.operation(
    'beside',
    'project',
    `[{id: both, parallel: [${steps(3)}]}, {id: last, task: do_step, with: {number: "4"}}]`,
  );
  types.operation('at_once', 'project', `[${steps(2)}]`, 'on_failure: {choose: leave}\n');
  types.operation('back_at_once', 'project', `[${steps(2)}]`, 'on_failure: {choose: undo}\n');
  types.operation(
    'for_good',
    'project',
    '[{id: kept, task: do_for_good, with: {number: "1"}}, {id: taken, task: do_step, with: {number: "2"}}, {id: bad, task: do_step, with: {number: "3"}}]',
  );
  const half =
    ', undo: undo_step, undo_with: {made: half}, undo_failed: true, undo_then: undo_step, undo_then_with: {made: rest}';
  types.operation('half', 'project', `[${steps(2, { 2: half })}]`, `${projectStates}touches_from: s2\n`);
  types.operation('long', 'project', '[{id: first, task: do_step, with: {number: "1"}}, {id: wait, task: run_long}]');
  types.operation('only_long', 'project', '[{id: wait, task: run_long}]');
  aegir = await startAegir({ types: types.path });
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  const { status, body } = await aegir.call<Entity>('POST', '/api/projects', { values });
  expect(status, JSON.stringify(body)).toBe(201);
  project = body;
});

beforeEach(() => rmSync(journal, { force: true }));

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

/** Broken while `work` is under way. */
async function whileBroken<T>(names: (number | string)[], work: () => Promise<T>): Promise<T> {
  for (const name of names) writeFileSync(broken(String(name)), '');
  return work().finally(() => {
    for (const name of names) rmSync(broken(String(name)), { force: true });
  });
}

describe('a step that fails', () => {
  test('parks the Operation, which says what each choice would do; a retry goes on from there', async () => {
    const parked = await whileBroken([7], () => run('ten'));
    expect([parked.state, parked.message]).toEqual(['needs_attention', '']);
    const [attention] = parked.attentions;
    expect(attention).toMatchObject({ about: 'step', choices: ['retry', 'leave', 'undo'], isDecided: false });
    expect(attention?.message).toContain('It is broken.');
    expect(attention?.effects.undo).toContain('takes back what was changed: do_step, do_step');
    expect(parked.tasks.slice(1, 9).map(({ state }) => state)).toEqual([
      ...Array(6).fill('succeeded'),
      'failed',
      'pending',
    ]);
    const done = await decided(parked, 'retry');
    expect(done.state, done.message).toBe('succeeded');
    expect(entries().filter(line => line.startsWith('do'))).toEqual(
      Array.from({ length: 10 }, (_, index) => `do ${index + 1} plain`),
    );
    expect(done.tasks[7]?.attempts.map(({ number, state }) => [number, state])).toEqual([
      [1, 'failed'],
      [2, 'succeeded'],
    ]);
  });

  test('is retried with a changed field; nothing else differs', async () => {
    const parked = await whileBroken([2], () => run('ten'));
    const [failed] = parked.attentions[0]?.failed ?? [];
    expect(failed?.fields.map(({ name, default: value }) => [name, value])).toEqual([
      ['number', '2'],
      ['word', 'plain'],
    ]);
    const wrong = { [failed?.id ?? '']: { nonsense: 1 } };
    await expect(aegir.decide(parked, 'retry', wrong)).rejects.toThrow('nonsense');
    const done = await decided(parked, 'retry', { [failed?.id ?? '']: { word: 'changed' } });
    expect(done.state, done.message).toBe('succeeded');
    expect(entries().filter(line => !line.endsWith(' plain'))).toEqual(['do 2 changed']);
  });

  test('is skipped only where its type allows that', async () => {
    const refused = await whileBroken([3], () => run('skipping'));
    await expect(aegir.decide(refused, 'skip')).rejects.toThrow('cannot be chosen now');
    await decided(refused, 'leave');
    const parked = await whileBroken([2], () => run('skipping'));
    const done = await decided(parked, 'skip');
    expect([done.state, done.tasks[2]?.state, done.tasks[2]?.skippedBy]).toEqual([
      'succeeded',
      'skipped',
      done.startedBy,
    ]);
  });

  test('is decided on once: of two answers one is refused', async () => {
    const parked = await whileBroken([1], () => run('ten'));
    const answers = await Promise.allSettled([aegir.decide(parked, 'leave'), aegir.decide(parked, 'leave')]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const done = await aegir.waitUntilQuiet(parked.id);
    expect([done.state, done.message]).toEqual(['failed', expect.stringContaining('It is broken.')]);
    await expect(aegir.decide({ ...done, attentions: parked.attentions }, 'retry')).rejects.toThrow('over');
  });

  test('among parallel ones is asked about when all have ended, once for all', async () => {
    const parked = await whileBroken([1, 3], () => run('beside'));
    expect(parked.attentions).toHaveLength(1);
    expect(parked.attentions[0]?.failed).toHaveLength(2);
    const done = await decided(parked, 'retry');
    expect(done.state, done.message).toBe('succeeded');
    expect(entries().filter(line => line.startsWith('do 2'))).toHaveLength(1);
  });

  test('of a nested Operation parks both, and goes on in both', async () => {
    const parked = await whileBroken([2], () => run('outer'));
    expect([parked.state, parked.children[0]?.state]).toEqual(['needs_attention', 'needs_attention']);
    const done = await decided(parked, 'retry');
    expect([done.state, done.children[0]?.state]).toEqual(['succeeded', 'succeeded']);
    expect(entries().at(-1)).toBe('do made-2 plain');
  });

  test('is left or taken back at once where the type says so', async () => {
    const left = await whileBroken([2], () => run('at_once'));
    expect([left.state, left.attentions]).toEqual(['failed', []]);
    const undone = await whileBroken([2], () => run('back_at_once'));
    expect(undone.state).toBe('failed');
    expect(states(undone)).toEqual(['preflight succeeded', 's1 undone', 's2 failed', 's1 succeeded']);
  });
});

describe('an undo', () => {
  test('takes back what is done, the last first, as Tasks of their own; the subject is what it was', async () => {
    const before = await projectState();
    const parked = await whileBroken([7], () => run('ten'));
    const done = await decided(parked, 'undo');
    expect(done.state).toBe('failed');
    expect(entries().filter(line => line.startsWith('undo'))).toEqual([6, 5, 4, 3, 2, 1].map(n => `undo made-${n}`));
    expect(done.message).toContain('Undone: do_step, do_step');
    expect(done.tasks.filter(({ undoes }) => undoes).map(({ title, state }) => [title, state])).toEqual(
      Array(6).fill(['Undo: do_step', 'succeeded']),
    );
    expect(done.tasks.slice(1, 7).map(({ state }) => state)).toEqual(Array(6).fill('undone'));
    expect(await projectState()).toBe(before);
  });

  test('takes back what a failed step may have half done, where the type says so, and what belongs behind it', async () => {
    const before = await projectState();
    const parked = await whileBroken([2], () => run('half'));
    const done = await decided(parked, 'undo');
    expect(entries().filter(line => line.startsWith('undo'))).toEqual(['undo half', 'undo rest', 'undo made-1']);
    expect(states(done).slice(0, 3)).toEqual(['preflight succeeded', 's1 undone', 's2 undone']);
    expect(done.tasks[2]?.message).toContain('It is broken.');
    expect([done.state, await projectState()]).toEqual(['failed', before]);
  });

  test('has no part in an end before the first step that touches the subject: its state is what it was', async () => {
    const { state } = await run('ten');
    const parked = await whileBroken([1], () => run('half'));
    const left = await decided(parked, 'leave');
    expect([state, left.state, await projectState()]).toEqual(['succeeded', 'failed', 'verified']);
  });

  test('names what it cannot take back', async () => {
    const parked = await whileBroken([3], () => run('for_good'));
    expect(parked.attentions[0]?.effects.undo).toContain('Stays: do_for_good');
    const done = await decided(parked, 'undo');
    expect(done.message).toContain('Undone: do_step. Left as they are: do_for_good.');
  });

  test('that fails parks, and can be retried or left', async () => {
    const parked = await whileBroken([3, 'undo-made-2', 'undo-made-1'], async () => {
      const asked = await run('ten');
      return decided(asked, 'undo');
    });
    expect([parked.state, parked.attentions[0]?.about, parked.attentions[0]?.choices]).toEqual([
      'needs_attention',
      'undo',
      ['retry', 'skip'],
    ]);
    expect(parked.attentions[0]?.effects.skip).toBe('Leaves Undo: do_step as it is, and goes on with the undo.');
    expect(parked.attentions[0]?.failed.map(({ title, fields }) => [title, fields])).toEqual([['Undo: do_step', []]]);
    const again = await whileBroken(['undo-made-1'], () => decided(parked, 'retry'));
    expect(again.attentions[0]?.about).toBe('undo');
    const done = await decided(again, 'skip');
    expect(done.state).toBe('failed');
    expect(done.message).toContain('Undone: do_step. Left as they are: do_step.');
    expect(entries().filter(line => line.startsWith('undo'))).toEqual(['undo made-2']);
  });

  test('goes through a nested Operation and the outer one', async () => {
    const parked = await whileBroken([2], () => run('outer'));
    const done = await decided(parked, 'undo');
    expect([done.state, done.children[0]?.state]).toEqual(['failed', 'failed']);
    const { body: nested } = await aegir.call<OperationView>('GET', `/api/operations/${done.children[0]?.id}`);
    expect(nested.tasks.map(({ step, state }) => [step, state])).toEqual([
      ['s1', 'undone'],
      ['s2', 'failed'],
      ['s1', 'succeeded'],
    ]);
    expect(entries().slice(-2)).toEqual(['undo made-1', 'undo made-0']);
  });
});

describe('a resume', () => {
  test('goes through nested Operations that the end before had closed unbegun', async () => {
    const parked = await whileBroken([0], () => run('outer'));
    const left = await decided(parked, 'leave');
    expect(states(left).slice(1)).toEqual(['a failed', 's1 skipped', 's2 skipped', 'z skipped']);
    expect(left.children.map(({ state, message }) => [state, message])).toEqual([['cancelled', 'Not run.']]);
    await aegir.call('POST', `/api/operations/${left.id}/resume`, {});
    const done = await aegir.waitUntilQuiet(left.id);
    expect([done.state, done.children[0]?.state]).toEqual(['succeeded', 'succeeded']);
  });

  test('runs the failed step and what follows, as the same Operation, and says so before', async () => {
    const failed = await whileBroken([7], async () => aegir.waitFor(await start('ten')));
    const path = `/api/operations/${failed.id}/resume`;
    const { body: preview } = await aegir.call<ResumeView>('GET', path);
    expect(preview.refusal).toBe('');
    expect(preview.steps.map(({ runs }) => runs)).toEqual([true, ...Array(6).fill(false), ...Array(4).fill(true)]);
    rmSync(journal);
    const inputs = { [preview.tasks[0]?.id ?? '']: { word: 'resumed' } };
    const answers = await Promise.all([aegir.call('POST', path, { inputs }), aegir.call('POST', path, { inputs })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    const done = await aegir.waitUntilQuiet(failed.id);
    expect([done.id, done.state, done.attempt]).toEqual([failed.id, 'succeeded', 2]);
    expect(entries()).toEqual(['do 7 resumed', 'do 8 plain', 'do 9 plain', 'do 10 plain']);
    expect((await aegir.call<ResumeView>('GET', path)).body.refusal).toContain('has succeeded');
  });

  test('after an undo does again what was taken back', async () => {
    const undone = await decided(await whileBroken([3], () => run('ten')), 'undo');
    rmSync(journal);
    expect((await aegir.call('POST', `/api/operations/${undone.id}/resume`, {})).status).toBe(202);
    const done = await aegir.waitUntilQuiet(undone.id);
    expect([done.state, entries().length]).toEqual(['succeeded', 10]);
  });

  test('of a nested Operation begins inside of it', async () => {
    const failed = await whileBroken([2], async () => aegir.waitFor(await start('outer')));
    expect(failed.children[0]?.state).toBe('failed');
    rmSync(journal);
    await aegir.call('POST', `/api/operations/${failed.id}/resume`, {});
    const done = await aegir.waitUntilQuiet(failed.id);
    expect([done.state, done.children[0]?.state]).toEqual(['succeeded', 'succeeded']);
    expect(entries()).toEqual(['do 2 plain', 'do made-2 plain']);
  });

  test('is something else than running it again, which says what has changed since', async () => {
    const first = await run('at_once');
    const again = async () => (await aegir.call<AgainView>('GET', `/api/operations/${first.id}/again`)).body;
    expect(await again()).toMatchObject({ type: 'at_once', subject: { name: 'site' }, changes: [] });
    types.operation('at_once', 'project', `[${steps(3)}]`, 'on_failure: {choose: leave}\n');
    await expect
      .poll(async () => (await again()).changes.join(), { timeout: 20_000 })
      .toContain('“at_once” has changed');
  });
});

describe('a cancel', () => {
  const startLong = async (type: string) => {
    const id = await start(type);
    await expect.poll(entries, { timeout: 30_000 }).toContain('long');
    return id;
  };
  const cancel = (id: string, choice: string) => aegir.call('POST', `/api/operations/${id}/cancel?choice=${choice}`);

  test('stops, then asks whether to undo; a second one is harmless', async () => {
    const id = await startLong('long');
    expect((await cancel(id, 'ask')).status).toBe(202);
    const parked = await aegir.waitUntilQuiet(id);
    expect([parked.state, parked.attentions[0]?.about]).toEqual(['needs_attention', 'cancel']);
    expect((await cancel(id, 'leave')).status).toBe(202);
    expect((await view(id)).state).toBe('needs_attention');
    const done = await decided(parked, 'undo');
    expect([done.state, entries().at(-1)]).toEqual(['cancelled', 'undo made-1']);
    expect((await cancel(id, 'undo')).status).toBe(202);
  });

  test('undoes or leaves at once when told so, and asks nothing where there is nothing to undo', async () => {
    const undone = await startLong('long');
    await cancel(undone, 'undo');
    expect((await aegir.waitUntilQuiet(undone)).message).toContain('Undone: do_step.');
    rmSync(journal);
    const left = await startLong('long');
    await cancel(left, 'leave');
    expect(states(await aegir.waitUntilQuiet(left))).toEqual([
      'preflight succeeded',
      'first succeeded',
      'wait cancelled',
    ]);
    rmSync(journal);
    const empty = await startLong('only_long');
    await cancel(empty, 'ask');
    expect((await aegir.waitUntilQuiet(empty)).state).toBe('cancelled');
  });

  test('of one that needs attention asks what becomes of it', async () => {
    const parked = await whileBroken([2], () => run('ten'));
    await cancel(parked.id, 'undo');
    await expect.poll(async () => (await view(parked.id)).state, { timeout: 30_000 }).toBe('cancelled');
    expect(entries().at(-1)).toBe('undo made-1');
  });
});
