// Keeps rows and engine in step: starts Operations that have no workflow, ends those whose run is over without having said
// so (terminated in the console, lost with its server).

import { type Plan, plansOf } from '../model/plan.ts';
import type { OperationRow } from '../model/store/operations.ts';
import { endOperation, listOpenOperations } from '../model/store/operations.ts';
import type { ApiDependencies } from './dependencies.ts';

/** A start that was cut off is made up for within seconds. */
const intervalMs = 3000;
/** Younger rows are still being started by the request that wrote them. */
const graceMs = 5000;

export function startSweeper(deps: ApiDependencies): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const sweep = async () => {
    try {
      for (const row of await listOpenOperations(deps.db)) if (!stopped) await settle(deps, row);
    } catch (error) {
      deps.log('The sweeper could not look through the open Operations', error);
    }
    if (!stopped) timer = setTimeout(sweep, intervalMs);
  };
  timer = setTimeout(sweep, intervalMs);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function settle(deps: ApiDependencies, row: OperationRow): Promise<void> {
  if (!row.plan || Date.now() - row.createdAt.getTime() < graceMs) return;
  const { status, words } = await deps.engine.statusOf(row.id);
  if (status === 'unknown' && row.state === 'queued') {
    await deps.engine.start(row.plan);
  } else if (status !== 'running') {
    await endLost(deps, row.plan, words);
  } else if (row.cancelRequestedBy) {
    await deps.engine.cancel(row.id);
  }
}

/** Inner ones first: the outer one's end is the last word. */
async function endLost(deps: ApiDependencies, plan: Plan, words: string): Promise<void> {
  const message = `The engine's run is ${words}, and the Operation never said that it had ended. Look at what its last step left, then start a new one.`;
  for (const { plan: each } of [...plansOf(plan)].reverse()) {
    await endOperation(deps.db, each, { state: 'failed', message, exitCode: null });
  }
}
