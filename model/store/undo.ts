// The begin of an undo: which Tasks are to be taken back, in which order, and which cannot be.

import { and, eq, inArray, max, sql } from 'drizzle-orm';
import { type Plan, tasksOf } from '../plan.ts';
import { type DoneStep, isUndoable, stepsLeft, type UndoableStep } from '../undo.ts';
import type { Database, Db, Transaction } from './database.ts';
import { notifyUpwards, type RunOf } from './operation-run.ts';
import { operations, tasks } from './schema/index.ts';

export interface UndoPlan {
  /** Undo Tasks by id, in the order in which they are carried out. */
  order: string[];
  /** Outputs of the Tasks that are done: undo Tasks are bound to them. */
  outputs: Record<string, Record<string, unknown>>;
  /** Titles of steps that have changed something and cannot be undone. */
  left: string[];
}

/** @param plan the whole one. Called again, it answers what is still to be undone. */
export async function beginUndo(db: Database, run: RunOf, plan: Plan): Promise<UndoPlan> {
  return db.transaction(async tx => {
    const [row] = await tx
      .update(operations)
      .set({ state: 'undoing' })
      .where(and(eq(operations.id, plan.operationId), eq(operations.engineRun, run.engineRun)))
      .returning();
    const done = await listDone(tx, plan);
    const undone = done.filter(isUndoable);
    await insertUndoTasks(tx, run, undone);
    if (row) await notifyUpwards(tx, row);
    return {
      order: undone.map(({ step }) => step.undo.taskId),
      outputs: Object.fromEntries(done.map(({ step, outputs }) => [step.taskId, outputs])),
      left: stepsLeft(done).map(({ step }) => step.title),
    };
  });
}

/** What is done and not undone, the last first. */
export async function listDone(db: Db, plan: Plan): Promise<DoneStep[]> {
  const all = [...tasksOf(plan)].reverse();
  if (all.length === 0) return [];
  const rows = await db
    .select({ id: tasks.id, outputs: tasks.outputs, changed: tasks.changed, formerState: operations.formerState })
    .from(tasks)
    .innerJoin(operations, eq(operations.id, tasks.operation))
    .where(
      and(
        inArray(
          tasks.id,
          all.map(({ step }) => step.taskId),
        ),
        eq(tasks.state, 'succeeded'),
      ),
    );
  return all.flatMap(entry => {
    const row = rows.find(({ id }) => id === entry.step.taskId);
    const { outputs = {}, changed = false, formerState = null } = row ?? {};
    return row ? [{ ...entry, outputs, changed: changed === true, formerState }] : [];
  });
}

/** They are Tasks of the Operation that undoes, also for steps of nested ones. */
async function insertUndoTasks(tx: Transaction, run: RunOf, undone: UndoableStep[]): Promise<void> {
  const { root } = run;
  if (undone.length === 0) return;
  const [last] = await tx
    .select({ position: max(tasks.position) })
    .from(tasks)
    .where(eq(tasks.root, root));
  const values = undone.map(({ step: { undo }, plan, within }, index) => ({
    id: undo.taskId,
    operation: run.plan.operationId,
    root,
    position: (last?.position ?? 0) + index + 1,
    step: undo.id,
    depth: within.length,
    within,
    type: undo.taskType,
    version: undo.version,
    title: undo.title,
    target: undo.server?.name ?? 'worker',
    subjectKind: plan.subject.kind,
    subjectId: plan.subject.id,
    undoes: undo.undoes,
  }));
  await tx
    .insert(tasks)
    .values(values)
    .onConflictDoUpdate({
      target: tasks.id,
      set: {
        ...{ state: 'pending', message: '', skippedBy: null, endedAt: null },
        operation: run.plan.operationId,
        position: sql`excluded.position`,
      },
    });
}
