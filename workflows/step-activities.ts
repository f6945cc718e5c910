// How activities are called: one activity type per Task type (readable in the console), and the recorder's own.

import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities, TaskActivity } from '../activities/index.ts';
import type { TaskStep } from '../model/plan.ts';

/** Bookkeeping is quick and must not be lost: it is tried until the database answers again. */
export const recorder = proxyActivities<Pick<Activities, 'beginOperation' | 'preflight' | 'endOperation'>>({
  startToCloseTimeout: '1 minute',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

// Activities beat every second; 15 s without one means that the worker is gone, not that it is busy.
const heartbeatTimeout = '15 seconds';
// Lost workers count as attempts too; a Task that may run again gets some for them beside those for the transport.
const attemptsForLostWorkers = 2;

export function taskActivity(step: TaskStep): TaskActivity {
  const activities = proxyActivities<Record<string, TaskActivity>>({
    startToCloseTimeout: step.timeoutSeconds * 1000,
    heartbeatTimeout,
    // Otherwise the workflow goes on while the playbook still runs.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: step.server ? `${step.title} on ${step.server.name}` : step.title,
    retry: {
      initialInterval: step.retry.firstDelaySeconds * 1000,
      backoffCoefficient: 2,
      maximumAttempts: step.repeatable ? step.retry.attempts + attemptsForLostWorkers : 1,
    },
  });
  const activity = activities[step.taskType];
  if (!activity) throw new TypeError(`no activity for ${step.taskType}`);
  return activity;
}
