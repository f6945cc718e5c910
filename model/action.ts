// An Action on its way: what the API hands to a worker, and what comes back. It has no rows.

import type { SubjectReference, TaskStep } from './plan.ts';

export interface ActionPlan {
  id: string;
  /** Name of its Operation type. */
  type: string;
  title: string;
  subject: SubjectReference;
  organisation: string;
  startedBy: string;
  /** Milliseconds since 1970. A worker refuses an older one: somebody replays it. */
  expiresAt: number;
  step: TaskStep;
}

export interface ActionEnd {
  state: 'succeeded' | 'failed';
  outputs: Record<string, unknown>;
  /** Why it failed, in words. */
  message: string;
  /** The last lines of a failed one. */
  lines: string[];
}

export interface ActionArguments {
  action: ActionPlan;
}

/** Type of the failure that carries an ActionEnd to the API. */
export const actionFailure = 'ActionFailed';

/** A person waits for it; what takes longer is an Operation. */
const longestSeconds = 60;

/** Slots are free within a second or two; after this nobody is there. */
export const actionStartSeconds = 5;

export function actionSeconds(step: TaskStep): number {
  return Math.min(step.timeoutSeconds, longestSeconds);
}

/** Clocks of two machines may differ by minutes. */
export const actionLifeMs = 5 * 60_000;

export function failedAction(message: string, lines: string[] = []): ActionEnd {
  return { state: 'failed', outputs: {}, message, lines };
}
