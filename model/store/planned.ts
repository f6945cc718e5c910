// What Tasks would do, as it was made before somebody approves it.

import { and, eq, inArray, isNotNull, isNull, or } from 'drizzle-orm';
import type { Planned } from '../plan.ts';
import type { Db } from './database.ts';
import { operations, tasks } from './schema/index.ts';

/** Nothing: there is none, the Task plans by itself. */
export async function approvedPlan(db: Db, taskId: string): Promise<string | undefined> {
  const [row] = await db.select({ planned: tasks.planned }).from(tasks).where(eq(tasks.id, taskId));
  return row?.planned?.token || undefined;
}

/** A run that is late writes nothing. */
export async function recordPlanned(
  db: Db,
  { taskId, root, engineRun }: { taskId: string; root: string; engineRun: string },
  planned: Planned,
): Promise<void> {
  // What asks before it begins may be quicker than whoever has started it.
  const isMine = or(eq(operations.engineRun, engineRun), isNull(operations.engineRun));
  const own = db
    .select({ id: operations.id })
    .from(operations)
    .where(and(eq(operations.id, root), isMine));
  await db
    .update(tasks)
    .set({ planned })
    .where(and(eq(tasks.id, taskId), inArray(tasks.root, own)));
}

/** Of an Operation with all that it contains. */
export async function listPlanned(db: Db, root: string): Promise<{ task: string; planned: Planned }[]> {
  const rows = await db
    .select({ task: tasks.id, planned: tasks.planned })
    .from(tasks)
    .where(and(eq(tasks.root, root), isNotNull(tasks.planned)));
  return rows.flatMap(({ task, planned }) => (planned ? [{ task, planned }] : []));
}
