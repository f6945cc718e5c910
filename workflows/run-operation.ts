// The story of an Operation: locks, begin, pre-flight, its steps in order, end. It knows no Operation type, no application
// and no tool: the plan says everything. What steps do is in activities/.

import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { OperationEnd } from '../activities/index.ts';
import { tasksOf } from '../model/plan.ts';
import { awaitApproval } from './approve.ts';
import { attend, decidedSignal } from './attend.ts';
import { type Ending, endingOf, failureOf } from './failures.ts';
import { isOutermost, type OperationArguments, type Outputs, outputsOf, type Running, runningOf } from './operation.ts';
import { planBefore } from './plan-before.ts';
import { canUndo, cleansUp, runAlways, runSteps } from './run-steps.ts';
import { recorder } from './step-activities.ts';
import { grantedSignal, takeLocks } from './take-locks.ts';
import { describeUndone, undo } from './undo.ts';

export async function runOperation(args: OperationArguments): Promise<Outputs> {
  const { plan } = args;
  // A sealed plan that is replayed under another id is a forgery.
  if (workflowInfo().workflowId !== plan.operationId) {
    throw ApplicationFailure.nonRetryable('This plan belongs to another Operation.', 'Forged');
  }
  const running = runningOf(args);
  setHandler(decidedSignal, () => {
    running.hints += 1;
  });
  setHandler(grantedSignal, ({ key, run, token }) => {
    if (run === running.of.engineRun) running.granted.set(key, token);
  });
  const failure = await carryThrough(running);
  if (failure) throw failure;
  return outputsOf(plan.steps, running.finished);
}

/** Answers with what the run fails, when it does. */
async function carryThrough(running: Running): Promise<unknown> {
  const { plan } = running.args;
  let end: OperationEnd = { state: 'succeeded', message: '', exitCode: 0 };
  let failure: unknown = null;
  try {
    // One that goes on waiting for its locks has it.
    if (plan.approval && !plan.approval.given && !running.args.granted) {
      await planBefore(running, [...tasksOf(plan)]);
      await awaitApproval(running, plan.approval, 'leave');
    }
    await takeLocks(running);
    running.finished = await recorder().beginOperation(running.of);
    running.hasBegun = true;
    if (plan.preflightTaskId) await recorder().preflight(running.of, plan);
    await runSteps(running);
  } catch (error) {
    // It goes on waiting for its locks.
    if (error instanceof ContinueAsNew) throw error;
    failure = error;
  }
  // What follows is done also for one that was cancelled.
  await CancellationScope.nonCancellable(async () => {
    if (failure) {
      end = await settle(failure, running);
      // Outer Operations see what was decided, or that it was cancelled.
      if (end.state === 'cancelled') failure = new CancelledFailure('Cancelled.');
    }
    await recorder().endOperation(running.of, end);
    if (plan.locks.length > 0) await recorder().releaseLocks(running.of);
  });
  return failure;
}

async function settle(error: unknown, running: Running): Promise<OperationEnd> {
  const isCancelled = isCancellation(error);
  const state = isCancelled ? 'cancelled' : 'failed';
  const { message, exitCode } = isCancelled ? { message: 'Cancelled.', exitCode: null } : failureOf(error);
  const ending = isCancelled ? await endingOfCancel(running) : (endingOf(error) ?? 'leave');
  log.info('The Operation ends', { state, ending });
  const undone = ending === 'leave' ? null : await undo(running);
  const words = [message, ...(undone ? [describeUndone(undone)] : []), ...(await runAlways(running))].join(' ');
  const end: OperationEnd = { state, message: words, exitCode };
  return undone ? { ...end, restored: undone.left.length === 0 } : end;
}

/** A nested one leaves it to the outermost, which was cancelled as well. One that still waits has no locks to undo under. */
async function endingOfCancel(running: Running): Promise<Ending> {
  if (!isOutermost(running) || !running.hasBegun) return 'leave';
  const { choice, finished } = await recorder().cancelled(running.of);
  Object.assign(running.finished, finished);
  if (!canUndo(running)) return 'leave';
  if (choice !== 'ask') return choice;
  if (cleansUp(running.args.plan)) return 'leave';
  const message = 'It was cancelled and has stopped. What is done can be undone, or left as it is.';
  const decision = await attend(running, { about: 'cancel', message, tasks: [], choices: ['undo', 'leave'] });
  return decision.choice === 'undo' ? 'undo' : 'leave';
}
