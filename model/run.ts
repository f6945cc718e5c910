// Runs of Operations and Tasks: their states and what may follow which.

export const operationStates = [
  /** Waits for its locks. */
  'queued',
  'running',
  /** A step has failed after its retries, or it was cancelled: somebody says how to go on. Locks are kept. */
  'needs_attention',
  'undoing',
  'succeeded',
  'failed',
  'cancelled',
] as const;
/** Those of Operations that are not over. */
export const openStates = ['queued', 'running', 'needs_attention', 'undoing'] as const;
export type OperationState = (typeof operationStates)[number];

export const taskStates = ['pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled', 'undone'] as const;
export type TaskState = (typeof taskStates)[number];

export function isOver(state: OperationState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

export function isTaskOver(state: TaskState): boolean {
  return state !== 'pending' && state !== 'running';
}

/** What a Task says of its own success in one line: its output `summary`. */
export function summaryOf({ state, outputs }: { state: TaskState; outputs: Record<string, unknown> }): string {
  return state === 'succeeded' && typeof outputs.summary === 'string' ? outputs.summary : '';
}

export const lookFirst = 'Look at what it left before you retry it.';

/** Of a Task that must not simply run again. */
export const lostMessage = `The worker went away in the middle of a step, which is not carried out again by itself. ${lookFirst}`;
