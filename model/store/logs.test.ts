import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import type { LogHits, LogMark } from '../log.ts';
import type { Plan, PlanStep, TaskStep } from '../plan.ts';
import type { Actor } from './audit.ts';
import { type Database, migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { createEntity } from './entities.ts';
import { findInLog } from './find-in-log.ts';
import { appendLog, type LogPiece, openLog } from './logs.ts';
import { insertOperation } from './operations.ts';
import { ensureFirstAdministrator } from './people.ts';
import { findRoot, type LogScope, outlineLog, readLog, readLogLines } from './read-log.ts';
import { organisations } from './schema/index.ts';
import { beginAttempt } from './tasks.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let actor: Actor;
let subject: Plan['subject'];
let run: number = 0;
let root: string;

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await migrateDatabase(open);
  await ensureFirstAdministrator(open.db);
  const [organisation] = await open.db.select().from(organisations);
  actor = { name: 'ada', organisation: organisation?.id ?? '' };
  const values = { values: { name: 'logs', kind: 'servers' }, custom: {} };
  const { id } = await createEntity(open.db, actor, 'cluster', values);
  subject = { kind: 'cluster', id, name: 'logs' };
});

afterAll(async () => {
  await open?.close();
  await database?.drop();
});

const taskStep = (taskId: string): TaskStep => ({
  kind: 'task',
  id: taskId,
  taskId,
  taskType: 'say_something',
  version: 'v',
  title: 'Say',
  backend: 'shell',
  target: 'worker',
  server: null,
  inputs: {},
  outputs: [],
  roots: {},
  timeoutSeconds: 60,
  retry: { attempts: 1, firstDelaySeconds: 1 },
  repeatable: true,
  skippable: false,
  undo: null,
  undoneBy: null,
  keeps: false,
});

function planOf(operationId: string, steps: PlanStep[]): Plan {
  const { organisation } = actor;
  const common = { type: 'say', version: 'v', title: 'Say', subject, organisation, startedBy: 'ada' };
  const rest = { priority: 0, minimumRole: 'operator' as const, states: {}, names: {}, locks: [], onFailure: null };
  return { ...common, ...rest, operationId, preflightTaskId: null, steps };
}

/** first; then an Operation with inner; then last. Steps are begun out of their order, as parallel ones are. */
beforeEach(async () => {
  run += 1;
  root = `op-${run}`;
  const nested: PlanStep = {
    kind: 'operation',
    id: 'nested',
    plan: planOf(`${root}-nested`, [taskStep(`${root}-inner`)]),
  };
  const plan = planOf(root, [taskStep(`${root}-first`), nested, taskStep(`${root}-last`)]);
  await insertOperation(open.db, actor, { plan, input: {}, reason: '', idempotencyKey: null });
  await open.pool.query(`update operations set engine_run = 'run-1' where id like $1`, [`${root}%`]);
});

async function begin(task: string, number = 1) {
  const execution = { engineRun: 'run-1', activity: task, engineAttempt: number };
  const attempt = await beginAttempt(open.db, {
    taskId: `${root}-${task}`,
    ...execution,
    inputs: {},
    feedbackHash: 'h',
  });
  return { root, attemptId: attempt.id, organisation: actor.organisation };
}

const piece = (lines: string[], marks: LogMark[] = []): LogPiece => ({ lines, marks });
const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, at) => `line ${from + at}`);

async function linesOf(from: number, to: number, scope: Partial<LogScope> = {}): Promise<string[]> {
  const { pieces } = await readLogLines(open.db, { operation: root, ...scope }, { from, to });
  return pieces.flatMap(({ lines }) => lines);
}

describe('writing', () => {
  test('what was written before the answer was lost is not written again, and what was not is', async () => {
    const to = await begin('first');
    const outcomes: ('refused' | 'lost' | 'fine')[] = ['refused', 'lost', 'refused', 'fine', 'fine'];
    const db = new Proxy(open.db, {
      get(db, name, receiver) {
        if (name !== 'transaction') return Reflect.get(db, name, receiver);
        return async (work: Parameters<Database['transaction']>[0]) => {
          const outcome = outcomes.shift();
          if (outcome === 'refused') throw new Error('Connection terminated unexpectedly');
          const answer = await db.transaction(work);
          if (outcome === 'lost') throw new Error('Connection terminated unexpectedly');
          return answer;
        };
      },
    });
    const write = openLog(db, to);
    const untilWritten = async (pieces: LogPiece[]) => {
      while (
        !(await write(pieces).then(
          () => true,
          () => false,
        ))
      );
    };
    await untilWritten([piece(['one']), piece(['two'])]);
    await untilWritten([piece(['three'])]);
    expect(await linesOf(1, 10)).toEqual(['one', 'two', 'three']);
    expect(outcomes).toEqual([]);
  });

  test('two writers of one attempt, after an outage, both have their lines in it', async () => {
    const to = await begin('first');
    const writers = [openLog(open.db, to), openLog(open.db, to)];
    for (const round of [1, 2, 3])
      for (const [at, write] of writers.entries()) await write([piece([`writer ${at}, round ${round}`])]);
    const lines = await linesOf(1, 10);
    expect(lines).toHaveLength(6);
    expect(new Set(lines).size).toBe(6);
  });

  test('pieces written together are numbered on, and their bytes are counted', async () => {
    const to = await begin('first');
    const mark: LogMark = { line: 2, kind: 'note', name: 'before b' };
    await appendLog(open.db, to, [piece(['a']), piece(['ü', 'b'], [mark]), piece([], [{ line: 1, kind: 'stats' }])]);
    const chunks = await readLog(open.db, { operation: root }, { after: 0, limit: 16 });
    expect(chunks.map(({ firstLine, lineCount }) => [firstLine, lineCount])).toEqual([
      [1, 1],
      [2, 2],
      [4, 0],
    ]);
    expect(chunks.flatMap(({ marks }) => marks.map(({ line }) => line))).toEqual([3, 4]);
    const { attempts } = await outlineLog(open.db, { operation: root });
    expect(attempts).toMatchObject([{ lines: 3, bytes: Buffer.byteLength('a\nü\nb\n'), offset: 0 }]);
  });
});

describe('reading', () => {
  test('lines of nested Operations stand in the place of their step, whenever they were written', async () => {
    const [last, inner, first] = [await begin('last'), await begin('inner'), await begin('first')];
    await appendLog(open.db, last, [piece(['last 1', 'last 2'])]);
    await appendLog(open.db, inner, [piece(['inner 1'])]);
    await appendLog(open.db, first, [piece(['first 1'])]);
    await appendLog(open.db, inner, [piece(['inner 2'])]);
    expect(await linesOf(1, 99)).toEqual(['first 1', 'inner 1', 'inner 2', 'last 1', 'last 2']);
    expect(await linesOf(2, 4)).toEqual(['inner 1', 'inner 2', 'last 1']);
    expect(await linesOf(1, 99, { operation: `${root}-nested` })).toEqual(['inner 1', 'inner 2']);
    expect(await linesOf(2, 99, { task: `${root}-last` })).toEqual(['last 2']);
    expect(await linesOf(1, 99, { attempt: inner.attemptId })).toEqual(['inner 1', 'inner 2']);
    // Nothing of another Operation, whatever is asked.
    expect(await linesOf(1, 99, { operation: `${root}-nested`, attempt: last.attemptId })).toEqual([]);
    expect(await findRoot(open.db, `${root}-nested`)).toBe(root);
    const nested = await readLog(open.db, { operation: `${root}-nested` }, { after: 0, limit: 16 });
    expect(nested.map(({ text }) => text)).toEqual(['inner 1', 'inner 2']);
  });

  test('every range of a log of many pieces is exactly these lines, of all attempts in order', async () => {
    const one = await begin('first');
    await appendLog(open.db, one, [piece(numbered(3)), piece([], [{ line: 1, kind: 'note' }]), piece(numbered(4, 4))]);
    const two = await begin('first', 2);
    for (let from = 8; from <= 20; from += 5) await appendLog(open.db, two, [piece(numbered(5, from))]);
    const all = numbered(22);
    for (let from = 1; from <= 22; from += 1)
      for (let to = from; to <= 22; to += 1) expect(await linesOf(from, to)).toEqual(all.slice(from - 1, to));
    expect(await linesOf(20, 99)).toEqual(all.slice(19));
    expect(await linesOf(23, 99)).toEqual([]);
    const end = await readLogLines(open.db, { operation: root }, { last: 2 });
    expect(end).toMatchObject({ total: 22, next: null, pieces: [{ from: 21, firstLine: 14, lines: all.slice(20) }] });
  });

  test('marks come with the lines before which they stand, those after the last line at the end', async () => {
    const to = await begin('first');
    const mark = (line: number, name: string): LogMark => ({ line, kind: 'note', name });
    await appendLog(open.db, to, [piece(numbered(3), [mark(1, 'a'), mark(3, 'c')]), piece([], [mark(1, 'end')])]);
    const marksOf = async (from: number, last: number) =>
      (await readLogLines(open.db, { operation: root }, { from, to: last })).pieces.flatMap(({ marks }) =>
        marks.map(({ name }) => name),
      );
    expect(await marksOf(1, 2)).toEqual(['a']);
    expect(await marksOf(2, 3)).toEqual(['c', 'end']);
  });

  test('a range of long lines comes in parts that join without a gap', async () => {
    const to = await begin('first');
    const lines = Array.from({ length: 400 }, (_, at) => `${at} `.padEnd(16_000, 'x'));
    for (let at = 0; at < 400; at += 4) await appendLog(open.db, to, [piece(lines.slice(at, at + 4))]);
    const read: string[] = [];
    let answers = 0;
    for (let from: number | null = 1; from !== null; answers += 1) {
      const range: Awaited<ReturnType<typeof readLogLines>> = await readLogLines(
        open.db,
        { operation: root },
        { from, to: 400 },
      );
      expect(range.pieces.flatMap(part => part.lines).join('\n').length).toBeLessThan(2.5 * 1024 * 1024);
      read.push(...range.pieces.flatMap(part => part.lines));
      from = range.next;
    }
    expect(read).toEqual(lines);
    expect(answers).toBeGreaterThan(1);
  });

  test('a stream that goes on after each piece sees every line once while two Tasks write', async () => {
    const writers = [await begin('first'), await begin('inner')].map(async (to, writer) => {
      const write = openLog(open.db, to);
      for (let at = 0; at < 60; at += 1) await write([piece([`${writer}: ${at}`])]);
    });
    const seen: string[] = [];
    let after = 0;
    const follow = async (limit: number) => {
      const chunks = await readLog(open.db, { operation: root }, { after, limit });
      seen.push(...chunks.flatMap(({ text }) => text.split('\n')));
      after = chunks.at(-1)?.sequence ?? after;
      return chunks.length;
    };
    const over = Promise.all(writers);
    let isOver = false;
    void over.then(() => {
      isOver = true;
    });
    for (let round = 0; !isOver; round += 1) await follow((round % 3) + 1);
    await over;
    while ((await follow(16)) > 0);
    for (const writer of [0, 1])
      expect(seen.filter(line => line.startsWith(`${writer}: `))).toEqual(
        Array.from({ length: 60 }, (_, at) => `${writer}: ${at}`),
      );
  });
});

describe('finding', () => {
  const search = (text: string, more: { regex?: boolean; ignoreCase?: boolean } = {}) => ({
    text,
    regex: false,
    ignoreCase: false,
    ...more,
  });
  const find = (...args: Parameters<typeof search>) =>
    findInLog(open.db, { operation: root }, search(...args), { from: 1, limit: 100 });
  const found = ({ hits }: LogHits) => hits.map(({ at, text }) => `${at}: ${text}`);

  beforeEach(async () => {
    await appendLog(open.db, await begin('first'), [
      piece(['one Apple', '50% off_now', '\u001b[0;31mred\u001b[0m apple', 'ÄPFEL (a+b)*']),
    ]);
    await appendLog(open.db, await begin('last'), [piece(['another', 'the last apple'])]);
  });

  test('text is text: no sign of it has a meaning, and colours do not hide it', async () => {
    expect(found(await find('apple'))).toEqual(['3: red apple', '6: the last apple']);
    expect(found(await find('apple', { ignoreCase: true }))).toHaveLength(3);
    expect(found(await find('äpfel', { ignoreCase: true }))).toEqual(['4: ÄPFEL (a+b)*']);
    expect(found(await find('(a+b)*'))).toEqual(['4: ÄPFEL (a+b)*']);
    expect(found(await find('(A+B)*', { ignoreCase: true }))).toHaveLength(1);
    expect(found(await find('50%'))).toHaveLength(1);
    expect(found(await find('off.now'))).toEqual([]);
    expect(found(await find(`\\' ; drop table operations --`))).toEqual([]);
  });

  test('an expression is matched line by line', async () => {
    expect(found(await find('^red|last.*e$', { regex: true }))).toEqual(['3: red apple', '6: the last apple']);
    expect(found(await find('^ONE', { regex: true, ignoreCase: true }))).toEqual(['1: one Apple']);
    expect(found(await find('apple\\s+another', { regex: true }))).toEqual([]);
    // An assertion that would see the next line, were they one text.
    expect(found(await find('Apple(?!\\s)', { regex: true }))).toEqual(['1: one Apple']);
  });

  test('hits carry the number over all and within their attempt', async () => {
    const { hits, next, searched, total } = await find('another');
    expect(hits).toMatchObject([{ at: 5, line: 1, taskId: `${root}-last` }]);
    expect({ next, searched, total }).toEqual({ next: null, searched: 6, total: 6 });
  });

  test('an expression that is none, and one that would take for ever, are refused with words', async () => {
    await expect(find('a(', { regex: true })).rejects.toThrow(/not a regular expression.*parentheses/);
    await expect(find('(((a{1,255}){1,255}){1,255})', { regex: true })).rejects.toThrow(/too complex/);
    await appendLog(open.db, await begin('inner'), [piece([`${'aab'.repeat(5000)}!`])]);
    const endless = String.raw`(.+)(.+)(.+)\3\2\1!`;
    await expect(find(endless, { regex: true })).rejects.toThrow(/takes too long/);
    // The usual ones for programs that try every way do not harm here.
    expect(found(await find('^(a+)+$', { regex: true }))).toEqual([]);
  });

  test('pages of hits join without a gap or a double one, over pieces and attempts', async () => {
    const to = await begin('inner');
    const lines = numbered(300).flatMap(line => [line, 'other']);
    for (let at = 0; at < 600; at += 7) await appendLog(open.db, to, [piece(lines.slice(at, at + 7))]);
    for (const limit of [1, 7, 100]) {
      const texts: string[] = [];
      for (let from: number | null = 1; from !== null; ) {
        const page: LogHits = await findInLog(open.db, { operation: root }, search('line '), { from, limit });
        expect(page.hits.length).toBeLessThanOrEqual(limit);
        texts.push(...page.hits.map(({ text }) => text));
        from = page.next;
      }
      expect(texts).toEqual(numbered(300));
    }
  });

  test('of a long line the part with the hit is shown', async () => {
    const to = await begin('inner');
    await appendLog(open.db, to, [piece([`${'x'.repeat(9000)} needle ${'y'.repeat(6000)}`])]);
    for (const options of [{}, { ignoreCase: true }, { regex: true }]) {
      const [hit] = (await find('needle', options)).hits;
      expect(hit?.text).toContain('needle');
      expect(hit?.text.length).toBeLessThan(500);
    }
  });

  test('whoever has gone is not searched for', async () => {
    const options = { from: 1, limit: 100, signal: AbortSignal.abort() };
    expect(await findInLog(open.db, { operation: root }, search('apple'), options)).toMatchObject({
      hits: [],
      next: 1,
    });
  });
});
