// Which Environment has which host name: those in its fields, and those that an Operation is about to give it.

import { and, eq, inArray, isNull, ne } from 'drizzle-orm';
import type { Entity, EntityKind } from '../entities.ts';
import type { Problem } from '../errors.ts';
import { namesOf } from '../name-fields.ts';
import type { Plan } from '../plan.ts';
import { conflictOf } from './conflicts.ts';
import type { Db, Transaction } from './database.ts';
import { environmentNames, environments } from './schema/index.ts';

/** Its names are those that its row says, and those that are kept for it. */
export async function syncNames(tx: Transaction, kind: EntityKind, { id, state, values }: Entity): Promise<void> {
  // The names of a site are those of one row, wherever its other side is.
  if (kind !== 'environment' || values.side_of) return;
  const own = eq(environmentNames.environment, id);
  await tx.delete(environmentNames).where(state === 'deleted' ? own : and(own, isNull(environmentNames.operation)));
  if (state === 'deleted') return;
  const kept = await tx.select({ name: environmentNames.name }).from(environmentNames).where(own);
  const names = namesOf(values).filter(name => !kept.some(row => row.name === name));
  if (names.length > 0) await tx.insert(environmentNames).values(names.map(name => ({ name, environment: id })));
}

/** Names that others have, each with whose it is. */
export async function takenNames(
  db: Db,
  environment: string,
  names: string[],
): Promise<{ name: string; environment: string }[]> {
  if (names.length === 0) return [];
  return db
    .select({ name: environmentNames.name, environment: environments.name })
    .from(environmentNames)
    .innerJoin(environments, eq(environments.id, environmentNames.environment))
    .where(and(inArray(environmentNames.name, names), ne(environmentNames.environment, environment)))
    .orderBy(environmentNames.name);
}

/** Names that an Environment is to get and others have, by the field in which they stand. */
export async function nameProblems(db: Db, environment: string, values: Record<string, unknown>): Promise<Problem[]> {
  const taken = await takenNames(db, environment, namesOf(values));
  return taken.map(({ name, environment: whose }) => ({
    path: ['aliases', 'redirect_names'].find(field => isIn(values[field], name)) ?? 'primary_name',
    message: `The name ${name} belongs to the Environment ${whose}. Choose another one, or remove it there first.`,
  }));
}

const isIn = (names: unknown, name: string) => Array.isArray(names) && names.includes(name);

/** Nobody else takes them while the Operation is under way. @throws AppError conflict when somebody has. */
export async function keepNamesOf(tx: Transaction, { operationId, subject, sets = {} }: Plan): Promise<void> {
  if (subject.kind !== 'environment') return;
  const own = await tx
    .select({ name: environmentNames.name })
    .from(environmentNames)
    .where(eq(environmentNames.environment, subject.id));
  const names = namesOf(sets).filter(name => !own.some(row => row.name === name));
  if (names.length === 0) return;
  const rows = names.map(name => ({ name, environment: subject.id, operation: operationId }));
  await conflictOf('environment', async () => tx.insert(environmentNames).values(rows), sets);
}

/** The Operation is over. True: the names of its subject's row are to be written anew. */
export async function forgetNames(tx: Transaction, operation: string): Promise<boolean> {
  const kept = await tx.delete(environmentNames).where(eq(environmentNames.operation, operation)).returning();
  return kept.length > 0;
}
