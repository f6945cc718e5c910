// Says every few seconds that this worker lives and reaches the engine: the API tells people when none does.

import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { Database } from '../model/store/database.ts';
import { forgetLostWorkers, forgetWorker, noteWorker } from '../model/store/workers.ts';

export interface SignsOfLife {
  /** From now on it takes nothing any more. */
  end(): Promise<void>;
}

const intervalMs = 2000;

/** @param reachesEngine rejects when it does not. Resolves after the first one, which may have failed. */
export async function startSignsOfLife(db: Database, reachesEngine: () => Promise<unknown>): Promise<SignsOfLife> {
  const id = ulid();
  const ending = new AbortController();
  const give = async () => {
    try {
      await reachesEngine();
      if (!ending.signal.aborted) await noteWorker(db, id);
    } catch {
      // That it is not seen any more is the message.
    }
  };
  const goOn = async () => {
    for (;;) {
      await delay(intervalMs, null, { signal: ending.signal, ref: false });
      await give();
    }
  };
  await give();
  // Whoever begins next does it, where the database is away now.
  await forgetLostWorkers(db).catch(() => undefined);
  const over = goOn().catch(() => undefined);
  return {
    async end() {
      ending.abort();
      await over;
      await forgetWorker(db, id).catch(() => undefined);
    },
  };
}
