// Rows of Tasks and their attempts. The end of a Task, the fields that its outputs set and its state are one transaction.

import { and, asc, desc, eq, gt, inArray, like, ne, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { isDict } from '../coerce.ts';
import type { CronRun } from '../cron-run.ts';
import { differencesOutput, type FoundDifference } from '../drift.ts';
import type { EntityKind } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { RunnableStep } from '../plan.ts';
import type { TaskState } from '../run.ts';
import type { Verdict } from '../verdict.ts';
import type { Actor } from './audit.ts';
import { recordCron } from './cron-runs.ts';
import type { Database, Db, Transaction } from './database.ts';
import { changeEntity } from './entities.ts';
import { notify } from './events.ts';
import { clearDifferences, recordDifferences } from './found-differences.ts';
import { createMade } from './made-entities.ts';
import { markRemoved } from './retentions.ts';
import { operations, presences, taskAttempts, tasks } from './schema/index.ts';
import { judgeBackup } from './verdicts.ts';

export type TaskRow = typeof tasks.$inferSelect;
export type AttemptRow = typeof taskAttempts.$inferSelect;

/** @param of these Operations. */
export async function listTasks(db: Db, of: string[]): Promise<(TaskRow & { attempts: AttemptRow[] })[]> {
  const rows = await db.select().from(tasks).where(inArray(tasks.operation, of)).orderBy(asc(tasks.position));
  if (rows.length === 0) return [];
  const ids = rows.map(row => row.id);
  const attempts = await db
    .select()
    .from(taskAttempts)
    .where(inArray(taskAttempts.task, ids))
    .orderBy(asc(taskAttempts.number));
  return rows.map(row => ({ ...row, attempts: attempts.filter(attempt => attempt.task === row.id) }));
}

export async function findTask(db: Db, id: string): Promise<TaskRow> {
  const [row] = await db.select().from(tasks).where(eq(tasks.id, id));
  if (!row) throw new AppError('not_found', `There is no Task ${id}.`);
  return row;
}

export interface AttemptBegin {
  taskId: string;
  /** Run of the engine in which it happens. */
  engineRun: string;
  /** Of that run: which of its activities, and which try of it. */
  activity: string;
  engineAttempt: number;
  inputs: Record<string, unknown>;
  feedbackHash: string;
}

/** What is recorded of the last try of an activity; null = none has begun. */
export interface RecordedTry {
  state: AttemptRow['state'];
  message: string;
  outputs: Record<string, unknown>;
  changed: boolean | null;
}

export async function findLastTry(
  db: Db,
  { taskId, engineRun, activity }: Pick<AttemptBegin, 'taskId' | 'engineRun' | 'activity'>,
): Promise<RecordedTry | null> {
  const [last] = await db
    .select({
      state: taskAttempts.state,
      message: taskAttempts.message,
      changed: taskAttempts.changed,
      outputs: tasks.outputs,
    })
    .from(taskAttempts)
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .where(and(eq(taskAttempts.task, taskId), like(taskAttempts.execution, `${engineRun}/${activity}/%`)))
    .orderBy(desc(taskAttempts.number))
    .limit(1);
  return last ?? null;
}

/**
 * A further attempt closes the earlier ones: whoever ran them is gone, or late. The same execution again is the same attempt.
 * @throws AppError conflict when this one is late itself: another run, or a later try, has taken over.
 */
export async function beginAttempt(db: Database, begin: AttemptBegin): Promise<AttemptRow> {
  return db.transaction(async tx => {
    const { taskId, feedbackHash } = begin;
    const execution = executionOf(begin);
    await refuseLate(tx, begin, execution);
    const message = 'The worker that ran this attempt went away.';
    const lost = await tx
      .update(taskAttempts)
      .set({ state: 'failed', endedAt: new Date(), message })
      .where(
        and(
          eq(taskAttempts.task, taskId),
          eq(taskAttempts.state, 'running'),
          sql`${taskAttempts.execution} is distinct from ${execution}`,
        ),
      )
      .returning({ id: taskAttempts.id });
    const next = sql<number>`(select coalesce(max(number), 0) + 1 from task_attempts where task = ${taskId})`;
    const [attempt] = await tx
      .insert(taskAttempts)
      .values({ id: ulid(), task: taskId, number: next, execution, state: 'running', feedbackHash })
      .onConflictDoUpdate({
        target: [taskAttempts.task, taskAttempts.execution],
        set: { state: 'running', feedbackHash },
      })
      .returning();
    if (!attempt) throw new AppError('internal', 'The attempt could not be written.');
    const started = {
      ...{ state: 'running' as const, inputs: begin.inputs, message: '', progress: null },
      // What a lost one has started may go on in a cluster: what it has sent counts then.
      ...(lost.length === 0 ? { outputs: {} } : {}),
    };
    await tx
      .update(tasks)
      .set({ ...started, ...(attempt.number === 1 ? { startedAt: new Date() } : {}) })
      .where(eq(tasks.id, taskId));
    await notifyTask(tx, taskId);
    return attempt;
  });
}

/** Sorts by the try within one activity. */
function executionOf({ engineRun, activity, engineAttempt }: AttemptBegin): string {
  return `${engineRun}/${activity}/${String(engineAttempt).padStart(9, '0')}`;
}

async function refuseLate(tx: Transaction, { taskId, engineRun, activity }: AttemptBegin, execution: string) {
  const [task] = await tx
    .select({ engineRun: operations.engineRun })
    .from(tasks)
    .innerJoin(operations, eq(operations.id, tasks.operation))
    .where(eq(tasks.id, taskId))
    .for('update');
  const [later] = await tx
    .select({ id: taskAttempts.id })
    .from(taskAttempts)
    .where(
      and(
        eq(taskAttempts.task, taskId),
        gt(taskAttempts.execution, execution),
        like(taskAttempts.execution, `${engineRun}/${activity}/%`),
      ),
    );
  if (later || task?.engineRun !== engineRun)
    throw new AppError('conflict', 'This attempt is late: a later one has taken over.');
}

export interface AttemptEnd {
  attemptId: string;
  /** `retrying`: the attempt failed and the engine will start another one. */
  state: Extract<TaskState, 'succeeded' | 'failed' | 'cancelled'> | 'retrying';
  exitCode: number | null;
  changed: boolean;
  message: string;
  outputs: Record<string, unknown>;
  /** Something of it may still run on its Server. */
  isLeft?: boolean;
  /** Of a Task that tells of the cron of many sites. */
  cronRuns?: CronRun[];
  /** Of a Task that compares. */
  differences?: FoundDifference[];
}

/** After this the attempt's feedback token is refused. An attempt that is over already stays as it is. */
export async function endAttempt(db: Database, actor: Actor, step: RunnableStep, end: AttemptEnd): Promise<void> {
  await db.transaction(async tx => {
    const { exitCode, changed, message } = end;
    const attemptState = end.state === 'retrying' ? 'failed' : end.state;
    const closed = await tx
      .update(taskAttempts)
      .set({
        state: attemptState,
        exitCode,
        changed,
        message,
        endedAt: new Date(),
        leftSince: end.isLeft ? new Date() : null,
      })
      .where(and(eq(taskAttempts.id, end.attemptId), eq(taskAttempts.state, 'running')))
      .returning();
    const [first] = closed;
    if (!first) return;
    const over =
      end.state === 'retrying'
        ? { message }
        : { state: end.state, message, changed, outputs: end.outputs, endedAt: new Date() };
    await tx.update(tasks).set(over).where(eq(tasks.id, step.taskId));
    if (end.state === 'succeeded' || end.state === 'failed') {
      await applyVerdict(tx, actor, step, end.outputs);
      const { state, outputs, cronRuns = [] } = end;
      await recordCron(tx, actor, step, { state, message, outputs, cronRuns, startedAt: first.startedAt });
    }
    if (end.state === 'succeeded') {
      await applyOutputs(tx, actor, step, end.outputs);
      await applyDifferences(tx, actor, step, end);
      if (step.undoes) await tx.update(tasks).set({ state: 'undone' }).where(eq(tasks.id, step.undoes));
    }
    await notifyTask(tx, step.taskId);
  });
}

/** Writes declared outputs to the fields that they set. */
async function applyOutputs(
  tx: Transaction,
  actor: Actor,
  step: RunnableStep,
  outputs: Record<string, unknown>,
): Promise<void> {
  const changes = new Map<EntityKind, { values: Record<string, unknown>; custom: Record<string, unknown> }>();
  for (const { name, sets } of step.outputs) {
    if (!sets || !(name in outputs)) continue;
    const [root = '', field = '', custom] = sets.split('.');
    if (root === 'presence') await setPresence(tx, step, outputs[name]);
    else {
      const kind = root as EntityKind;
      const change = changes.get(kind) ?? { values: {}, custom: {} };
      if (field === 'fields' && custom) change.custom[custom] = outputs[name];
      else change.values[field] = outputs[name];
      changes.set(kind, change);
    }
  }
  for (const { name, creates } of step.outputs)
    if (creates && isDict(outputs[name])) await createMade(tx, actor, { kind: creates, step, values: outputs[name] });
  for (const { name, removes } of step.outputs)
    if (removes && Array.isArray(outputs[name])) await markRemoved(tx, actor, step, outputs[name]);
  for (const [kind, change] of changes) {
    const id = step.roots[kind];
    if (id) await changeEntity(tx, actor, { kind, id, verb: step.taskType, ...change });
  }
}

async function applyVerdict(
  tx: Transaction,
  actor: Actor,
  step: RunnableStep,
  outputs: Record<string, unknown>,
): Promise<void> {
  for (const { name, judges } of step.outputs)
    if (judges && isDict(outputs[name])) await judgeBackup(tx, actor, step, outputs[name] as unknown as Verdict);
}

async function applyDifferences(
  tx: Transaction,
  actor: Actor,
  step: RunnableStep,
  { differences: found = [], outputs }: Pick<AttemptEnd, 'differences' | 'outputs'>,
): Promise<void> {
  if (step.keepsDifferences) {
    await tx.update(tasks).set({ differences: found }).where(eq(tasks.id, step.taskId));
    return;
  }
  if (!step.check) return clearDifferences(tx, actor, step, outputs[differencesOutput]);
  const { operation, subjectKind: kind, subjectId: id } = await findTask(tx, step.taskId);
  await recordDifferences(tx, actor, { of: { kind, id }, step, operation, found });
}

async function setPresence(tx: Transaction, step: RunnableStep, path: unknown): Promise<void> {
  const { release, server } = step.roots;
  if (!release || !server) return;
  if (typeof path === 'string' && path !== '') {
    await tx
      .insert(presences)
      .values({ release, server, path })
      .onConflictDoUpdate({ target: [presences.release, presences.server], set: { path } });
  } else {
    await tx.delete(presences).where(and(eq(presences.release, release), eq(presences.server, server)));
  }
}

export async function setKept(db: Db, taskId: string, kept: Record<string, string>): Promise<void> {
  await db.update(tasks).set({ kept }).where(eq(tasks.id, taskId));
}

export async function setProgress(
  db: Database,
  taskId: string,
  progress: { percent: number; label: string },
): Promise<void> {
  await db.transaction(async tx => {
    await tx.update(tasks).set({ progress }).where(eq(tasks.id, taskId));
    await notifyTask(tx, taskId);
  });
}

/** What goes on in a cluster keeps its token, whichever attempt follows it now. @param own of the attempt that follows it. */
export async function adoptFeedback(
  db: Db,
  { task, to, from, own }: { task: string; to: number; from: number; own: string },
): Promise<void> {
  const former = sql`(select feedback_hash from task_attempts where task = ${task} and number = ${from})`;
  await db
    .update(taskAttempts)
    .set({ feedbackHash: from === to ? own : sql`coalesce(${former}, feedback_hash)` })
    .where(and(eq(taskAttempts.task, task), eq(taskAttempts.number, to)));
}

/** As of those that a program writes: the engine's history takes payloads of 2 MiB. */
const longestOutputsBytes = 1024 * 1024;

/** Outputs that come by feedback; those that the backend reports at the end go over them. */
export async function addFeedbackOutputs(db: Db, taskId: string, outputs: Record<string, unknown>): Promise<void> {
  const merged = sql`${tasks.outputs} || ${JSON.stringify(outputs)}::jsonb`;
  const [taken] = await db
    .update(tasks)
    .set({ outputs: merged })
    .where(and(eq(tasks.id, taskId), sql`octet_length((${merged})::text) <= ${longestOutputsBytes}`))
    .returning({ id: tasks.id });
  if (taken) return;
  throw new AppError(
    'invalid',
    'Outputs of a Task may be 1 MiB together, and these are more. Put large data into a file and give its path.',
  );
}

/** Of an attempt that is over and with which nobody goes on. */
export async function forgetFeedbackOutputs(db: Db, taskId: string): Promise<void> {
  await db.update(tasks).set({ outputs: {} }).where(eq(tasks.id, taskId));
}

/** A running attempt by the hash of its feedback token, with what it may touch. */
export async function findFeedback(db: Db, taskId: string, feedbackHash: string) {
  const [row] = await db
    .select({ attempt: taskAttempts, task: tasks, operation: operations })
    .from(taskAttempts)
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .innerJoin(operations, eq(operations.id, tasks.root))
    .where(
      and(
        eq(taskAttempts.task, taskId),
        eq(taskAttempts.feedbackHash, feedbackHash),
        eq(taskAttempts.state, 'running'),
        ne(tasks.state, 'cancelled'),
      ),
    );
  return row ?? null;
}

async function notifyTask(tx: Transaction, taskId: string): Promise<void> {
  const [row] = await tx
    .select({ root: tasks.root, organisation: operations.organisation })
    .from(tasks)
    .innerJoin(operations, eq(operations.id, tasks.root))
    .where(eq(tasks.id, taskId));
  if (row) await notify(tx, { kind: 'operation', id: row.root, organisation: row.organisation });
}
