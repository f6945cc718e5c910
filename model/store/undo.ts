// The begin of an undo: which Tasks are to be taken back, in which order, and which cannot be.

import { and, eq, inArray, isNotNull, max, or, sql } from 'drizzle-orm';
import { type Plan, placeOfStep, tasksOf, undosOf } from '../plan.ts';
import { type DoneStep, isUndoable, stepsLeft, type UndoableStep } from '../undo.ts';
import type { Database, Db, Transaction } from './database.ts';
import { notifyUpwards, type RunOf } from './operation-run.ts';
import { operations, tasks } from './schema/index.ts';

/** States of a Task that was begun and has not succeeded; nobody is at it any more when an undo begins. */
const cutOff = ['running', 'failed', 'cancelled'] as const;

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
      order: undone.flatMap(({ step }) => undosOf(step).map(({ taskId }) => taskId)),
      outputs: Object.fromEntries(
        done.flatMap(({ step, outputs, failed }) => (failed ? [] : [[step.taskId, outputs]])),
      ),
      left: stepsLeft(done).map(({ step }) => step.title),
    };
  });
}

/** What is done, or begun and not done, and not undone: the last first. */
export async function listDone(db: Db, plan: Plan): Promise<DoneStep[]> {
  const all = [...tasksOf(plan)].reverse();
  if (all.length === 0) return [];
  const rows = await db
    .select({
      id: tasks.id,
      state: tasks.state,
      outputs: tasks.outputs,
      changed: tasks.changed,
      formerState: operations.formerState,
    })
    .from(tasks)
    .innerJoin(operations, eq(operations.id, tasks.operation))
    .where(
      and(
        inArray(
          tasks.id,
          all.map(({ step }) => step.taskId),
        ),
        or(eq(tasks.state, 'succeeded'), and(inArray(tasks.state, [...cutOff]), isNotNull(tasks.startedAt))),
      ),
    );
  return all.flatMap(entry => {
    const row = rows.find(({ id }) => id === entry.step.taskId);
    const { outputs = {}, changed = false, formerState = null } = row ?? {};
    const failed = row?.state !== 'succeeded';
    return row ? [{ ...entry, outputs, changed: changed === true, failed, formerState }] : [];
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
  const all = undone.flatMap(({ step, plan, within }) => undosOf(step).map(undo => ({ undo, plan, within })));
  const values = all.map(({ undo, plan, within }, index) => ({
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
    target: placeOfStep(undo),
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
