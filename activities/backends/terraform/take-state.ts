// The state for one attempt alone: whoever comes while another Task works on it waits, and says behind whom.

import { setTimeout as delay } from 'node:timers/promises';
import type { RunReport } from '../backend.ts';
import type { HeldState, RunWithState, TerraformStore } from './store.ts';

/** Operations that lock their subject never meet here. */
const againMs = 500;

export interface Taking {
  report: RunReport;
  signal: AbortSignal;
  store: TerraformStore;
}

/** null: cancelled meanwhile. The time limit of the Task ends the wait. */
export async function takeState(run: RunWithState, { report, signal, store }: Taking): Promise<HeldState | null> {
  let said = false;
  while (!signal.aborted) {
    const held = await store.take(run);
    if (held) return held;
    if (!said)
      report.line(`${await store.holder(run)} works on the state of ${run.state.name}: it waits until that is over.`);
    said = true;
    await delay(againMs, undefined, { signal }).catch(() => undefined);
  }
  return null;
}
