// Which Tasks of an Operation have ended without success: whatever their last attempts have left somewhere is over, too.

import { and, eq, inArray, isNull, max, ne, not, or, sql } from 'drizzle-orm';
import type { Db } from './database.ts';
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
