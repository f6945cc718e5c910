import { encodeTime, ulid } from 'ulid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { expireAudit, expireLogs, expireRollouts, expireRuns } from './expired.ts';
import { ensureFirstAdministrator } from './people.ts';
import { organisations } from './schema/index.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let organisation: string;

const now = Date.now();
const at = (days: number) => new Date(now - days * 86_400_000);
const before = at(100);
const line = 'This log was removed.';
/** As one that was made then. */
const idAt = (days: number) => `${encodeTime(at(days).getTime(), 10)}${ulid().slice(10)}`;
const query = <T extends object>(text: string, values: unknown[] = []) => open.pool.query<T>(text, values);

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await migrateDatabase(open);
  await ensureFirstAdministrator(open.db);
  organisation = (await open.db.select().from(organisations))[0]?.id ?? '';
});

afterAll(async () => {
  await open?.close();
  await database?.drop();
});

beforeEach(() => query('truncate log_chunks, task_attempts, tasks, lock_claims, operations, rollouts, audit cascade'));

interface Run {
  days: number;
  state?: string;
  type?: string;
  subject?: string;
  isLeft?: boolean;
}

/** An Operation with a nested one, whose Task has a log of two pieces. Answers its id. */
async function addRun({
  days,
  state = 'succeeded',
  type = 'say',
  subject = 'shop',
  isLeft = false,
}: Run): Promise<string> {
  const [root, nested, task, attempt] = [idAt(days), idAt(days), idAt(days), idAt(days)];
  const ended = state === 'running' ? null : at(days);
  for (const [id, parent] of [
    [root, null],
    [nested, root],
  ])
    await query(
      `insert into operations (id, organisation, type, title, subject_kind, subject_id, subject_name, parent, state, input, started_by, ended_at)
       values ($1, $2, 'say', 'Say', 'environment', $3, 'x', $4, $5, '{}', 'ada', $6)`,
      [id, organisation, subject, parent, state, ended],
    );
  await query(
    `insert into tasks (id, operation, root, position, step, depth, "within", type, version, title, target, subject_kind, subject_id, state, ended_at)
     values ($1, $2, $3, 1, 's', 1, '[]', $4, 'v', 'Say', 'worker', 'environment', $5, $6, $7)`,
    [task, nested, root, type, subject, state === 'running' ? 'running' : 'succeeded', ended],
  );
  await query(
    `insert into task_attempts (id, task, number, state, lines, bytes, feedback_hash, ended_at, left_since) values ($1, $2, 1, 'succeeded', 2, 12, '', $3, $4)`,
    [attempt, task, ended, isLeft ? at(days) : null],
  );
  for (const number of [1, 2])
    await query(
      `insert into log_chunks (attempt, first_line, line_count, text, marks) values ($1, $2, 1, 'words', '[]')`,
      [attempt, number],
    );
  return root;
}

const logOf = async (root: string) =>
  (
    await query<{ text: string; lines: number }>(
      `select c.text, a.lines from log_chunks c join task_attempts a on a.id = c.attempt join tasks t on t.id = a.task where t.root = $1 order by c.first_line`,
      [root],
    )
  ).rows.map(({ text, lines }) => `${lines}: ${text}`);
const roots = async () =>
  (await query<{ id: string }>('select id from operations where parent is null')).rows.map(({ id }) => id);
const counts = async () => {
  const tables = ['operations', 'tasks', 'task_attempts', 'log_chunks'];
  const found = await Promise.all(
    tables.map(async table => (await query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n),
  );
  return Object.fromEntries(tables.map((table, index) => [table, found[index]]));
};

test('one line takes the place of each log that is too old; that of a run that is not over stays', async () => {
  const [old, young, open_] = [
    await addRun({ days: 101 }),
    await addRun({ days: 99 }),
    await addRun({ days: 300, state: 'running' }),
  ];
  const many = await Promise.all(Array.from({ length: 25 }, () => addRun({ days: 200 })));
  expect(await expireLogs(open.db, { before, line })).toBe(26);
  expect(await logOf(old)).toEqual([`1: ${line}`]);
  for (const root of many) expect(await logOf(root)).toEqual([`1: ${line}`]);
  expect(await logOf(young)).toEqual(['2: words', '2: words']);
  expect(await logOf(open_)).toEqual(['2: words', '2: words']);
  expect(await expireLogs(open.db, { before, line })).toBe(0);
});

test('runs go with all that is in them, but for those that are not over, remembered, or left on a Server', async () => {
  const stays = [
    await addRun({ days: 99 }),
    await addRun({ days: 300, state: 'running' }),
    await addRun({ days: 300, isLeft: true }),
    await addRun({ days: 300, type: 'ask', subject: 'shop' }),
    await addRun({ days: 250, type: 'ask', subject: 'blog' }),
  ];
  await Promise.all(Array.from({ length: 60 }, () => addRun({ days: 200 })));
  // A later one remembers the same.
  await addRun({ days: 301, type: 'ask', subject: 'blog' });
  expect(await expireRuns(open.db, { before, remembering: ['ask'] })).toBe(61);
  expect((await roots()).sort()).toEqual(stays.sort());
  expect(await counts()).toEqual({ operations: 10, tasks: 5, task_attempts: 5, log_chunks: 10 });
  expect(await expireRuns(open.db, { before, remembering: ['ask'] })).toBe(0);
});

test('one that something else names stays, and keeps none of the others from going', async () => {
  const named = await addRun({ days: 400 });
  await query(
    `insert into lock_claims (entity_kind, entity_id, operation, run, mode, position, priority, since) values ('environment', 'e', $1, 'r', 'shared', 0, 0, now())`,
    [named],
  );
  await Promise.all(Array.from({ length: 3 }, () => addRun({ days: 200 })));
  expect(await expireRuns(open.db, { before, remembering: [] })).toBe(3);
  expect(await roots()).toEqual([named]);
  expect(await logOf(named)).toHaveLength(2);
});

test('lines of the audit log go by their age', async () => {
  for (const days of [50, 99, 101, 500])
    await query(
      `insert into audit (id, organisation, at, actor, verb, object_kind, object_id, object_name) values ($1, $2, $3, 'ada', 'edit', 'cluster', 'c', $4)`,
      [idAt(days), organisation, at(days), String(days)],
    );
  expect(await expireAudit(open.db, before)).toBe(2);
  const { rows } = await query<{ object_name: string }>('select object_name from audit order by id');
  expect(rows.map(({ object_name }) => object_name)).toEqual(['99', '50']);
});

test('a Rollout goes with its list, but for one that is not over or that a later one undoes; its Operations can go then', async () => {
  const addRollout = async (days: number, { state = 'succeeded', undoes = null as string | null } = {}) => {
    const [id, operation] = [idAt(days), await addRun({ days: 200 })];
    await query(
      `insert into rollouts (id, organisation, operation_type, title, subject_kind, input, selection, settings, state, waves, started_by, role, undoes, ended_at)
       values ($1, $2, 'say', 'Say', 'environment', '{}', '{}', '{}', $3, 1, 'ada', 'operator', $4, $5)`,
      [id, organisation, state, undoes, state === 'paused' ? null : at(days)],
    );
    await query(
      `insert into rollout_items (id, rollout, position, wave, subject_id, subject_name, state, operation) values ($1, $2, 0, 0, 'e', 'e', 'succeeded', $3)`,
      [ulid(), id, operation],
    );
    return id;
  };
  const undone = await addRollout(300);
  const stays = [undone, await addRollout(99, { undoes: undone }), await addRollout(300, { state: 'paused' })];
  for (let each = 0; each < 7; each += 1) await addRollout(200);
  expect(await expireRuns(open.db, { before, remembering: [] })).toBe(0);
  expect(await expireRollouts(open.db, before)).toBe(7);
  const { rows } = await query<{ id: string }>('select id from rollouts order by id');
  expect(rows.map(({ id }) => id)).toEqual(stays.sort());
  expect(await expireRuns(open.db, { before, remembering: [] })).toBe(7);
});

test('whatever names a run has an end, too: a table that is new here needs one', async () => {
  const { rows } = await query<{ name: string }>(
    `select conrelid::regclass || '.' || (select string_agg(attname, ',') from pg_attribute where attrelid = conrelid and attnum = any(conkey)) as name
       from pg_constraint where contype = 'f' and confrelid in ('operations'::regclass, 'tasks'::regclass, 'task_attempts'::regclass) order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual([
    'lock_claims.operation', // with the lock
    'log_chunks.attempt',
    'operations.parent',
    'rollout_items.operation', // with the Rollout
    'schedule_entries.last_operation',
    'scheduled_runs.operation', // after a quarter
    'task_attempts.task',
    'tasks.operation',
    'tasks.root',
    'terraform_plans.task', // with the Operation, at the latest with its run
  ]);
});
