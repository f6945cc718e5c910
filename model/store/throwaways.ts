// Environments that are there for the time of one Operation: what becomes of their rows, and which are left over.

import { and, count, eq, gt, inArray, isNotNull, isNull, ne, notExists, or, sql } from 'drizzle-orm';
import type { Plan } from '../plan.ts';
import { openStates } from '../run.ts';
import type { Db, Transaction } from './database.ts';
import { changeEntity, findState } from './entities.ts';
import { environments, operations } from './schema/index.ts';

const environment = 'environment' as const;

/** With the end of the Operation. One of which nothing was ever made is gone; others are removed where they were made. */
export async function settleThrowaway(tx: Transaction, plan: Plan): Promise<void> {
  const id = plan.throwaway;
  if (id === undefined || (await findState(tx, { kind: environment, id })) !== 'new') return;
  const actor = { name: plan.startedBy, organisation: plan.organisation };
  await changeEntity(tx, actor, { kind: environment, id, verb: plan.type, state: 'deleted' });
}

export interface LeftOver {
  id: string;
  organisation: string;
  /** How often it was tried to remove it by itself. */
  removals: number;
}

/** What could not be removed is left to people for so long. */
const pauseHours = 1;

/** Those that no Operation is at any more: it was terminated, or could not remove them. */
export async function listLeftOver(db: Db): Promise<LeftOver[]> {
  const isOwn = and(
    eq(operations.subjectKind, environment),
    eq(operations.subjectId, environments.id),
    isNull(operations.parent),
  );
  const isOfPlan = eq(sql`${operations.plan} ->> 'throwaway'`, environments.id);
  const isOpen = inArray(operations.state, [...openStates]);
  const isRecent = gt(operations.createdAt, sql`now() - make_interval(hours => ${pauseHours})`);
  const makesIt = db.select({ id: operations.id }).from(operations).where(and(isOpen, isOfPlan));
  const removesIt = db
    .select({ id: operations.id })
    .from(operations)
    .where(and(isOwn, or(isOpen, isRecent)));
  const removals = db.select({ number: count() }).from(operations).where(isOwn);
  return db
    .select({ id: environments.id, organisation: environments.organisation, removals: sql<number>`(${removals})::int` })
    .from(environments)
    .where(
      and(
        isNotNull(environments.throwaway_of),
        ne(environments.state, 'deleted'),
        notExists(makesIt),
        notExists(removesIt),
      ),
    );
}
