// Which runs of the engine are ours. Whoever reaches its port can copy sealed payloads: they do nothing but in the run that
// they were made for.

import { ApplicationFailure, activityInfo } from '@temporalio/activity';
import type { ActionPlan } from '../model/action.ts';

/** Activities of an Operation run within its workflow, never by themselves. */
export function admitOperation(operationId: string): void {
  if (activityInfo().workflowExecution?.workflowId !== operationId) refuse('This belongs to another Operation.');
}

/** An Action is an activity by itself, or on older servers the one of a workflow; in either case with its id. */
export function admitAction({ id, expiresAt }: ActionPlan): void {
  const { workflowExecution, activityId } = activityInfo();
  if ((workflowExecution?.workflowId ?? activityId) !== id) refuse('This belongs to another Action.');
  if (Date.now() > expiresAt) {
    refuse('This Action is too old. Are the clocks of the API’s machine and of the worker’s right?');
  }
}

export function refuse(message: string): never {
  throw ApplicationFailure.nonRetryable(message, 'Forged');
}
