// Looks every second for what people are to be told of, and hands each message to the engine. What is to be done is in the
// database, so it does not matter which worker does it.

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { deliveryWorkflowId, deliveryWorkflowType, sendNowSignal } from '../../model/notices.ts';
import type { Database } from '../../model/store/database.ts';
import { forgetOldNotices } from '../../model/store/deliveries.ts';
import { type DueDelivery, dispatchNotices, noteHandedOver } from '../../model/store/dispatch-notices.ts';
import { raiseExpiring } from '../../model/store/expiring-certificates.ts';
import { raiseUnproven } from '../../model/store/proofs.ts';

const intervalMs = 1000;
/** Who wants to hear again says so in hours. */
const roundsPerLookAgain = 10;
/** Days are what counts in both. */
const rareMs = 600_000;

export interface DispatcherOptions {
  db: Database;
  client: Client;
  taskQueue: string;
}

/** Answers how it is stopped. */
export function startDispatcher(options: DispatcherOptions): () => void {
  const ending = new AbortController();
  const goOn = async () => {
    for (let round = 0, rareAt = 0; ; round += 1) {
      await delay(intervalMs, null, { signal: ending.signal, ref: false });
      // The database or the engine may be away; the next round looks again.
      const looksAgain = round % roundsPerLookAgain === 0;
      await dispatch(options, looksAgain, ending.signal).catch(() => undefined);
      if (Date.now() < rareAt) continue;
      rareAt = Date.now() + rareMs;
      await lookRarely(options.db).catch(() => undefined);
    }
  };
  goOn().catch(() => undefined);
  return () => ending.abort();
}

async function dispatch(options: DispatcherOptions, looksAgain: boolean, signal: AbortSignal): Promise<void> {
  for (const due of await dispatchNotices(options.db, new Date(), looksAgain)) {
    if (signal.aborted) return;
    await handOver(options, due);
    await noteHandedOver(options.db, due.id);
  }
}

/** A run that is there goes on; one that ended while its row says otherwise (terminated in the console) is begun anew. */
async function handOver({ client, taskQueue }: DispatcherOptions, { id, isNew }: DueDelivery): Promise<void> {
  const options = {
    workflowId: deliveryWorkflowId(id),
    taskQueue,
    args: [{ delivery: id }],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: 'A message to a receiver',
  } as const;
  try {
    await client.workflow.start(deliveryWorkflowType, options);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    if (isNew) await client.workflow.getHandle(options.workflowId).signal(sendNowSignal);
  }
}

async function lookRarely(db: Database): Promise<void> {
  const now = new Date();
  await raiseExpiring(db, now);
  await raiseUnproven(db, now);
  await forgetOldNotices(db, now);
}
