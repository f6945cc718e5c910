// An Action as a workflow of one activity, for servers on which an activity cannot run by itself.

import { ActivityCancellationType, ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ActionActivities } from '../activities/index.ts';
import { type ActionArguments, type ActionEnd, actionSeconds, actionStartSeconds } from '../model/action.ts';
import { actionQueue } from '../model/task-queues.ts';

export async function runAction({ action }: ActionArguments): Promise<ActionEnd> {
  const { workflowId, taskQueue } = workflowInfo();
  if (workflowId !== action.id) throw ApplicationFailure.nonRetryable('This belongs to another Action.', 'Forged');
  const { step } = action;
  const activities = proxyActivities<Record<string, ActionActivities['default']>>({
    taskQueue: actionQueue(taskQueue),
    scheduleToStartTimeout: actionStartSeconds * 1000,
    startToCloseTimeout: actionSeconds(step) * 1000,
    heartbeatTimeout: '15 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: step.server ? `${action.title} on ${step.server.name}` : action.title,
    retry: { maximumAttempts: 1 },
  });
  const activity = activities[step.taskType];
  if (!activity) throw new TypeError(`no activity for ${step.taskType}`);
  return activity({ action });
}
