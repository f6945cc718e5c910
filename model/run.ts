// Runs of Operations and Tasks: their states and what may follow which.

export const operationStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type OperationState = (typeof operationStates)[number];

export const taskStates = ['pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled'] as const;
export type TaskState = (typeof taskStates)[number];

export function isOver(state: OperationState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

export function isTaskOver(state: TaskState): boolean {
  return state !== 'pending' && state !== 'running';
}
