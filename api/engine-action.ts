// The API's side of an Action: an activity by itself, or on servers without those a workflow of one activity.

import {
  ActivityExecutionFailedError,
  type ActivityOptions,
  type Client,
  type Connection,
  isGrpcServiceError,
  WorkflowFailedError,
} from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { engineUnavailable } from '../dispatch/engine-trouble.ts';
import {
  type ActionEnd,
  type ActionPlan,
  actionFailure,
  actionSeconds,
  actionStartSeconds,
  failedAction,
} from '../model/action.ts';
import { AppError } from '../model/errors.ts';
import { actionQueue } from '../model/task-queues.ts';

export interface ActionOptions {
  client: Client;
  connection: Connection;
  taskQueue: string;
}

export type RunAction = (action: ActionPlan) => Promise<ActionEnd>;

/** gRPC status UNIMPLEMENTED: the server is older than 1.32, or its operator has switched them off. */
const unimplemented = 12;

/** Beyond the time limit of the run: for its answer to come. */
const graceMs = 5000;

/** @throws AppError unavailable when nobody carried it out. */
export function createActionRunner(options: ActionOptions): RunAction {
  let standsAlone = true;
  return async action => {
    try {
      const limitMs = (actionStartSeconds + actionSeconds(action.step)) * 1000 + graceMs;
      return await options.connection.withDeadline(Date.now() + limitMs, async () => {
        if (standsAlone) {
          const end = await runAlone(options, action).catch(error => {
            if (!isUnimplemented(error)) throw error;
            standsAlone = false;
          });
          if (end) return end;
        }
        return runAsWorkflow(options, action);
      });
    } catch (error) {
      return endOf(error, action);
    }
  };
}

async function runAlone({ client, taskQueue }: ActionOptions, action: ActionPlan): Promise<ActionEnd> {
  const { step } = action;
  const options: ActivityOptions = {
    id: action.id,
    idReusePolicy: 'REJECT_DUPLICATE',
    taskQueue: actionQueue(taskQueue),
    args: [{ action }],
    scheduleToStartTimeout: actionStartSeconds * 1000,
    startToCloseTimeout: actionSeconds(step) * 1000,
    heartbeatTimeout: '15 seconds',
    retry: { maximumAttempts: 1 },
    summary: `${action.title} ${action.subject.name}`,
  };
  return client.activity.execute<ActionEnd>(step.taskType, options);
}

async function runAsWorkflow({ client, taskQueue }: ActionOptions, action: ActionPlan): Promise<ActionEnd> {
  const handle = await client.workflow.start(action.type, {
    workflowId: action.id,
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    taskQueue,
    args: [{ action }],
    staticSummary: `${action.title} ${action.subject.name}`,
  });
  let timer: NodeJS.Timeout | undefined;
  // A workflow waits for a worker as long as it takes; a person does not.
  const nobody = new Promise<never>((_resolve, reject) => {
    const look = async () => {
      // Started and scheduled, no more.
      if ((await handle.describe()).historyLength > 2) return;
      reject(noWorker());
      // A worker that comes later must not carry out what nobody waits for.
      await handle.terminate('No worker took it.');
    };
    timer = setTimeout(() => look().catch(reject), actionStartSeconds * 1000);
  });
  try {
    return await Promise.race([handle.result() as Promise<ActionEnd>, nobody]);
  } finally {
    clearTimeout(timer);
  }
}

export function isUnimplemented(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) && Number(cause.code) === unimplemented;
}

function noWorker(): AppError {
  const words = `No worker took it within ${actionStartSeconds} s. Is one running? Look at ./aegir status.`;
  return new AppError('unavailable', words);
}

function endOf(error: unknown, { step }: ActionPlan): ActionEnd {
  const cause = rootCause(error);
  if (cause instanceof AppError) throw cause;
  if (cause instanceof ApplicationFailure) {
    const [end] = (cause.type === actionFailure ? (cause.details ?? []) : []) as ActionEnd[];
    return end ?? failedAction(cause.message);
  }
  if (cause instanceof TimeoutFailure) {
    if (cause.timeoutType === 'SCHEDULE_TO_START') throw noWorker();
    if (cause.timeoutType === 'HEARTBEAT') return failedAction('The worker went away in the middle. Try it again.');
    return failedAction(`It took longer than its limit of ${actionSeconds(step)} s and was ended.`);
  }
  if (error instanceof ActivityExecutionFailedError || error instanceof WorkflowFailedError) {
    return failedAction('It was cancelled in the engine’s console.');
  }
  throw engineUnavailable(error);
}

function rootCause(error: unknown): unknown {
  const wraps =
    error instanceof ActivityExecutionFailedError ||
    error instanceof WorkflowFailedError ||
    error instanceof ActivityFailure;
  return wraps && error.cause ? rootCause(error.cause) : error;
}
