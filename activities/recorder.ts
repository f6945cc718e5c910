// What the run of an Operation writes down. Everything can be repeated without harm.

import { ApplicationFailure } from '@temporalio/activity';
import type { Attention, CancelChoice, Decision } from '../model/attention.ts';
import { AppError } from '../model/errors.ts';
import type { Plan, PlannedLock } from '../model/plan.ts';
import { type DecisionRequest, decide, park, takeDecision } from '../model/store/attention.ts';
import {
  beginOperation,
  endOperation,
  type FinishedTasks,
  finishedTasks,
  type OperationEnd,
  type RunOf,
} from '../model/store/operation-run.ts';
import { findOperation } from '../model/store/operations.ts';
import { beginUndo, type UndoPlan } from '../model/store/undo.ts';
import { admitOperation } from './admission.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { endLeft } from './end-left.ts';
import { runPreflight } from './preflight.ts';

export interface Recorder {
  claimLock(run: RunOf, lock: PlannedLock): Promise<void>;
  releaseLocks(run: RunOf): Promise<void>;
  beginOperation(run: RunOf): Promise<FinishedTasks>;
  preflight(run: RunOf, plan: Plan): Promise<void>;
  park(run: RunOf, attention: Attention): Promise<void>;
  takeDecision(run: RunOf, attention: string): Promise<Decision | null>;
  /** The time in which a person could decide is over. */
  decideByPolicy(run: RunOf, request: DecisionRequest): Promise<void>;
  /** What becomes of a cancelled one, and what it has finished. */
  cancelled(run: RunOf): Promise<{ choice: CancelChoice; finished: FinishedTasks }>;
  beginUndo(run: RunOf, plan: Plan): Promise<UndoPlan>;
  endOperation(run: RunOf, end: OperationEnd): Promise<void>;
}

export function createRecorder(deps: ActivityDependencies): Recorder {
  const { db, locks } = deps;
  const within = async <T>({ plan }: RunOf, work: () => Promise<T>): Promise<T> => {
    admitOperation(plan.operationId);
    return work().catch(error => {
      // Trying again does not help a run that was superseded.
      if (error instanceof AppError && error.code === 'conflict')
        throw ApplicationFailure.nonRetryable(error.message, 'Superseded');
      throw error;
    });
  };
  return {
    claimLock: (run, lock) => within(run, () => locks.claim(run, lock)),
    releaseLocks: run => within(run, () => locks.release(run)),
    beginOperation: run => within(run, () => beginOperation(db, run)),
    preflight: (run, plan) => within(run, () => runPreflight(deps, run, plan)),
    park: (run, attention) => within(run, async () => park(db, run, await withWhatIsLeft(deps, run, attention))),
    takeDecision: (run, attention) => within(run, () => takeDecision(db, run, attention)),
    decideByPolicy: (run, request) => within(run, () => decideByPolicy(deps, run, request)),
    cancelled: run =>
      within(run, async () => {
        const { cancelChoice } = await findOperation(db, run.plan.operationId);
        // Cancelled in the console, where nobody is asked.
        return { choice: cancelChoice ?? 'ask', finished: await finishedTasks(db, run.root) };
      }),
    beginUndo: (run, plan) => within(run, () => beginUndo(db, run, plan)),
    endOperation: (run, end) => within(run, async () => endOperation(db, run, await withWhatIsLeft(deps, run, end))),
  };
}

/** Nobody is to decide, or to go on, beside something that still runs. */
async function withWhatIsLeft<T extends { message: string }>(
  deps: ActivityDependencies,
  run: RunOf,
  told: T,
): Promise<T> {
  return { ...told, message: `${told.message} ${await endLeft(deps, run)}`.trim() };
}

async function decideByPolicy({ db }: ActivityDependencies, { plan }: RunOf, request: DecisionRequest): Promise<void> {
  const row = await findOperation(db, plan.operationId);
  const actor = { name: 'policy', organisation: plan.organisation };
  await decide(db, actor, row, request).catch(error => {
    // A person was quicker.
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
  });
}
