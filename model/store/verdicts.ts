// What Tasks find out about Backups, on their rows.

import { eq } from 'drizzle-orm';
import type { Entity } from '../entities.ts';
import type { RunnableStep } from '../plan.ts';
import type { Verdict } from '../verdict.ts';
import type { Actor } from './audit.ts';
import type { Transaction } from './database.ts';
import { changeEntity, findState } from './entities.ts';
import { endNotices, noticeKey, raiseNotice } from './notices.ts';
import { servers } from './schema/index.ts';

const backup = 'backup' as const;

/** @param verdict checked (activities/outputs.ts). */
export async function judgeBackup(
  tx: Transaction,
  actor: Actor,
  { roots, taskType, server }: RunnableStep,
  verdict: Verdict,
): Promise<void> {
  const id = roots.backup;
  // One that was removed meanwhile is nobody's any more.
  if (!id || (await findState(tx, { kind: backup, id })) === 'removed') return;
  const isProven = verdict.state === 'proven';
  const values = {
    judged_at: new Date().toISOString(),
    failure: isProven ? null : (verdict.because ?? null),
    recovery_seconds: isProven ? (verdict.recovery_seconds ?? null) : null,
    proven_on: isProven ? await nameOf(tx, server?.id) : null,
  };
  const judged = await changeEntity(tx, actor, { kind: backup, id, verb: taskType, state: verdict.state, values });
  await noticeVerdict(tx, judged, actor.organisation, verdict);
}

/** Also a backup that is older than one that is proven says something: it may be needed. */
async function noticeVerdict(tx: Transaction, judged: Entity, organisation: string, verdict: Verdict): Promise<void> {
  const environment = String(judged.values.environment);
  const key = `drill:environment:${environment}`;
  if (verdict.state === 'proven') {
    const recovered = `The restore of ${String(judged.values.name)} is proven.`;
    await endNotices(tx, { organisation, key, recovered });
    await endNotices(tx, {
      organisation,
      key: noticeKey('backup_unproven', { kind: 'environment', id: environment }),
      recovered,
    });
    return;
  }
  const subject = { kind: backup, id: judged.id, name: String(judged.values.name) };
  const message = verdict.because ?? 'The restore did not succeed.';
  await raiseNotice(tx, { organisation, event: 'drill_failed', subject, key, message });
}

async function nameOf(tx: Transaction, server: string | undefined): Promise<string | null> {
  if (!server) return null;
  const [row] = await tx.select({ name: servers.name }).from(servers).where(eq(servers.id, server));
  return row?.name ?? null;
}
