// What Tasks that compare have found, what Tasks that were carried out have put right, what people accept.

import { createHash } from 'node:crypto';
import { and, eq, ne, notInArray, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { isDict } from '../coerce.ts';
import type { FoundDifference, NotCompared } from '../drift.ts';
import { entityKinds } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { Plan, RunnableStep } from '../plan.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Transaction } from './database.ts';
import {
  type Compared,
  type DifferenceRow,
  findDifference,
  holdCount,
  noticeDrift,
  ofEntity,
  recount,
  tell,
} from './drift.ts';
import { differences, driftChecks, tasks } from './schema/index.ts';

/** What a Task has found is all that there is of its step: the rest of it is gone. */
export async function recordDifferences(
  tx: Transaction,
  { organisation }: Actor,
  { of, step, operation, found }: { of: Compared; step: RunnableStep; operation: string; found: FoundDifference[] },
): Promise<void> {
  await holdCount(tx, of, organisation);
  const now = new Date();
  for (const { task, resource, text, left } of found) {
    const content = createHash('sha256').update(`${left}\n${text}`).digest('hex');
    const seen = { title: step.title, taskType: step.taskType, text, leftOut: left, content, lastSeen: now, operation };
    const which = { organisation, entityKind: of.kind, entityId: of.id, step: step.id, task, resource };
    const { entityKind, entityId } = differences;
    await tx
      .insert(differences)
      .values({ id: ulid(), ...which, ...seen, firstSeen: now, changedAt: now })
      .onConflictDoUpdate({
        target: [entityKind, entityId, differences.step, differences.task, differences.resource],
        set: {
          ...seen,
          changedAt: sql`case when ${differences.content} = excluded.content then ${differences.changedAt} else excluded.changed_at end`,
        },
      });
  }
  await tx
    .delete(differences)
    .where(and(ofEntity(differences, of), eq(differences.step, step.id), ne(differences.lastSeen, now)));
  await recount(tx, of, organisation);
}

/**
 * A Task that was really carried out has made right what Tasks of its type compare.
 * @param told by one that reads only: that much is still there.
 */
export async function clearDifferences(
  tx: Transaction,
  { organisation }: Actor,
  { roots, taskType }: Pick<RunnableStep, 'roots' | 'taskType'>,
  told: unknown,
): Promise<void> {
  const kind = [...entityKinds].reverse().find(each => roots[each] !== undefined);
  const of = kind && { kind, id: roots[kind] ?? '' };
  if (!of) return;
  const still = Array.isArray(told) ? told.filter(isDict).map(({ name }) => String(name)) : [];
  const ofType = and(
    ofEntity(differences, of),
    eq(differences.taskType, taskType),
    notInArray(differences.resource, still),
  );
  // Most Tasks of most Operations: nothing is to be locked for them.
  const [one] = await tx.select({ id: differences.id }).from(differences).where(ofType).limit(1);
  if (!one) return;
  await holdCount(tx, of, organisation);
  await tx.delete(differences).where(ofType);
  await recount(tx, of, organisation);
}

/** Of an Operation that compares. What it could not compare stays as it was found before. */
export async function endCheck(tx: Transaction, plan: Plan): Promise<void> {
  if (!plan.check || plan.check.dryRunOf) return;
  const { subject, organisation, operationId } = plan;
  const steps = await tx
    .select({ step: tasks.step, title: tasks.title, state: tasks.state, message: tasks.message })
    .from(tasks)
    .where(and(eq(tasks.operation, operationId), ne(tasks.type, 'preflight')));
  const compared = steps.filter(({ state }) => state === 'succeeded');
  const others = steps.filter(({ state }) => state !== 'succeeded');
  const notCompared: NotCompared[] = [
    ...plan.check.notCompared,
    ...others.map(({ title, message }) => ({ title, reason: message })),
  ];
  await holdCount(tx, subject, organisation);
  const kept = others.map(({ step }) => step);
  if (compared.length > 0)
    await tx
      .delete(differences)
      .where(
        and(
          ofEntity(differences, subject),
          notInArray(differences.step, [...kept, ...compared.map(({ step }) => step)]),
        ),
      );
  await tx
    .update(driftChecks)
    .set({ notCompared, ...(compared.length > 0 ? { operation: operationId, checkedAt: new Date() } : {}) })
    .where(ofEntity(driftChecks, subject));
  await recount(tx, subject, organisation);
  await noticeDrift(tx, subject, organisation);
  await tell(tx, subject, organisation);
}

/** @param as what the person has seen; null takes the acceptance back. */
export async function acceptDifference(
  db: Database,
  actor: Actor,
  id: string,
  as: { content: string; reason: string } | null,
): Promise<DifferenceRow> {
  return db.transaction(async tx => {
    const found = await findDifference(tx, id, actor.organisation);
    const of = { kind: found.entityKind, id: found.entityId };
    await holdCount(tx, of, actor.organisation);
    const accepted = as
      ? { acceptedBy: actor.name, acceptedAt: new Date(), acceptedReason: as.reason, acceptedContent: as.content }
      : { acceptedBy: null, acceptedAt: null, acceptedReason: null, acceptedContent: null };
    const [row] = await tx
      .update(differences)
      .set(accepted)
      .where(and(eq(differences.id, id), as ? eq(differences.content, as.content) : undefined))
      .returning();
    if (!row) throw new AppError('conflict', 'This difference has changed meanwhile. Look at it again.');
    await recount(tx, of, actor.organisation);
    await recordChange(tx, actor, {
      verb: as ? 'accept difference' : 'take acceptance back',
      object: { ...of, name: `${found.title} ${found.resource}`.trim() },
      after: { task: found.task, resource: found.resource, ...(as ? { reason: as.reason } : {}) },
    });
    return row;
  });
}
