// Which backups of an Environment its rule keeps, worked out from the rows; and what becomes of rows whose backup is gone.

import { and, desc, eq, ne } from 'drizzle-orm';
import type { RunnableStep } from '../plan.ts';
import { fatesOf, parseKeepRule } from '../retention.ts';
import type { Actor } from './audit.ts';
import type { Db, Transaction } from './database.ts';
import { changeEntity } from './entities.ts';
import type { Root } from './roots.ts';
import { backups } from './schema/index.ts';

export interface BackupFate {
  id: string;
  name: string;
  snapshot: string;
  state: string;
  madeAt: string;
  bytes: number | null;
  /** Why it stays; empty: it goes. */
  reasons: string[];
}

export interface Retention {
  rule: string;
  /** Where the rule comes from. */
  of: 'environment' | 'cluster';
  safetyDays: number;
  fates: BackupFate[];
}

const elsewhere = 'it lies in another Backup store than the Environment’s present one: delete it by itself';

/** @param environment as store/roots.ts loads it. */
export async function retentionOf(db: Db, environment: Root, now = new Date()): Promise<Retention> {
  const cluster = environment.cluster as Root;
  const own = typeof environment.keep === 'string' && environment.keep !== '';
  const rule = String(own ? environment.keep : cluster[`keep_${String(environment.kind)}`]);
  const safetyDays = Number(cluster.keep_days);
  const rows = await db
    .select()
    .from(backups)
    .where(and(eq(backups.environment, environment.id), ne(backups.state, 'removed')))
    .orderBy(desc(backups.created_at));
  const kept = rows.map(({ id, created_at, state, pinned }) => ({
    id,
    madeAt: created_at.toISOString(),
    state,
    pinned,
  }));
  const wayBack = (environment.previous_backup as Root | null)?.id ?? null;
  const fates = fatesOf(kept, { rule: parseKeepRule(rule).rule, safetyDays, now, wayBack });
  const store = (environment.backup_store as Root | null)?.id;
  const byId = new Map(rows.map(row => [row.id, row]));
  return {
    rule,
    of: own ? 'environment' : 'cluster',
    safetyDays,
    fates: fates.flatMap(({ id, reasons }) => {
      const row = byId.get(id);
      if (!row) return [];
      const { name, snapshot, state, created_at, bytes } = row;
      const all = row.backup_store === store ? reasons : [...reasons, elsewhere];
      return [{ id, name, snapshot, state, madeAt: created_at.toISOString(), bytes, reasons: all }];
    }),
  };
}

/** What a Task gets when it begins: which go, and which must not. */
export async function retentionForTask(db: Db, environment: Root): Promise<Record<string, unknown>> {
  const { fates } = await retentionOf(db, environment);
  const goes = fates.filter(({ reasons }) => reasons.length === 0).map(({ id, snapshot }) => ({ id, snapshot }));
  const pinned = await db
    .select({ id: backups.id })
    .from(backups)
    .where(and(eq(backups.environment, environment.id), eq(backups.pinned, true)));
  return {
    goes,
    pinned: pinned.map(({ id }) => id),
    last_proven: fates.find(({ state }) => state === 'proven')?.id ?? null,
  };
}

/** @param ids of Backups that are gone, as a Task says: only those of its own Environment count. */
export async function markRemoved(tx: Transaction, actor: Actor, step: RunnableStep, ids: unknown[]): Promise<void> {
  const environment = step.roots.environment ?? '';
  for (const id of ids) {
    const [row] = await tx
      .select({ id: backups.id })
      .from(backups)
      .where(and(eq(backups.id, String(id)), eq(backups.environment, environment), ne(backups.state, 'removed')));
    if (row) await changeEntity(tx, actor, { kind: 'backup', id: row.id, verb: step.taskType, state: 'removed' });
  }
}
