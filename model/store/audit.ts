// The one way to say that the model has changed: who, what, on which object, before and after, and the event. Callers
// change their rows in the same transaction.

import { and, desc, eq, lt } from 'drizzle-orm';
import { ulid } from 'ulid';
import type { EntityKind } from '../entities.ts';
import type { Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { audit } from './schema/index.ts';

/** Who acts: a person, an API token of one, or a run. */
export interface Actor {
  name: string;
  organisation: string;
  /** Address from which it was asked for; a run has none. */
  from?: string | undefined;
}

/** Nothing that a page shows while it changes. */
const silent = ['field', 'override', 'token', 'key', 'run', 'person'] as const;
type Silent = (typeof silent)[number];
const isSilent = (kind: string): kind is Silent => silent.some(each => each === kind);

export interface Change {
  verb: string;
  object: { kind: EntityKind | 'operation' | 'rollout' | Silent; id: string; name: string };
  /** Secret values are references by then. */
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
}

export async function recordChange(tx: Transaction, actor: Actor, change: Change): Promise<void> {
  const { object } = change;
  await tx.insert(audit).values({
    id: ulid(),
    organisation: actor.organisation,
    actor: actor.name,
    fromAddress: actor.from ?? null,
    verb: change.verb,
    objectKind: object.kind,
    objectId: object.id,
    objectName: object.name,
    before: change.before ?? null,
    after: change.after ?? null,
  });
  if (object.kind === 'operation' || object.kind === 'rollout') {
    await notify(tx, { kind: object.kind, id: object.id, organisation: actor.organisation });
  } else if (!isSilent(object.kind)) {
    await notify(tx, { kind: 'entity', entityKind: object.kind, id: object.id, organisation: actor.organisation });
  }
}

/** Newest first. */
export async function listAudit(db: Db, query: { organisation: string; after?: string; limit: number }) {
  return db
    .select()
    .from(audit)
    .where(and(eq(audit.organisation, query.organisation), query.after ? lt(audit.id, query.after) : undefined))
    .orderBy(desc(audit.id))
    .limit(query.limit);
}

/** What was done with one object, in order. */
export async function listAuditOf(db: Db, objectId: string) {
  return db.select().from(audit).where(eq(audit.objectId, objectId)).orderBy(audit.id);
}
