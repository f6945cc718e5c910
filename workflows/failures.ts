// Why an Operation stops, in words.

import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Choice } from '../model/attention.ts';
import { lostMessage } from '../model/run.ts';

export interface Failure {
  message: string;
  exitCode: number | null;
  /** What it works on does not answer. */
  isAway?: boolean;
}

export type Ending = Extract<Choice, 'undo' | 'leave'>;

const stopped = 'Stopped';

/** Somebody has decided that it ends here; outer Operations follow without being asked again. */
export function stop(choice: Ending, { message, exitCode }: Failure): ApplicationFailure {
  return ApplicationFailure.create({ message, type: stopped, nonRetryable: true, details: [exitCode, choice] });
}

/** What was decided, also when that was in a nested Operation; null = nobody has. */
export function endingOf(error: unknown): Ending | null {
  const cause = rootCause(error);
  if (!(cause instanceof ApplicationFailure) || cause.type !== stopped) return null;
  return cause.details?.[1] === 'undo' ? 'undo' : 'leave';
}

export function failureOf(error: unknown): Failure {
  const cause = rootCause(error);
  if (cause instanceof TimeoutFailure) return { message: timeoutMessage(cause), exitCode: null };
  const exitCode = cause instanceof ApplicationFailure ? Number(cause.details?.[0] ?? Number.NaN) : Number.NaN;
  const message = cause instanceof Error ? cause.message : String(cause);
  const isAway = cause instanceof ApplicationFailure && cause.details?.[1] === 'unreachable';
  return { message, exitCode: Number.isNaN(exitCode) ? null : exitCode, isAway };
}

/** Nobody could say it but the engine. */
function timeoutMessage({ timeoutType }: TimeoutFailure): string {
  return timeoutType === 'HEARTBEAT'
    ? lostMessage
    : 'A step took longer than its time limit and was ended. Look at what it left; retry it, or give its Task type a longer "timeout".';
}

/** What the activity or nested Operation itself said, or for a lost worker what the engine says. */
function rootCause(error: unknown): unknown {
  if ((error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause)
    return rootCause(error.cause);
  return error;
}
