// What the lock workflows say of themselves, for pages and for the targets, which refuse older tokens.

import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { EntityKind } from '../entities.ts';
import type { Claim, EntityReference } from '../lock.ts';
import type { LockMode } from '../plan.ts';
import type { Database, Db } from './database.ts';
import { notify } from './events.ts';
import { lockClaims, operations } from './schema/index.ts';

/** The queue as it was recorded last: for a lock workflow that begins. */
export async function loadClaims(db: Db, { kind, id }: EntityReference): Promise<Claim[]> {
  const rows = await db
    .select()
    .from(lockClaims)
    .where(and(eq(lockClaims.entityKind, kind), eq(lockClaims.entityId, id)));
  return rows.map(({ operation, run, mode, most, priority, since, position, token }) => ({
    ...{ operation, run, mode, priority, position, token },
    limit: most,
    since: since.getTime(),
    isTold: false,
  }));
}

/** The claims on one entity as they are now; answers the tokens of the holders, by Operation. */
export async function recordClaims(
  db: Database,
  { kind, id }: EntityReference,
  claims: Claim[],
): Promise<Record<string, number>> {
  return db.transaction(async tx => {
    const ofThis = and(eq(lockClaims.entityKind, kind), eq(lockClaims.entityId, id));
    const before = await tx.delete(lockClaims).where(ofThis).returning({ operation: lockClaims.operation });
    const tokens: Record<string, number> = {};
    for (const claim of claims) {
      const { operation, run, mode, limit, priority, position, since } = claim;
      if (position === 0) tokens[operation] = claim.token ?? (await nextToken(tx));
      const token = tokens[operation] ?? null;
      const row = { operation, run, mode, most: limit, priority, position, token, since: new Date(since) };
      await tx.insert(lockClaims).values({ entityKind: kind, entityId: id, ...row });
    }
    const ids = [...new Set([...before, ...claims].map(({ operation }) => operation))];
    const rows = ids.length > 0 ? await tx.select().from(operations).where(inArray(operations.id, ids)) : [];
    for (const row of rows) await notify(tx, { kind: 'operation', id: row.id, organisation: row.organisation });
    return tokens;
  });
}

/** Not below the clock: Servers still know tokens that a database restored from a backup has forgotten. */
async function nextToken(db: Db): Promise<number> {
  const now = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
  const { rows } = await db.execute<{ token: string }>(
    sql`select setval('fencing_tokens', greatest(nextval('fencing_tokens'), ${now})) as token`,
  );
  return Number(rows[0]?.token);
}

/** For locks without a workflow. */
export async function forgetClaim(db: Db, { kind, id }: EntityReference, operation: string): Promise<void> {
  await db
    .delete(lockClaims)
    .where(and(eq(lockClaims.entityKind, kind), eq(lockClaims.entityId, id), eq(lockClaims.operation, operation)));
}

export interface LockClaim {
  kind: EntityKind;
  id: string;
  /** Of the entity, as the plan of whoever claims it calls it. */
  name: string;
  mode: LockMode;
  operation: string;
  title: string;
  subject: string;
  startedBy: string;
  position: number;
  since: Date;
}

/** All claims on the entities on which these Operations have one, holders first. */
export async function listClaims(db: Db, query: { operations: string[] }): Promise<LockClaim[]> {
  if (query.operations.length === 0) return [];
  const wanted = db
    .select({ kind: lockClaims.entityKind, id: lockClaims.entityId })
    .from(lockClaims)
    .where(inArray(lockClaims.operation, query.operations));
  return selectClaims(db).where(sql`(${lockClaims.entityKind}, ${lockClaims.entityId}) in ${wanted}`);
}

export async function listClaimsOn(db: Db, entity: EntityReference): Promise<LockClaim[]> {
  return selectClaims(db).where(and(eq(lockClaims.entityKind, entity.kind), eq(lockClaims.entityId, entity.id)));
}

function selectClaims(db: Db) {
  return db
    .select({
      kind: lockClaims.entityKind,
      id: lockClaims.entityId,
      name: sql<string>`coalesce((select lock ->> 'name' from jsonb_array_elements(${operations.plan} -> 'locks') as lock
        where lock ->> 'kind' = ${lockClaims.entityKind} and lock ->> 'id' = ${lockClaims.entityId} limit 1), '')`,
      mode: lockClaims.mode,
      operation: lockClaims.operation,
      title: operations.title,
      subject: operations.subjectName,
      startedBy: operations.startedBy,
      position: lockClaims.position,
      since: lockClaims.since,
    })
    .from(lockClaims)
    .innerJoin(operations, eq(operations.id, lockClaims.operation))
    .orderBy(asc(lockClaims.position), asc(lockClaims.since))
    .$dynamic();
}
