// Keeps rows and engine in step: starts Operations that have no workflow, ends those whose run is over without having said
// so (terminated in the console, lost with its server).

import { AppError, errorText } from '../model/errors.ts';
import { type Plan, plansOf } from '../model/plan.ts';
import { databaseTrouble } from '../model/store/database-away.ts';
import { endLostOperation, type OperationEnd } from '../model/store/operation-run.ts';
import { listDescendants, listOpenOperations, type OperationRow, setEngineRun } from '../model/store/operations.ts';
import { listOpenRollouts } from '../model/store/rollouts.ts';
import type { ApiDependencies } from './dependencies.ts';

/** A start that was cut off is made up for within seconds. */
const intervalMs = 3000;
/** Younger rows are still being started by the request that wrote them. */
const graceMs = 5000;
/** Each hint is in the run's history until somebody takes it up, and a run takes 10,000: a week without a worker is 200. */
const longestPauseMs = 3_600_000;

export function startSweeper(deps: ApiDependencies): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let lastTrouble = '';
  const hints: Hints = new Map();
  const started: Started = new Map();
  const sweep = async () => {
    try {
      const rows = await listOpenOperations(deps.db);
      for (const row of rows) if (!stopped) await trySettling(deps, hints, row);
      await keepRollouts(deps, started);
      for (const id of hints.keys()) if (!rows.some(row => row.id === id)) hints.delete(id);
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

/** When each open Rollout was last made sure of. */
type Started = Map<string, number>;

/** A start that finds its run does nothing there; a run that is lost should not stand still for long. */
const rolloutMs = 30_000;

async function keepRollouts(deps: ApiDependencies, started: Started): Promise<void> {
  const open = await listOpenRollouts(deps.db);
  for (const id of started.keys()) if (!open.some(row => row.id === id)) started.delete(id);
  for (const row of open) {
    if (Date.now() - (started.get(row.id) ?? 0) < rolloutMs) continue;
    await deps.engine.rollouts.start(row);
    started.set(row.id, Date.now());
  }
}

/** One that cannot be settled keeps nobody else from it; an engine that is away is away for all. */
async function trySettling(deps: ApiDependencies, hints: Hints, row: OperationRow): Promise<void> {
  try {
    await settle(deps, hints, row);
  } catch (error) {
    if (databaseTrouble(error) || (error instanceof AppError && error.code === 'unavailable')) throw error;
    deps.log(`The sweeper cannot settle the Operation ${row.id}`, error);
  }
}

async function settle(deps: ApiDependencies, hints: Hints, row: OperationRow): Promise<void> {
  if (!row.plan || Date.now() - row.queuedAt.getTime() < graceMs) return;
  if (row.engineRun === null) {
    if (!row.cancelRequestedBy) return begin(deps, row, row.plan);
    const message = 'Cancelled before anything was run.';
    // It may have been started all the same.
    await deps.engine.cancel(row.id);
    return endAll(deps, row.plan, { state: 'cancelled', message, exitCode: null });
  }
  const { status, words } = await deps.engine.statusOf(row.id, null);
  if (status !== 'running') return endLost(deps, row.plan, words);
  if (row.cancelRequestedBy) await deps.engine.cancel(row.id);
  // Also one that was cancelled may ask what becomes of it.
  if (row.state === 'needs_attention') await hint(deps, hints, row);
  else hints.delete(row.id);
}

/** Those that were given to an Operation so far: when the next one is due, after which pause. */
type Hints = Map<string, { at: number; pauseMs: number }>;

/** The engine has not taken up what somebody decided while it was away. */
async function hint(deps: ApiDependencies, hints: Hints, row: OperationRow): Promise<void> {
  const all = [row, ...(await listDescendants(deps.db, row.id))];
  const undone = all.filter(({ attention, decision }) => attention && decision?.attention === attention.id);
  const { at, pauseMs } = hints.get(row.id) ?? { at: 0, pauseMs: intervalMs };
  if (undone.length === 0) hints.delete(row.id);
  else if (Date.now() >= at) {
    for (const { id } of undone) await deps.engine.tellDecided(id);
    hints.set(row.id, { at: Date.now() + pauseMs, pauseMs: Math.min(2 * pauseMs, longestPauseMs) });
  }
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
