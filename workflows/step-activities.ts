// How activities are called: one activity type per Task type (readable in the console), and those of our own.

import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type {
  Activities,
  Locksmith,
  Messenger,
  Recorder,
  Roller,
  Scheduler,
  TaskActivity,
} from '../activities/index.ts';
import type { RunnableStep } from '../model/plan.ts';
import { deliveryQueue, recordQueue } from '../model/task-queues.ts';

/** Bookkeeping is quick and must not be lost: it is tried until the database answers again. */
const bookkeeping = () => ({
  taskQueue: recordQueue(workflowInfo().taskQueue),
  startToCloseTimeout: '1 minute' as const,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second' as const, maximumInterval: '10 seconds' as const },
});

// The queue is known only within a run.
export const recorder = (): Recorder => proxyActivities<Recorder>(bookkeeping());
export const locksmith = (): Locksmith => proxyActivities<Locksmith>(bookkeeping());
export const roller = (): Roller => proxyActivities<Roller>(bookkeeping());
export const scheduler = (): Scheduler => proxyActivities<Scheduler>(bookkeeping());

/** What the receiver says is a result; only the database or a worker that went away is tried again by the engine. */
export const messenger = (): Messenger =>
  proxyActivities<Messenger>({
    ...bookkeeping(),
    taskQueue: deliveryQueue(workflowInfo().taskQueue),
    heartbeatTimeout,
  });

// Activities beat every second; 15 s without one means that the worker is gone, not that it is busy.
const heartbeatTimeout = '15 seconds';
// Lost workers count as attempts too; a Task that may run again gets some for them beside those for the transport.
const attemptsForLostWorkers = 2;

/** A plan changes nothing: it is made again when its worker is lost. */
export function planActivity({ title, timeoutSeconds }: RunnableStep): Activities['planTask'] {
  return proxyActivities<Activities>({
    startToCloseTimeout: timeoutSeconds * 1000,
    heartbeatTimeout,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `Plan: ${title}`,
    retry: { initialInterval: 1000, maximumAttempts: 1 + attemptsForLostWorkers },
  }).planTask;
}

export function taskActivity(step: RunnableStep): TaskActivity {
  const activities = proxyActivities<Record<string, Activities['default']>>({
    startToCloseTimeout: step.timeoutSeconds * 1000,
    heartbeatTimeout,
    // Otherwise the workflow goes on while the playbook still runs.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: step.server ? `${step.title} on ${step.server.name}` : step.title,
    retry: {
      initialInterval: step.retry.firstDelaySeconds * 1000,
      backoffCoefficient: 2,
      // One that must not simply run again is tried to learn whether it has come to an end (run-task.ts).
      maximumAttempts: (step.repeatable ? step.retry.attempts : 1) + attemptsForLostWorkers,
      ...(step.repeatable ? {} : { nonRetryableErrorTypes: ['TemporalTimeout:StartToClose'] }),
    },
  });
  const activity = activities[step.taskType];
  if (!activity) throw new TypeError(`no activity for ${step.taskType}`);
  return activity;
}
