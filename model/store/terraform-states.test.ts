// Rows of Terraform's states: one Task at a time, former ones, and what goes with what.

import { ulid } from 'ulid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { ensureFirstAdministrator } from './people.ts';
import { organisations } from './schema/index.ts';
import {
  exchangeStates,
  findState,
  forgetStates,
  type Holder,
  holderOf,
  holdState,
  isStateHeld,
  listFormer,
  listManaged,
  releaseStates,
  restoreState,
  type StateKey,
  writeState,
} from './terraform-states.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let key: StateKey;
const query = <T extends object>(text: string, values: unknown[] = []) => open.pool.query<T>(text, values);

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await migrateDatabase(open);
  await ensureFirstAdministrator(open.db);
  const organisation = (await open.db.select().from(organisations))[0]?.id ?? '';
  key = { of: { kind: 'environment', id: 'blog' }, taskType: 'make_bucket', organisation };
});

afterAll(async () => {
  await open?.close();
  await database?.drop();
});

beforeEach(() =>
  query('truncate terraform_states, terraform_former_states, task_attempts, tasks, operations, secrets cascade'),
);

/** A running attempt of a Task of its own. */
async function addTask(): Promise<Holder> {
  const [operation, task] = [ulid(), ulid()];
  await query(
    `insert into operations (id, organisation, type, title, subject_kind, subject_id, subject_name, state, input, started_by)
     values ($1, $2, 'o', 'O', 'environment', 'blog', 'blog', 'running', '{}', 'ada')`,
    [operation, key.organisation],
  );
  await query(
    `insert into tasks (id, operation, root, position, step, depth, "within", type, version, title, target, subject_kind, subject_id, state)
     values ($1, $2, $2, 1, 's', 1, '[]', 'make_bucket', 'v', 'Make a bucket', 'worker', 'environment', 'blog', 'running')`,
    [task, operation],
  );
  await addAttempt(task, 1);
  return { task, attempt: 1 };
}

const addAttempt = (task: string, number: number) =>
  query(`insert into task_attempts (id, task, number, state, feedback_hash) values ($1, $2, $3, 'running', '')`, [
    ulid(),
    task,
    number,
  ]);

const endAttempt = ({ task, attempt }: Holder, left = false) =>
  query(`update task_attempts set state = 'failed', left_since = $3 where task = $1 and number = $2`, [
    task,
    attempt,
    left ? new Date() : null,
  ]);

const hold = async (holder: Holder) => (await open.db.transaction(tx => holdState(tx, key, holder))) !== null;

async function write(holder: Holder, resources: number): Promise<string> {
  const id = ulid();
  await query(`insert into secrets (id, organisation, sealed) values ($1, $2, 'sealed')`, [id, key.organisation]);
  await open.db.transaction(tx => writeState(tx, key, holder, { secret: id, serial: resources, resources }));
  return id;
}

const secretsLeft = async () =>
  (await query<{ id: string }>('select id from secrets order by id')).rows.map(({ id }) => id);

test('one Task at a time has a state; it goes over when everybody knows that the other one is over', async () => {
  const [one, two] = [await addTask(), await addTask()];
  expect(await hold(one)).toBe(true);
  expect(await hold(one)).toBe(true);
  expect(await hold(two)).toBe(false);
  expect(await holderOf(open.db, key)).toMatch(/^“Make a bucket” of the Operation 01/);
  // Whether something of it still runs is not known.
  await endAttempt(one, true);
  expect(await hold(two)).toBe(false);
  await endAttempt(one);
  expect(await hold(two)).toBe(true);
  await expect(write(one, 1)).rejects.toMatchObject({ code: 'conflict' });
  expect(await hold(one)).toBe(false);
  await releaseStates(open.db, two);
  expect(await holderOf(open.db, key)).toBe('nobody any more');
});

test('a later attempt takes it from an earlier one of the same Task, never the other way round', async () => {
  const first = await addTask();
  await hold(first);
  const second = { ...first, attempt: 2 };
  await addAttempt(first.task, 2);
  expect(await hold(second)).toBe(true);
  expect(await hold(first)).toBe(false);
  expect([await isStateHeld(open.db, key, first), await isStateHeld(open.db, key, second)]).toEqual([false, true]);
  await expect(write(first, 1)).rejects.toMatchObject({ code: 'conflict' });
  // The end of the earlier attempt takes nothing from the later one.
  await releaseStates(open.db, first);
  expect(await isStateHeld(open.db, key, second)).toBe(true);
});

test('it knows which Task has made it from nothing, and keeps what stood before each of the last ten', async () => {
  const maker = await addTask();
  await hold(maker);
  await write(maker, 1);
  const last = await write(maker, 2);
  // Of one Task the last write counts.
  expect(await secretsLeft()).toEqual([last]);
  expect(await findState(open.db, key)).toMatchObject({ madeBy: maker.task, changedBy: maker.task, secret: last });
  await releaseStates(open.db, maker);
  for (let number = 1; number <= 12; number += 1) {
    const other = await addTask();
    await hold(other);
    await write(other, 2 + number);
    await releaseStates(open.db, other);
  }
  expect(await findState(open.db, key)).toMatchObject({ madeBy: maker.task, resources: 14 });
  expect((await listFormer(open.db, key.of)).map(({ resources }) => resources)).toEqual([
    13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
  ]);
  expect((await secretsLeft()).length).toBe(11);
  expect(await listManaged(open.db, key.of)).toEqual([{ taskType: 'make_bucket', resources: 14 }]);
});

test('a former one is put back, and the present one becomes a former one; not while a Task works on it', async () => {
  const [one, two] = [await addTask(), await addTask()];
  await hold(one);
  await write(one, 1);
  await releaseStates(open.db, one);
  await hold(two);
  await write(two, 5);
  const [former] = await listFormer(open.db, key.of);
  const restore = (id = former?.id ?? '', of = key.of) => open.db.transaction(tx => restoreState(tx, of, id));
  await expect(restore()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('works on it') });
  await releaseStates(open.db, two);
  await expect(restore(former?.id, { kind: 'environment', id: 'another' })).rejects.toMatchObject({
    code: 'not_found',
  });
  await restore();
  expect(await findState(open.db, key)).toMatchObject({ resources: 1, madeBy: 'restored', changedBy: 'restored' });
  expect((await listFormer(open.db, key.of)).map(({ resources }) => resources)).toEqual([5]);
});

test('it goes with its place to the other side, and is gone with its entity', async () => {
  const one = await addTask();
  await hold(one);
  await write(one, 1);
  await releaseStates(open.db, one);
  const two = await addTask();
  await hold(two);
  await write(two, 2);
  await releaseStates(open.db, two);
  await open.db.transaction(tx => exchangeStates(tx, 'environment', 'blog', 'side'));
  expect(await listManaged(open.db, key.of)).toEqual([]);
  const side = { kind: 'environment' as const, id: 'side' };
  expect(await listManaged(open.db, side)).toEqual([{ taskType: 'make_bucket', resources: 2 }]);
  expect((await listFormer(open.db, side)).length).toBe(1);
  await open.db.transaction(tx => forgetStates(tx, side));
  expect(await secretsLeft()).toEqual([]);
});
