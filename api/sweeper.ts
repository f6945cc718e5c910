// Keeps rows and engine in step: starts Operations that have no workflow, ends those whose run is over without having said
// so (terminated in the console, lost with its server).

import { errorText } from '../model/errors.ts';
import { type Plan, plansOf } from '../model/plan.ts';
import { endLostOperation, type OperationEnd } from '../model/store/operation-run.ts';
import { listDescendants, listOpenOperations, type OperationRow, setEngineRun } from '../model/store/operations.ts';
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
  if (!row.plan || Date.now() - row.queuedAt.getTime() < graceMs) return;
  if (row.engineRun === null) {
    if (!row.cancelRequestedBy) return begin(deps, row, row.plan);
    const message = 'Cancelled before anything was run.';
    // It may have been started all the same.
    await deps.engine.cancel(row.id);
    return endAll(deps, row.plan, { state: 'cancelled', message, exitCode: null });
  }
  const { status, words } = await deps.engine.statusOf(row.id, null);
  if (status !== 'running') await endLost(deps, row.plan, words);
  else if (row.cancelRequestedBy) await deps.engine.cancel(row.id);
  else if (row.state === 'needs_attention') await hint(deps, row);
}

/** The engine has not taken up what somebody decided while it was away. */
async function hint(deps: ApiDependencies, row: OperationRow): Promise<void> {
  for (const { id, attention, decision } of [row, ...(await listDescendants(deps.db, row.id))])
    if (attention && decision?.attention === attention.id) await deps.engine.tellDecided(id);
}

async function begin(deps: ApiDependencies, row: OperationRow, plan: Plan): Promise<void> {
  await setEngineRun(deps.db, row, await deps.engine.start(plan, row.attempt));
}

async function endLost(deps: ApiDependencies, plan: Plan, words: string): Promise<void> {
  const message = `The engine's run is ${words}, and the Operation never said that it had ended. Look at what its last step left, then resume it.`;
  await endAll(deps, plan, { state: 'failed', message, exitCode: null });
}

/** Inner ones first: the outer one's end is the last word. */
async function endAll(deps: ApiDependencies, plan: Plan, end: OperationEnd): Promise<void> {
  for (const { plan: each } of [...plansOf(plan)].reverse()) await endLostOperation(deps.db, each, end);
}
