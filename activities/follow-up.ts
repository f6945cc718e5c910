// Goes after what attempts have left on Servers that did not answer when their Operations were over: it is ended when they
// answer again. What is still to be done is in the database, so it does not matter which worker does it, or when.

import { setTimeout as delay } from 'node:timers/promises';
import { type Left, listLeft, noteLeft } from '../model/store/over.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { endOne } from './end-left.ts';

/** Nobody waits for it; a Server that is back should not keep what nobody wants for long. */
const intervalMs = 10_000;

/** Answers how it is stopped; what it is at is begun anew by the next one. */
export function startFollowUp(deps: ActivityDependencies): () => void {
  const ending = new AbortController();
  const goOn = async () => {
    for (;;) {
      await delay(intervalMs, null, { signal: ending.signal, ref: false });
      // The database may be away; the next round looks again.
      await follow(deps, ending.signal).catch(() => undefined);
    }
  };
  goOn().catch(() => undefined);
  return () => ending.abort();
}

async function follow(deps: ActivityDependencies, signal: AbortSignal): Promise<void> {
  const away = new Set<string>();
  for (const left of await listLeft(deps.db)) {
    if (signal.aborted) return;
    const place = left.step?.server?.id ?? '';
    // One that does not answer is asked once a round.
    if (!left.step || away.has(place)) continue;
    const problem = await endOne(deps, { ...left, step: left.step });
    if (problem) away.add(place);
    else await forget(deps, left);
  }
}

function forget(deps: ActivityDependencies, { attempt }: Left): Promise<void> {
  return noteLeft(deps.db, attempt.id, false);
}
