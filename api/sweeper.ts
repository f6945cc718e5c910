// Keeps rows and engine in step: starts Operations that have no workflow, ends those whose run is over without having said
// so (terminated in the console, lost with its server).

import { errorText } from '../model/errors.ts';
import { type Plan, plansOf } from '../model/plan.ts';
import { endOperation, listOpenOperations, type OperationEnd, type OperationRow } from '../model/store/operations.ts';
import type { ApiDependencies } from './dependencies.ts';

/** A start that was cut off is made up for within seconds. */
const intervalMs = 3000;
/** Younger rows are still being started by the request that wrote them. */
const graceMs = 5000;

export function startSweeper(deps: ApiDependencies): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let lastTrouble = '';
  const sweep = async () => {
    try {
      for (const row of await listOpenOperations(deps.db)) if (!stopped) await settle(deps, row);
      if (lastTrouble) deps.log('The sweeper looks through the open Operations again');
      lastTrouble = '';
    } catch (error) {
      // An outage of hours is one line, not one every three seconds.
      const trouble = errorText(error);
      if (trouble !== lastTrouble) deps.log('The sweeper cannot look through the open Operations', error);
      lastTrouble = trouble;
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
  if (status === 'unknown' && row.state === 'queued' && row.cancelRequestedBy) {
    await endAll(deps, row.plan, { state: 'cancelled', message: 'Cancelled before anything was run.', exitCode: null });
  } else if (status === 'unknown' && row.state === 'queued') {
    await deps.engine.start(row.plan);
  } else if (status !== 'running') {
    await endLost(deps, row.plan, words);
  } else if (row.cancelRequestedBy) {
    await deps.engine.cancel(row.id);
  }
}

async function endLost(deps: ApiDependencies, plan: Plan, words: string): Promise<void> {
  const message = `The engine's run is ${words}, and the Operation never said that it had ended. Look at what its last step left, then start a new one.`;
  await endAll(deps, plan, { state: 'failed', message, exitCode: null });
}

/** Inner ones first: the outer one's end is the last word. */
async function endAll(deps: ApiDependencies, plan: Plan, end: OperationEnd): Promise<void> {
  for (const { plan: each } of [...plansOf(plan)].reverse()) await endOperation(deps.db, each, end);
}
