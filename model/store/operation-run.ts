// What a run of the engine does to the row of its Operation: begins it, ends it. Only the run that the row names may write,
// and everything can be repeated without harm, because the engine repeats activities whose answer was lost.

import { and, eq, inArray, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { Plan } from '../plan.ts';
import { openStates } from '../run.ts';
import { recordChange } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { changeEntity, findState } from './entities.ts';
import { forgetNames } from './environment-names.ts';
import { notify } from './events.ts';
import { endCheck } from './found-differences.ts';
import { noticeEnd } from './notices.ts';
import type { OperationRow } from './operations.ts';
import { operations, taskAttempts, tasks } from './schema/index.ts';
import { reviveSide, settleSide } from './sides.ts';
import { forgetPlans } from './terraform-states.ts';
import { settleThrowaway } from './throwaways.ts';

/** The run that acts. */
export interface RunOf {
  /** The plan without its steps. */
  plan: Plan;
  root: string;
  attempt: number;
  engineRun: string;
}

export interface FinishedTask {
  outputs: Record<string, unknown>;
  changed: boolean;
}

/** Tasks that need not run again, by id: those that succeeded, and those that somebody has skipped. */
export type FinishedTasks = Record<string, FinishedTask>;

/**
 * The begin of a run, first or resumed; answers what earlier ones have finished.
 * @throws AppError conflict when the row belongs to another run.
 */
export async function beginOperation(db: Database, run: RunOf): Promise<FinishedTasks> {
  const { plan, attempt, engineRun } = run;
  await db.transaction(async tx => {
    const isMine = eq(operations.engineRun, engineRun);
    const isDue = and(eq(operations.state, 'queued'), eq(operations.attempt, attempt));
    // A nested one is begun by its outer run alone, also after it was lost in the middle.
    const isNested = and(isNotNull(operations.parent), sql`${operations.state} <> 'succeeded'`);
    const [row] = await tx
      .update(operations)
      .set({ state: 'running', attempt, engineRun, startedAt: sql`coalesce(${operations.startedAt}, now())` })
      .where(and(eq(operations.id, plan.operationId), or(isMine, isDue, isNested)))
      .returning();
    if (!row) throw new AppError('conflict', 'This run does not belong to the Operation any more.');
    if (row.formerState === null) {
      const formerState = await findState(tx, plan.subject);
      await tx.update(operations).set({ formerState }).where(eq(operations.id, row.id));
    }
    await reviveSide(tx, plan);
    await setSubject(tx, plan, plan.states.begin);
    await notifyUpwards(tx, row);
  });
  return finishedTasks(db, run.root);
}

export async function finishedTasks(db: Db, root: string): Promise<FinishedTasks> {
  const rows = await db
    .select({ id: tasks.id, outputs: tasks.outputs, changed: tasks.changed })
    .from(tasks)
    .where(and(eq(tasks.root, root), or(eq(tasks.state, 'succeeded'), isNotNull(tasks.skippedBy))));
  return Object.fromEntries(rows.map(({ id, outputs, changed }) => [id, { outputs, changed: changed === true }]));
}

export interface OperationEnd {
  state: 'succeeded' | 'failed' | 'cancelled';
  message: string;
  exitCode: number | null;
  /** Everything was undone: the subject is what it was before. */
  restored?: boolean;
}

/** The end of a run: Tasks that never ended are ended with it, the subject gets its state. Harmless when over. */
export async function endOperation(db: Database, run: RunOf, end: OperationEnd): Promise<void> {
  // One that was cancelled before it began may not have been noted yet.
  const isMine = or(eq(operations.engineRun, run.engineRun), isNull(operations.engineRun));
  await db.transaction(async tx => close(tx, run.plan, end, and(isMine, eq(operations.attempt, run.attempt))));
}

/** For runs that can no longer say it themselves. */
export async function endLostOperation(db: Db, plan: Plan, end: OperationEnd): Promise<void> {
  await db.transaction(async tx => {
    // Nobody has ended what its Tasks were at.
    await tx
      .update(taskAttempts)
      .set({ leftSince: new Date() })
      .where(and(eq(taskAttempts.state, 'running'), inArray(taskAttempts.task, ownTasks(tx, plan.operationId))));
    await close(tx, plan, end);
  });
}

function ownTasks(tx: Transaction, operation: string) {
  return tx.select({ id: tasks.id }).from(tasks).where(eq(tasks.operation, operation));
}

async function close(tx: Transaction, plan: Plan, { restored, ...end }: OperationEnd, onlyIf?: SQL): Promise<void> {
  const [row] = await tx
    .update(operations)
    .set({ ...end, endedAt: new Date(), attention: null })
    .where(and(eq(operations.id, plan.operationId), inArray(operations.state, [...openStates]), onlyIf))
    .returning();
  if (!row) return;
  await closeTasks(tx, plan, end);
  if (end.state !== 'cancelled') await endCheck(tx, plan);
  await releaseNames(tx, plan);
  // One that never began, as nobody has approved it or it was cancelled, has touched nothing.
  const isAsBefore = restored || row.startedAt === null || (end.state !== 'succeeded' && !(await hasTouched(tx, plan)));
  const state = isAsBefore ? (row.formerState ?? undefined) : plan.states[end.state];
  const succeeded = end.state === 'succeeded';
  await settleSide(tx, plan, { succeeded, isUndone: restored === true });
  await settleThrowaway(tx, plan);
  await forgetPlans(tx, plan.operationId);
  await setSubject(tx, plan, state, succeeded ? plan.sets : undefined);
  const object = { kind: 'operation' as const, id: row.id, name: `${plan.title} ${plan.subject.name}` };
  const actor = { name: plan.startedBy, organisation: plan.organisation };
  await recordChange(tx, actor, { verb: end.state, object, after: { message: end.message } });
  await noticeEnd(tx, row);
  await notifyUpwards(tx, row);
}

/** Names that nobody else was to take meanwhile; of its success they are the subject's. */
async function releaseNames(tx: Transaction, plan: Plan): Promise<void> {
  if (!(await forgetNames(tx, plan.operationId))) return;
  const actor = { name: plan.startedBy, organisation: plan.organisation };
  await changeEntity(tx, actor, { ...plan.subject, verb: plan.type });
}

/** Whether its subject may be another one than before. */
async function hasTouched(tx: Transaction, { operationId, touchesFrom }: Plan): Promise<boolean> {
  if (!touchesFrom) return true;
  const [begun] = await tx
    .select({ id: tasks.id })
    .from(tasks)
    .where(and(eq(tasks.operation, operationId), eq(tasks.step, touchesFrom), isNotNull(tasks.startedAt)))
    .limit(1);
  return begun !== undefined;
}

async function closeTasks(tx: Transaction, plan: Plan, end: OperationEnd): Promise<void> {
  await closeRunningTasks(tx, plan.operationId, end);
  await closeNotBegun(tx, plan.operationId, end.state);
}

/** Its own Tasks, and nested Operations with theirs. */
async function closeNotBegun(tx: Transaction, operation: string, state: OperationEnd['state']): Promise<void> {
  const message = 'Not run.';
  await tx
    .update(tasks)
    .set({ state: state === 'cancelled' ? 'cancelled' : 'skipped', message })
    .where(and(eq(tasks.operation, operation), eq(tasks.state, 'pending')));
  const nested = await tx
    .update(operations)
    .set({ state: 'cancelled', message, endedAt: new Date() })
    .where(and(eq(operations.parent, operation), eq(operations.state, 'queued')))
    .returning({ id: operations.id });
  for (const { id } of nested) await closeNotBegun(tx, id, state);
}

/**
 * Tasks of which nobody has said the end: their worker was lost, or their run terminated. Whoever still works on one hears it
 * from the engine; its feedback token is refused from here on.
 */
export async function closeRunningTasks(
  tx: Transaction,
  operation: string,
  { state, message }: Pick<OperationEnd, 'state' | 'message'>,
): Promise<void> {
  const endedAt = new Date();
  const ofThis = eq(tasks.operation, operation);
  const interrupted = state === 'cancelled' ? 'cancelled' : 'failed';
  await tx
    .update(taskAttempts)
    .set({ endedAt, state: interrupted, message })
    .where(and(inArray(taskAttempts.task, ownTasks(tx, operation)), eq(taskAttempts.state, 'running')));
  await tx
    .update(tasks)
    .set({ endedAt, state: interrupted, message: sql`coalesce(nullif(${tasks.message}, ''), ${message})` })
    .where(and(ofThis, eq(tasks.state, 'running')));
}

async function setSubject(
  tx: Transaction,
  plan: Plan,
  state: string | undefined,
  values: Record<string, unknown> = {},
): Promise<void> {
  if (!state && Object.keys(values).length === 0) return;
  const actor = { name: plan.startedBy, organisation: plan.organisation };
  await changeEntity(tx, actor, { ...plan.subject, verb: plan.type, values, ...(state ? { state } : {}) });
}

/** The pages of the outer Operations show it too. */
export async function notifyUpwards(tx: Transaction, row: OperationRow): Promise<void> {
  for (const { id, organisation } of [row, ...(await ancestorsOf(tx, row))])
    await notify(tx, { kind: 'operation', id, organisation });
}

/** From the next outer one to the outermost. */
export async function ancestorsOf(tx: Transaction, row: OperationRow): Promise<OperationRow[]> {
  if (!row.parent) return [];
  const [parent] = await tx.select().from(operations).where(eq(operations.id, row.parent));
  return parent ? [parent, ...(await ancestorsOf(tx, parent))] : [];
}
