// Operations that were under way in an installation of which this database is a copy. Their runs stay with the engine of that
// one, so that nothing is run twice; here they are over, and can be resumed.

import { plansOf } from '../plan.ts';
import type { Transaction } from './database.ts';
import { settleLeftBehind } from './deliveries.ts';
import { endLostOperation } from './operation-run.ts';
import { listOpenOperations } from './operations.ts';

export interface LeftBehind {
  title: string;
  subject: string;
  begun: boolean;
}

/** @param at when the copy was made, in words. */
export async function endLeftBehind(tx: Transaction, at: string): Promise<LeftBehind[]> {
  const ended: LeftBehind[] = [];
  for (const { plan, state, title, subjectName } of await listOpenOperations(tx)) {
    if (!plan) continue;
    const begun = state !== 'queued';
    const end = begun
      ? {
          state: 'failed' as const,
          message: `It was under way when the copy of Aegir was made from which this one was restored (${at}); its run is not part of such a copy. Look at what its last step left, then resume it.`,
        }
      : {
          state: 'cancelled' as const,
          message: `It had not begun when the copy of Aegir was made from which this one was restored (${at}). Start it again where it is still wanted.`,
          restored: true,
        };
    // Inner ones first: the outer one's end is the last word.
    for (const { plan: each } of [...plansOf(plan)].reverse())
      await endLostOperation(tx, each, { ...end, exitCode: null });
    ended.push({ title, subject: subjectName, begun });
  }
  await settleLeftBehind(tx, at);
  return ended;
}
