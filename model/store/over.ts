// Which Tasks of an Operation have ended without success: whatever their last attempts have left somewhere is over, too.

import { and, desc, eq, inArray, isNull, lt, max, ne, not, or, sql } from 'drizzle-orm';
import { type Plan, plansOf, type RunnableStep, runnablesOf } from '../plan.ts';
import type { Db } from './database.ts';
import { findOperation } from './operations.ts';
import { operations, taskAttempts, tasks } from './schema/index.ts';

/** But for the given Task, whose own attempts follow each other. One that is tried again by itself is not among them. */
export async function listEndedInVain(
  db: Db,
  { root, except }: { root: string; except: string },
): Promise<{ task: string; attempt: number }[]> {
  const rows = await db
    .select({ task: tasks.id, attempt: max(taskAttempts.number) })
    .from(taskAttempts)
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .where(and(eq(tasks.root, root), ne(tasks.id, except), inArray(tasks.state, ['failed', 'skipped', 'cancelled'])))
    .groupBy(tasks.id);
  return rows.map(({ task, attempt }) => ({ task, attempt: attempt ?? 0 }));
}

/** Last attempts within one Operation of which nobody has told how they ended. None for a run that is late: what it sees
 * belongs to the one after it. */
export async function listUntold(
  db: Db,
  { operation, engineRun }: { operation: string; engineRun: string },
): Promise<{ task: string; id: string; number: number }[]> {
  const isUntold = or(
    eq(taskAttempts.state, 'running'),
    and(eq(taskAttempts.state, 'failed'), isNull(taskAttempts.exitCode)),
  );
  const later = sql`exists (select from task_attempts later where later.task = ${taskAttempts.task} and later.number > ${taskAttempts.number})`;
  return db
    .select({ task: tasks.id, id: taskAttempts.id, number: taskAttempts.number })
    .from(taskAttempts)
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .innerJoin(operations, eq(operations.id, tasks.operation))
    .where(and(eq(operations.id, operation), eq(operations.engineRun, engineRun), isUntold, not(later)));
}

/** Earlier attempts of a Task of which nobody has told how they ended. */
export async function listUntoldAttempts(
  db: Db,
  { task, before }: { task: string; before: number },
): Promise<number[]> {
  const isUntold = and(eq(taskAttempts.state, 'failed'), isNull(taskAttempts.exitCode));
  const rows = await db
    .select({ number: taskAttempts.number })
    .from(taskAttempts)
    .where(and(eq(taskAttempts.task, task), lt(taskAttempts.number, before), isUntold))
    .orderBy(taskAttempts.number);
  return rows.map(({ number }) => number);
}

/** An attempt of which something may still run on its Server. */
export interface Left {
  plan: Pick<Plan, 'operationId' | 'organisation' | 'startedBy' | 'subject'>;
  root: string;
  step: RunnableStep | undefined;
  attempt: { id: string; number: number };
}

/** What a Server has kept for so long is nobody's any more: it was set up anew, or is gone. */
const longestDays = 7;

/** The last ones first; no more than a round of looking after them takes. */
export async function listLeft(db: Db): Promise<Left[]> {
  const rows = await db
    .select({
      task: tasks.id,
      root: tasks.root,
      operation: tasks.operation,
      id: taskAttempts.id,
      number: taskAttempts.number,
    })
    .from(taskAttempts)
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .where(sql`${taskAttempts.leftSince} > now() - make_interval(days => ${longestDays})`)
    .orderBy(desc(taskAttempts.leftSince))
    .limit(100);
  return Promise.all(
    rows.map(async ({ task, root, operation, ...attempt }) => {
      const { plan } = await findOperation(db, root);
      const own = plan && [...plansOf(plan)].find(each => each.plan.operationId === operation)?.plan;
      const step = plan ? [...runnablesOf(plan)].find(({ taskId }) => taskId === task) : undefined;
      return own ? [{ plan: own, root, step, attempt }] : [];
    }),
  ).then(found => found.flat());
}

export async function noteLeft(db: Db, attempt: string, isLeft: boolean): Promise<void> {
  const leftSince = isLeft ? new Date() : null;
  await db.update(taskAttempts).set({ leftSince }).where(eq(taskAttempts.id, attempt));
}
