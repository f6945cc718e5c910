// Rows of Terraform's states and plans: who works on a state, what it was before. The contents are secrets, sealed by whoever
// calls this.

import { and, desc, eq, getTableColumns, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { AppError } from '../errors.ts';
import type { SubjectReference } from '../plan.ts';
import type { Db, Transaction } from './database.ts';
import { secrets, tasks, terraformFormerStates, terraformPlans, terraformStates } from './schema/index.ts';

export type StateRow = typeof terraformStates.$inferSelect;

export interface StateKey {
  of: Pick<SubjectReference, 'kind' | 'id'>;
  taskType: string;
  organisation: string;
}

/** An attempt of a Task. */
export interface Holder {
  task: string;
  attempt: number;
}

/** What stood before each of the last ten changes: a mistake that is found later than that is not mended by going back. */
const mostFormer = 10;

const isOf = ({ of, taskType }: Pick<StateKey, 'of' | 'taskType'>) =>
  and(
    eq(terraformStates.entityKind, of.kind),
    eq(terraformStates.entityId, of.id),
    eq(terraformStates.taskType, taskType),
  );

const isHeldBy = ({ task, attempt }: Holder) =>
  and(eq(terraformStates.heldBy, task), eq(terraformStates.heldAttempt, attempt));

export async function findState(db: Db, key: StateKey): Promise<StateRow | null> {
  const [row] = await db.select().from(terraformStates).where(isOf(key));
  return row ?? null;
}

/**
 * The state for this attempt alone; null: another Task works on it. It is taken from an earlier attempt of the same Task, and from
 * one of which everybody knows that it is over.
 */
export async function holdState(tx: Transaction, key: StateKey, holder: Holder): Promise<StateRow | null> {
  const { of, taskType, organisation } = key;
  const row = { entityKind: of.kind, entityId: of.id, taskType, organisation, serial: 0, resources: 0 };
  await tx.insert(terraformStates).values(row).onConflictDoNothing();
  const isOver = sql`not exists (
    select from task_attempts a where a.task = ${terraformStates.heldBy} and a.number = ${terraformStates.heldAttempt}
      and (a.state = 'running' or a.left_since is not null))`;
  const isEarlier = sql`${terraformStates.heldBy} = ${holder.task} and ${terraformStates.heldAttempt} <= ${holder.attempt}`;
  const isOthers = sql`${terraformStates.heldBy} <> ${holder.task} and ${isOver}`;
  const [held] = await tx
    .update(terraformStates)
    .set({ heldBy: holder.task, heldAttempt: holder.attempt, heldSince: new Date() })
    .where(and(isOf(key), or(isNull(terraformStates.heldBy), isEarlier, isOthers)))
    .returning();
  return held ?? null;
}

/** Which Task works on it, for people: `“Make a bucket” of the Operation 01J…`. */
export async function holderOf(db: Db, key: StateKey): Promise<string> {
  const [row] = await db
    .select({ title: tasks.title, root: tasks.root })
    .from(terraformStates)
    .innerJoin(tasks, eq(tasks.id, terraformStates.heldBy))
    .where(isOf(key));
  return row ? `“${row.title}” of the Operation ${row.root}` : 'nobody any more';
}

export async function isStateHeld(db: Db, key: StateKey, holder: Holder): Promise<boolean> {
  const [row] = await db
    .select({ task: terraformStates.heldBy })
    .from(terraformStates)
    .where(and(isOf(key), isHeldBy(holder)));
  return row !== undefined;
}

export interface NewState {
  /** Sealed by now; null = there is nothing any more. */
  secret: string | null;
  serial: number;
  resources: number;
}

/** What stood there before this Task is kept. @throws AppError conflict when somebody else works on it by now. */
export async function writeState(tx: Transaction, key: StateKey, holder: Holder, state: NewState): Promise<StateRow> {
  const [before] = await tx
    .select()
    .from(terraformStates)
    .where(and(isOf(key), isHeldBy(holder)))
    .for('update');
  if (!before) throw new AppError('conflict', 'A later attempt, or another Task, works on this state by now.');
  const madeBy = state.resources === 0 ? null : before.resources === 0 ? holder.task : before.madeBy;
  const [row] = await tx
    .update(terraformStates)
    .set({ ...state, madeBy, changedBy: holder.task, changedAt: new Date() })
    .where(isOf(key))
    .returning();
  if (before.secret && before.changedBy !== holder.task)
    await keepFormer(tx, key, { ...before, secret: before.secret }, holder);
  else if (before.secret) await tx.delete(secrets).where(eq(secrets.id, before.secret));
  return row ?? before;
}

async function keepFormer(
  tx: Transaction,
  { of, taskType, organisation }: StateKey,
  { secret, serial, resources }: Pick<StateRow, 'serial' | 'resources'> & { secret: string },
  { task }: Holder,
): Promise<void> {
  const which = { entityKind: of.kind, entityId: of.id, taskType, organisation };
  await tx.insert(terraformFormerStates).values({ id: ulid(), ...which, secret, serial, resources, replacedBy: task });
  const former = terraformFormerStates;
  const older = await tx
    .select({ id: former.id })
    .from(former)
    .where(and(eq(former.entityKind, of.kind), eq(former.entityId, of.id), eq(former.taskType, taskType)))
    .orderBy(desc(former.id))
    .offset(mostFormer);
  await removeFormer(tx, inArray(former.id, ['', ...older.map(({ id }) => id)]));
}

async function removeFormer(tx: Transaction, which: SQL | undefined): Promise<void> {
  const gone = await tx.delete(terraformFormerStates).where(which).returning({ secret: terraformFormerStates.secret });
  await removeSecrets(tx, gone);
}

async function removeSecrets(tx: Transaction, rows: { secret: string | null }[]): Promise<void> {
  const ids = rows.flatMap(({ secret }) => secret ?? []);
  if (ids.length > 0) await tx.delete(secrets).where(inArray(secrets.id, ids));
}

export type FormerRow = Omit<typeof terraformFormerStates.$inferSelect, 'secret' | 'organisation'>;

export async function listStates(db: Db, { kind, id }: StateKey['of']): Promise<StateRow[]> {
  const { entityKind, entityId, taskType } = terraformStates;
  return db
    .select()
    .from(terraformStates)
    .where(and(eq(entityKind, kind), eq(entityId, id)))
    .orderBy(taskType);
}

/** Of all Task types, the latest first. */
export async function listFormer(db: Db, { kind, id }: StateKey['of']): Promise<FormerRow[]> {
  const { secret: _secret, organisation: _organisation, ...columns } = getTableColumns(terraformFormerStates);
  return db
    .select(columns)
    .from(terraformFormerStates)
    .where(and(eq(terraformFormerStates.entityKind, kind), eq(terraformFormerStates.entityId, id)))
    .orderBy(desc(terraformFormerStates.id));
}

/** Stands for a Task in a state that a person has put there: it was made by none, so no undo destroys it. */
export const restoredWord = 'restored';

/**
 * Puts a former state into the place of the present one, which becomes a former one itself.
 * @throws AppError not_found, or conflict while a Task works on it.
 */
export async function restoreState(tx: Transaction, of: StateKey['of'], former: string): Promise<FormerRow> {
  const table = terraformFormerStates;
  const [found] = await tx
    .delete(table)
    .where(and(eq(table.id, former), eq(table.entityKind, of.kind), eq(table.entityId, of.id)))
    .returning();
  if (!found) throw new AppError('not_found', 'There is no such former state. List them first.');
  const { taskType, organisation, secret, serial, resources } = found;
  const [present] = await tx.select().from(terraformStates).where(isOf({ of, taskType })).for('update');
  if (present?.heldBy)
    throw new AppError(
      'conflict',
      `${await holderOf(tx, { of, taskType, organisation })} works on it: wait for its end.`,
    );
  const by = { task: restoredWord, attempt: 0 };
  if (present?.secret) await keepFormer(tx, { of, taskType, organisation }, { ...present, secret: present.secret }, by);
  await tx
    .update(terraformStates)
    .set({ secret, serial, resources, madeBy: by.task, changedBy: by.task, changedAt: new Date() })
    .where(isOf({ of, taskType }));
  return found;
}

/** Of this attempt of the Task, and of all before it. */
export async function releaseStates(db: Db, { task, attempt }: Holder): Promise<void> {
  await db
    .update(terraformStates)
    .set({ heldBy: null, heldAttempt: null, heldSince: null })
    .where(and(eq(terraformStates.heldBy, task), sql`${terraformStates.heldAttempt} <= ${attempt}`));
}

/** Of an entity that is gone, or of one of its Task types: nothing is left that a state could tell of. */
export async function forgetStates(tx: Transaction, { kind, id }: StateKey['of'], taskType?: string): Promise<void> {
  const former = terraformFormerStates;
  await removeFormer(
    tx,
    and(eq(former.entityKind, kind), eq(former.entityId, id), taskType ? eq(former.taskType, taskType) : undefined),
  );
  const states = terraformStates;
  const gone = await tx
    .delete(states)
    .where(
      and(eq(states.entityKind, kind), eq(states.entityId, id), taskType ? eq(states.taskType, taskType) : undefined),
    )
    .returning({ secret: states.secret });
  await removeSecrets(tx, gone);
}

/** What Terraform still has there, by Task type. */
export async function listManaged(
  db: Db,
  { kind, id }: StateKey['of'],
): Promise<Pick<StateRow, 'taskType' | 'resources'>[]> {
  const { taskType, resources, entityKind, entityId } = terraformStates;
  return db
    .select({ taskType, resources })
    .from(terraformStates)
    .where(and(eq(entityKind, kind), eq(entityId, id), sql`${resources} > 0`))
    .orderBy(taskType);
}

/** What was made for a place goes with it to the other side. */
export async function exchangeStates(
  tx: Transaction,
  kind: StateKey['of']['kind'],
  one: string,
  other: string,
): Promise<void> {
  for (const table of [terraformStates, terraformFormerStates]) {
    const { entityId, entityKind } = table;
    const move = (from: string, to: string) =>
      tx
        .update(table)
        .set({ entityId: to })
        .where(and(eq(entityKind, kind), eq(entityId, from)));
    // No entity has this id: the key would be taken on the way.
    const between = `${one}-${other}`;
    await move(one, between);
    await move(other, one);
    await move(between, other);
  }
}

export async function keepPlan(tx: Transaction, plan: { task: string; token: string; secret: string }): Promise<void> {
  await removePlans(tx, eq(terraformPlans.task, plan.task));
  await tx.insert(terraformPlans).values(plan);
}

/** The secret that it is; null = there is none with this token. */
export async function findPlan(db: Db, { task, token }: { task: string; token: string }): Promise<string | null> {
  const [row] = await db
    .select({ secret: terraformPlans.secret })
    .from(terraformPlans)
    .where(and(eq(terraformPlans.task, task), eq(terraformPlans.token, token)));
  return row?.secret ?? null;
}

/** Of an Operation that is over, with all that it contains. */
export async function forgetPlans(tx: Transaction, root: string): Promise<void> {
  const own = tx.select({ id: tasks.id }).from(tasks).where(eq(tasks.root, root));
  await removePlans(tx, inArray(terraformPlans.task, own));
}

async function removePlans(tx: Transaction, which: SQL): Promise<void> {
  await removeSecrets(tx, await tx.delete(terraformPlans).where(which).returning({ secret: terraformPlans.secret }));
}
