// Rows of Operations: made with all their Tasks when they are started. How a run moves them is in operation-run.ts.

import { and, asc, desc, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { ulid } from 'ulid';
import type { CancelChoice } from '../attention.ts';
import type { EntityKind } from '../entities.ts';
import { AppError } from '../errors.ts';
import { type Plan, placeOfStep, plansOf, tasksOf } from '../plan.ts';
import { type OperationState, openStates } from '../run.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { operations, tasks } from './schema/index.ts';
import { claimChanges } from './subject-changes.ts';

export type OperationRow = typeof operations.$inferSelect;

export interface NewOperation {
  plan: Plan;
  /** Answers of the form; secrets as references. */
  input: Record<string, unknown>;
  reason: string;
  idempotencyKey: string | null;
}

/** Writes the Operation, its nested ones and all their Tasks. The same idempotency key answers the first one's row. */
export async function insertOperation(
  db: Database,
  actor: Actor,
  request: NewOperation,
): Promise<{ row: OperationRow; fresh: boolean }> {
  return db.transaction(async tx => {
    const { plan, idempotencyKey } = request;
    const values = { ...rowOf(plan), input: request.input, plan, reason: request.reason, idempotencyKey };
    const [row] = await tx.insert(operations).values(values).onConflictDoNothing().returning();
    if (!row) return { row: await findByKey(tx, plan.organisation, idempotencyKey), fresh: false };
    for (const { plan: nested, parent } of plansOf(plan)) {
      if (parent)
        await tx.insert(operations).values({ ...rowOf(nested), parent: parent.operationId, input: {}, reason: '' });
    }
    await tx.insert(tasks).values(taskRows(plan));
    await claimChanges(tx, plan);
    const object = { kind: 'operation' as const, id: row.id, name: `${plan.title} ${plan.subject.name}` };
    await recordChange(tx, actor, {
      verb: 'start',
      object,
      after: { type: plan.type, subject: plan.subject.name, input: request.input },
    });
    return { row, fresh: true };
  });
}

/** The Operation that a request with this key has started. */
export async function findStarted(db: Db, organisation: string, key: string | null): Promise<OperationRow | undefined> {
  if (key === null) return undefined;
  const [row] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.organisation, organisation), eq(operations.idempotencyKey, key)));
  return row;
}

async function findByKey(tx: Transaction, organisation: string, key: string | null): Promise<OperationRow> {
  const row = await findStarted(tx, organisation, key);
  if (!row) throw new AppError('conflict', 'An Operation of this id exists already.');
  return row;
}

function rowOf(plan: Plan) {
  return {
    id: plan.operationId,
    organisation: plan.organisation,
    type: plan.type,
    title: plan.title,
    subjectKind: plan.subject.kind,
    subjectId: plan.subject.id,
    subjectName: plan.subject.name,
    startedBy: plan.startedBy,
  };
}

function taskRows(plan: Plan): (typeof tasks.$inferInsert)[] {
  const shared = { operation: plan.operationId, root: plan.operationId, depth: 0, within: [] };
  const preflight = {
    ...shared,
    id: plan.preflightTaskId ?? ulid(),
    position: 0,
    step: 'preflight',
    type: 'preflight',
    version: '',
    title: 'Pre-flight',
    target: 'worker',
    subjectKind: plan.subject.kind,
    subjectId: plan.subject.id,
  };
  const steps = [...tasksOf(plan)].map(({ step, plan: owner, within }, index) => ({
    id: step.taskId,
    operation: owner.operationId,
    root: plan.operationId,
    position: index + 1,
    step: step.id,
    depth: within.length,
    within,
    type: step.taskType,
    version: step.version,
    title: step.title,
    target: placeOfStep(step),
    subjectKind: owner.subject.kind,
    subjectId: owner.subject.id,
  }));
  return [preflight, ...steps];
}

export async function findOperation(db: Db, id: string, organisation?: string): Promise<OperationRow> {
  const own = organisation ? eq(operations.organisation, organisation) : undefined;
  const [row] = await db
    .select()
    .from(operations)
    .where(and(eq(operations.id, id), own));
  if (!row) throw new AppError('not_found', `There is no Operation ${id}.`);
  return row;
}

export interface OperationQuery {
  organisation: string;
  state?: OperationState;
  subjectKind?: EntityKind;
  subjectId?: string;
  type?: string;
  after?: string;
  limit: number;
}

/** Newest first; of nested ones those that an Operation on another subject has brought to the one that is asked for. */
export async function listOperations(db: Db, query: OperationQuery): Promise<OperationRow[]> {
  return db
    .select()
    .from(operations)
    .where(
      and(
        eq(operations.organisation, query.organisation),
        query.subjectId ? or(isNull(operations.parent), cameFromElsewhere()) : isNull(operations.parent),
        query.state ? eq(operations.state, query.state) : undefined,
        query.subjectKind ? eq(operations.subjectKind, query.subjectKind) : undefined,
        query.subjectId ? eq(operations.subjectId, query.subjectId) : undefined,
        query.type ? eq(operations.type, query.type) : undefined,
        query.after ? lt(operations.id, query.after) : undefined,
      ),
    )
    .orderBy(desc(operations.id))
    .limit(query.limit);
}

function cameFromElsewhere() {
  const outer = alias(operations, 'outer');
  return sql`exists (select 1 from ${operations} ${sql.identifier('outer')} where ${outer.id} = ${operations.parent} and ${outer.subjectId} <> ${operations.subjectId})`;
}

export async function listChildren(db: Db, parent: string): Promise<OperationRow[]> {
  return db.select().from(operations).where(eq(operations.parent, parent)).orderBy(asc(operations.id));
}

/** Nested ones of all depths. */
export async function listDescendants(db: Db, id: string): Promise<OperationRow[]> {
  const children = await listChildren(db, id);
  const deeper = await Promise.all(children.map(child => listDescendants(db, child.id)));
  return children.flatMap((child, index) => [child, ...(deeper[index] ?? [])]);
}

/** Top-level Operations that should be with the engine: for the sweeper. */
export async function listOpenOperations(db: Db): Promise<OperationRow[]> {
  return db
    .select()
    .from(operations)
    .where(and(inArray(operations.state, [...openStates]), isNull(operations.parent)))
    .orderBy(asc(operations.id));
}

/** A second one changes nothing. @param choice what becomes of the steps that are done. */
export async function requestCancel(
  db: Database,
  actor: Actor,
  { row, choice }: { row: OperationRow; choice: CancelChoice },
): Promise<void> {
  await db.transaction(async tx => {
    const [changed] = await tx
      .update(operations)
      .set({ cancelRequestedBy: actor.name, cancelChoice: choice })
      .where(
        and(
          eq(operations.id, row.id),
          inArray(operations.state, [...openStates]),
          isNull(operations.cancelRequestedBy),
        ),
      )
      .returning();
    if (!changed) return;
    await recordChange(tx, actor, {
      verb: 'cancel',
      object: { kind: 'operation', id: row.id, name: `${row.title} ${row.subjectName}` },
      after: { choice },
    });
  });
}

/** Which run of the engine carries it out; kept only while nobody has said it. */
export async function setEngineRun(db: Db, row: { id: string; attempt: number }, engineRun: string): Promise<void> {
  await db
    .update(operations)
    .set({ engineRun })
    .where(and(eq(operations.id, row.id), eq(operations.attempt, row.attempt), isNull(operations.engineRun)));
}
