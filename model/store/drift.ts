import { and, asc, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import type { DriftCount, DriftFilter } from '../drift.ts';
import type { EntityKind } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { SubjectReference } from '../plan.ts';
import type { Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { endNotices, noticeKey, raiseUnlessTold } from './notices.ts';
import { differences, driftChecks } from './schema/index.ts';

export type DifferenceRow = typeof differences.$inferSelect;
export type DriftCheckRow = typeof driftChecks.$inferSelect;

/** An entity that is compared. */
export interface Compared {
  kind: EntityKind;
  id: string;
}

export const ofEntity = (table: typeof differences | typeof driftChecks, { kind, id }: Compared) =>
  and(eq(table.entityKind, kind), eq(table.entityId, id));

const isAccepted = sql`accepted_content is not distinct from content`;

/** Of one that is deleted. */
export async function forgetDrift(tx: Transaction, of: Compared): Promise<void> {
  await tx.delete(differences).where(ofEntity(differences, of));
  await tx.delete(driftChecks).where(ofEntity(driftChecks, of));
}

/** One at a time writes differences of an entity. */
export async function holdCount(tx: Transaction, { kind, id }: Compared, organisation: string): Promise<void> {
  await tx
    .insert(driftChecks)
    .values({ entityKind: kind, entityId: id, organisation })
    .onConflictDoUpdate({
      target: [driftChecks.entityKind, driftChecks.entityId],
      set: { organisation },
    });
}

export async function recount(tx: Transaction, of: Compared, organisation: string): Promise<void> {
  const [count] = await tx
    .select({
      open: sql<number>`(count(*) filter (where not (${isAccepted})))::int`,
      accepted: sql<number>`(count(*) filter (where ${isAccepted}))::int`,
    })
    .from(differences)
    .where(ofEntity(differences, of));
  const { open, accepted } = count ?? { open: 0, accepted: 0 };
  const isOther = sql`(${driftChecks.open}, ${driftChecks.accepted}) is distinct from (${open}, ${accepted})`;
  const changed = await tx
    .update(driftChecks)
    .set({ open, accepted })
    .where(and(ofEntity(driftChecks, of), isOther))
    .returning({ id: driftChecks.entityId });
  if (changed.length > 0) await tell(tx, of, organisation);
  if (changed.length === 0 || open > 0) return;
  const recovered = 'Nothing differs any more, but for what was accepted.';
  await endNotices(tx, { organisation, key: noticeKey('drift_found', of), recovered });
}

/** With the end of a look, not with each of its finds: people hear of it once, and again when it is another number. */
export async function noticeDrift(tx: Transaction, subject: SubjectReference, organisation: string): Promise<void> {
  const [found] = await tx.select({ open: driftChecks.open }).from(driftChecks).where(ofEntity(driftChecks, subject));
  const open = found?.open ?? 0;
  if (open === 0) return;
  const message = `${open === 1 ? 'One difference' : `${open} differences`} from what Aegir would make of it. Apply it again, or accept what is to stay.`;
  const key = noticeKey('drift_found', subject);
  await raiseUnlessTold(tx, { organisation, event: 'drift_found', subject, key, message });
}

export async function tell(tx: Transaction, { kind, id }: Compared, organisation: string): Promise<void> {
  await notify(tx, { kind: 'entity', entityKind: kind, id, organisation });
}

/** Counts of these entities, by id; one that was never compared is not among them. */
export async function listDriftCounts(db: Db, kind: EntityKind, ids: string[]): Promise<Map<string, DriftCount>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select()
    .from(driftChecks)
    .where(and(eq(driftChecks.entityKind, kind), inArray(driftChecks.entityId, ids)));
  return new Map(rows.map(row => [row.entityId, countOf(row)]));
}

export function countOf(row: DriftCheckRow | null): DriftCount {
  return {
    open: row?.open ?? 0,
    accepted: row?.accepted ?? 0,
    notCompared: row?.notCompared.length ?? 0,
    checkedAt: row?.checkedAt?.toISOString() ?? null,
  };
}

/** @param id column of the entity's table. */
export function withDrift(kind: EntityKind, id: AnyPgColumn, filter: DriftFilter): SQL {
  const some = (condition: SQL) =>
    sql`exists (select 1 from ${driftChecks} where ${driftChecks.entityKind} = ${kind} and ${driftChecks.entityId} = ${id} and ${condition})`;
  if (filter === 'open') return some(sql`${driftChecks.open} > 0`);
  if (filter === 'accepted') return some(sql`${driftChecks.accepted} > 0`);
  if (filter === 'none')
    return some(sql`${driftChecks.open} = 0 and ${driftChecks.accepted} = 0 and ${driftChecks.checkedAt} is not null`);
  return sql`not ${some(sql`${driftChecks.checkedAt} is not null`)}`;
}

export async function findDriftCheck(db: Db, of: Compared): Promise<DriftCheckRow | null> {
  const [row] = await db.select().from(driftChecks).where(ofEntity(driftChecks, of));
  return row ?? null;
}

/** Those that count first; then in the order of the steps that found them. */
export async function listDifferences(db: Db, of: Compared): Promise<DifferenceRow[]> {
  return db
    .select()
    .from(differences)
    .where(ofEntity(differences, of))
    .orderBy(asc(isAccepted), desc(differences.changedAt), asc(differences.id));
}

export async function findDifference(db: Db, id: string, organisation: string): Promise<DifferenceRow> {
  const [row] = await db
    .select()
    .from(differences)
    .where(and(eq(differences.id, id), eq(differences.organisation, organisation)));
  if (!row) throw new AppError('not_found', 'This difference is not there any more, or never was. Look again.');
  return row;
}

/** Entities with differences, those with most first: for the terminal. */
export async function listDrifting(
  db: Db,
  { organisation, limit }: { organisation: string; limit: number },
): Promise<DriftCheckRow[]> {
  return db
    .select()
    .from(driftChecks)
    .where(and(eq(driftChecks.organisation, organisation), sql`${driftChecks.open} > 0`))
    .orderBy(desc(driftChecks.open), asc(driftChecks.entityId))
    .limit(limit);
}
