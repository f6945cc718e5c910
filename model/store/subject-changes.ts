// Operations that give their subject other values: one at a time, and only from what they were planned for.

import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { equalData } from '../coerce.ts';
import { entities } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { Plan } from '../plan.ts';
import { openStates } from '../run.ts';
import type { Db, Transaction } from './database.ts';
import { findEntity, tableOf } from './entities.ts';
import { keepNamesOf } from './environment-names.ts';
import { operations } from './schema/index.ts';

/** With the start and each resume: nobody else changes the subject so, or takes its new names. @throws AppError conflict */
export async function claimChanges(tx: Transaction, plan: Plan): Promise<void> {
  if (!plan.before) return;
  const { kind, id } = plan.subject;
  const table = tableOf(kind);
  // Two that come at once see each other.
  await tx.select({ id: table.id }).from(table).where(eq(table.id, id)).for('update');
  const [other] = await tx
    .select({ title: operations.title, by: operations.startedBy })
    .from(operations)
    .where(
      and(
        eq(operations.subjectId, id),
        ne(operations.id, plan.operationId),
        inArray(operations.state, [...openStates]),
        sql`${operations.plan} -> 'before' is not null`,
      ),
    );
  if (other) {
    const { title } = entities[kind];
    const words = `“${other.title}” (by ${other.by}) changes this ${title} already: wait until it is over, or cancel it.`;
    throw new AppError('conflict', words);
  }
  await keepNamesOf(tx, plan);
}

/** Sentences for people; none where the Operation gives its subject no other values. */
export async function changedSince(db: Db, { subject, before = {}, organisation, title }: Plan): Promise<string[]> {
  const names = Object.keys(before);
  if (names.length === 0) return [];
  const { values } = await findEntity(db, subject.kind, subject.id, organisation);
  const { title: kind, fields } = entities[subject.kind];
  const labels = names
    .filter(name => !equalData(values[name] ?? null, before[name] ?? null))
    .map(name => fields.find(field => field.name === name)?.label ?? name);
  if (labels.length === 0) return [];
  return [`Somebody has changed the ${kind} since “${title}” was started: ${labels.join(', ')}. Start it anew.`];
}
