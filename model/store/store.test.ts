import { inspect } from 'node:util';
import { getTableColumns, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import { entities } from '../entities.ts';
import type { Plan, RunnableStep } from '../plan.ts';
import type { Actor } from './audit.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { createEntity, tableOf, updateEntity } from './entities.ts';
import { listen } from './events.ts';
import { appendLog } from './logs.ts';
import { beginOperation, endOperation, type RunOf } from './operation-run.ts';
import { insertOperation } from './operations.ts';
import { ensureFirstAdministrator } from './people.ts';
import { readLog } from './read-log.ts';
import { organisations } from './schema/index.ts';
import { addFeedbackOutputs, beginAttempt, endAttempt, findTask, listTasks } from './tasks.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let actor: Actor;

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await Promise.all([migrateDatabase(open), migrateDatabase(open)]);
  await ensureFirstAdministrator(open.db);
  await ensureFirstAdministrator(open.db);
  const rows = await open.db.select().from(organisations);
  expect(rows).toHaveLength(1);
  actor = { name: 'ada', organisation: rows[0]?.id ?? '' };
});

afterAll(async () => {
  await open?.close();
  await database?.drop();
});

test('every field of an entity has a column of its name, and no column is without a field', () => {
  for (const { kind, fields, resultFields } of Object.values(entities)) {
    const columns = Object.keys(getTableColumns(tableOf(kind)));
    const own = [...fields, ...resultFields].map(field => field.name);
    const common = ['id', 'state', 'custom', 'created_at', 'updated_at'];
    const known = [...own, ...common, ...(kind === 'organisation' ? [] : ['organisation'])];
    expect([...new Set(columns)].sort(), kind).toEqual([...new Set(known)].sort());
  }
});

test('a database of a newer version is refused with what to do', async () => {
  await open.pool.query(`insert into drizzle.__drizzle_migrations(hash, created_at) values ('x', 9999999999999)`);
  await expect(migrateDatabase(open)).rejects.toThrow(/newer version/);
  await open.pool.query(`delete from drizzle.__drizzle_migrations where hash = 'x'`);
});

test('the database itself refuses what must never be there, whoever writes', async () => {
  const insert = (table: string, values: string) => open.pool.query(`insert into ${table} values ${values}`);
  await expect(insert('environment_names(name, environment)', `('-bad-.example.org', 'x')`)).rejects.toThrow(/valid/);
  const row = `('x', 'p', '${actor.organisation}', '--upload-pack=id', 'static')`;
  await expect(insert('projects(id, name, organisation, repository, application)', row)).rejects.toThrow(/no_option/);
});

test('the error of a query names the query and what the database says, not its values', async () => {
  const error = await open.db.execute(sql`select ${'token of somebody'} from nowhere`).catch(inspect);
  expect(error).toMatch(/select \$1 from nowhere[\s\S]*relation "nowhere" does not exist/);
  expect(error).not.toContain('somebody');
});

test('a change writes who, what, before and after, and tells every listener after its commit', async () => {
  const listener = listen(database.url);
  const heard: unknown[] = [];
  listener.subscribe(event => heard.push(event));
  await expect.poll(() => heard).toContain('reconnected');
  const cluster = await createEntity(open.db, actor, 'cluster', {
    values: { name: 'farm', kind: 'servers' },
    custom: {},
  });
  await updateEntity(open.db, actor, 'cluster', cluster.id, { values: { name: 'field' } });
  await updateEntity(open.db, actor, 'cluster', cluster.id, { values: { name: 'field' } });
  await expect.poll(() => heard.filter(event => typeof event === 'object')).toHaveLength(2);
  const { rows } = await open.pool.query(
    'select actor, verb, before, after from audit where object_id = $1 order by id',
    [cluster.id],
  );
  expect(rows).toMatchObject([
    { actor: 'ada', verb: 'create', after: { name: 'farm' } },
    { verb: 'edit', before: { name: 'farm' }, after: { name: 'field' } },
  ]);
  await listener.close();
});

describe('a run', () => {
  const plan = (id: string, subject: string): Plan => ({
    operationId: id,
    type: 'probe',
    version: 'v',
    title: 'Probe',
    subject: { kind: 'cluster', id: subject, name: 'c' },
    organisation: actor.organisation,
    startedBy: 'ada',
    priority: 0,
    minimumRole: 'operator',
    locks: [],
    onFailure: null,
    states: { succeeded: 'verified', failed: 'failed' },
    names: {},
    preflightTaskId: `${id}-preflight`,
    steps: [],
  });

  const runOf = (own: Plan, engineRun = 'run-1'): RunOf => ({
    plan: own,
    root: own.operationId,
    attempt: 1,
    engineRun,
  });
  const first = { engineRun: 'run-1', activity: '1', engineAttempt: 1, inputs: {}, feedbackHash: 'h' };

  test('begins once and ends once, however often the engine repeats itself', async () => {
    const cluster = await createEntity(open.db, actor, 'cluster', {
      values: { name: 'once', kind: 'servers' },
      custom: {},
    });
    const own = plan('op-once', cluster.id);
    const request = { plan: own, input: {}, reason: '', idempotencyKey: 'key' };
    const results = await Promise.all([
      insertOperation(open.db, actor, request),
      insertOperation(open.db, actor, request),
    ]);
    expect(results.map(result => result.fresh).sort()).toEqual([false, true]);
    await beginOperation(open.db, runOf(own));
    await beginOperation(open.db, runOf(own));
    await endOperation(open.db, runOf(own), { state: 'succeeded', message: '', exitCode: 0 });
    await endOperation(open.db, runOf(own), { state: 'failed', message: 'too late', exitCode: 1 });
    const { rows } = await open.pool.query('select attempt, state, message from operations where id = $1', [
      own.operationId,
    ]);
    expect(rows).toEqual([{ attempt: 1, state: 'succeeded', message: '' }]);
    const states = await open.pool.query('select state from clusters where id = $1', [cluster.id]);
    expect(states.rows).toEqual([{ state: 'verified' }]);
  });

  test('never leaves a Task running when it has ended', async () => {
    const cluster = await createEntity(open.db, actor, 'cluster', {
      values: { name: 'crash', kind: 'servers' },
      custom: {},
    });
    const own = plan('op-crash', cluster.id);
    await insertOperation(open.db, actor, { plan: own, input: {}, reason: '', idempotencyKey: null });
    await beginOperation(open.db, runOf(own));
    await beginAttempt(open.db, { taskId: 'op-crash-preflight', ...first });
    await endOperation(open.db, runOf(own), { state: 'failed', message: 'The worker died.', exitCode: null });
    const [task] = await listTasks(open.db, [own.operationId]);
    expect(task).toMatchObject({ state: 'failed', message: 'The worker died.' });
  });

  test('keeps what a lost attempt has sent for the one that goes on with it, and nothing of one that is over', async () => {
    const cluster = await createEntity(open.db, actor, 'cluster', {
      values: { name: 'sent', kind: 'servers' },
      custom: {},
    });
    const own = plan('op-sent', cluster.id);
    await insertOperation(open.db, actor, { plan: own, input: {}, reason: '', idempotencyKey: null });
    await beginOperation(open.db, runOf(own));
    const taskId = 'op-sent-preflight';
    const outputs = async () => (await findTask(open.db, taskId)).outputs;
    await beginAttempt(open.db, { taskId, ...first });
    await addFeedbackOutputs(open.db, taskId, { size: 7 });
    const { id } = await beginAttempt(open.db, { taskId, ...first, engineAttempt: 2 });
    expect(await outputs()).toEqual({ size: 7 });
    const end = {
      attemptId: id,
      state: 'failed',
      exitCode: 1,
      changed: false,
      message: 'no',
      outputs: { size: 8 },
    } as const;
    const step = { taskId, taskType: 'probe', roots: {}, inputs: {}, outputs: [] } as unknown as RunnableStep;
    await endAttempt(open.db, actor, step, end);
    expect(await outputs()).toEqual({ size: 8 });
    await beginAttempt(open.db, { taskId, ...first, engineAttempt: 3 });
    expect(await outputs()).toEqual({});
  });

  test('numbers its lines without a gap, though several writers add at once', async () => {
    const cluster = await createEntity(open.db, actor, 'cluster', {
      values: { name: 'lines', kind: 'servers' },
      custom: {},
    });
    const own = plan('op-lines', cluster.id);
    await insertOperation(open.db, actor, { plan: own, input: {}, reason: '', idempotencyKey: null });
    await beginOperation(open.db, runOf(own));
    const attempt = await beginAttempt(open.db, { taskId: 'op-lines-preflight', ...first });
    const to = { root: own.operationId, attemptId: attempt.id, organisation: actor.organisation };
    const write = (writer: number) => async () => {
      for (let piece = 0; piece < 20; piece += 1) {
        const lines = Array.from({ length: (piece % 3) + 1 }, (_, line) => `${writer}.${piece}.${line}`);
        await appendLog(open.db, to, [{ lines, marks: [{ line: 1, kind: 'note', name: `${writer}.${piece}` }] }]);
      }
    };
    await Promise.all([1, 2, 3, 4].map(writer => write(writer)()));
    const chunks = await readLog(open.db, { operation: own.operationId }, { after: 0, limit: 1000 });
    let next = 1;
    for (const chunk of chunks) {
      expect(chunk.firstLine).toBe(next);
      expect(chunk.text.split('\n')).toHaveLength(chunk.lineCount);
      expect(chunk.marks[0]?.line).toBe(chunk.firstLine);
      next += chunk.lineCount;
    }
    expect(chunks.map(chunk => chunk.sequence)).toEqual([...chunks.map(chunk => chunk.sequence)].sort((a, b) => a - b));
    expect(chunks).toHaveLength(80);
  });
});
