// Which backup of an Environment is the last one whose restore was proven: how much could be lost at most.

import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { unprovenDays } from '../need.ts';
import type { Database, Db } from './database.ts';
import { endNotices, lastingKeys, noticeKey, raiseNotice } from './notices.ts';
import { backups, environments } from './schema/index.ts';

export interface Proof {
  /** Id of the Backup. */
  backup: string;
  /** When it was made, and when it was proven. */
  madeAt: string;
  provenAt: string | null;
  recoverySeconds: number | null;
}

/** People hear of production that has had no backup to count on for too long: from its first day on, or since the last. */
export async function raiseUnproven(db: Database, now: Date): Promise<void> {
  const since = new Date(now.getTime() - unprovenDays * 24 * 3_600_000);
  const { rows } = await db.execute<{ id: string; name: string; organisation: string; made: string | null }>(sql`
    select e.id, e.name, e.organisation, max(b.created_at)::date::text as made
    from ${environments} e left join ${backups} b on b.environment = e.id and b.state = 'proven'
    where e.kind = 'production' and e.state in ('enabled', 'broken') and e.side_of is null and e.throwaway_of is null
    group by e.id having coalesce(max(b.created_at), e.created_at) < ${since.toISOString()}`);
  const raised = await lastingKeys(db, 'backup_unproven');
  const keyOf = (id: string) => noticeKey('backup_unproven', { kind: 'environment', id });
  for (const { id, name, organisation, made } of rows) {
    const subject = { kind: 'environment' as const, id, name };
    const known = made ? `Its last proven backup was made on ${made}.` : 'No backup of it was ever restored.';
    const message = `${known} Run “Prove the newest backup” and look at what it says.`;
    if (raised.has(keyOf(id))) continue;
    await db.transaction(tx => raiseNotice(tx, { organisation, event: 'backup_unproven', subject, message }));
  }
  // Disabled, deleted, or production no more.
  const lasting = new Set(rows.map(({ id }) => keyOf(id)));
  for (const [key, organisation] of raised)
    if (!lasting.has(key)) await db.transaction(tx => endNotices(tx, { organisation, key }));
}

/** By Environment; none where nothing was proven yet. */
export async function listProofs(db: Db, environments: string[]): Promise<Map<string, Proof>> {
  if (environments.length === 0) return new Map();
  const rows = await db
    .selectDistinctOn([backups.environment], {
      environment: backups.environment,
      backup: backups.id,
      madeAt: backups.created_at,
      provenAt: backups.judged_at,
      recoverySeconds: backups.recovery_seconds,
    })
    .from(backups)
    .where(and(inArray(backups.environment, environments), eq(backups.state, 'proven')))
    .orderBy(backups.environment, desc(backups.created_at));
  return new Map(
    rows.map(({ environment, madeAt, ...row }) => [environment, { ...row, madeAt: madeAt.toISOString() }]),
  );
}
