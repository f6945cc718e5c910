// What steps and Actions do. The worker serves any Task type by `default`; those that write down what happens have names.

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import { admitOperation } from './admission.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createLocksmith, type Locksmith } from './locksmith.ts';
import { createMessenger, type Messenger, type MessengerDependencies } from './notify/messenger.ts';
import { planTask } from './plan-task.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { createRoller, type Roller } from './roller.ts';
import { runAction } from './run-action.ts';
import { runTask, type TaskArguments, type TaskResult } from './run-task.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

export type { FinishedTasks, OperationEnd, RunOf } from '../model/store/operation-run.ts';
export type { Locksmith } from './locksmith.ts';
export type { Messenger } from './notify/messenger.ts';
export type { Recorder } from './recorder.ts';
export type { Roller } from './roller.ts';
export type { Fence, TaskArguments, TaskResult } from './run-task.ts';
export type { Scheduler } from './scheduler.ts';

export type TaskActivity = (args: TaskArguments) => Promise<TaskResult>;

export interface Activities {
  default: TaskActivity;
  /** No Task type has such a name. */
  planTask(args: TaskArguments): Promise<void>;
}

/** Served on a queue of its own (see actionQueue), under any name as well. */
export interface ActionActivities {
  default(args: ActionArguments): Promise<ActionEnd>;
}

export function createActivities(deps: ActivityDependencies): Activities {
  return {
    default: async (args: TaskArguments) => {
      admitOperation(args.operation.id);
      return runTask(deps, args);
    },
    planTask: async (args: TaskArguments) => {
      admitOperation(args.operation.id);
      return planTask(deps, args);
    },
  };
}

/** Served on a queue of their own (see recordQueue). */
export function createRecordActivities(deps: ActivityDependencies): Recorder & Locksmith & Scheduler & Roller {
  return {
    ...createRecorder(deps),
    ...createLocksmith(deps),
    ...createScheduler(deps.dispatch),
    ...createRoller(deps.dispatch),
  };
}

export function createActionActivities(deps: ActivityDependencies): ActionActivities {
  return { default: args => runAction(deps, args) };
}

/** Served on a queue of their own (see deliveryQueue). */
export function createDeliveryActivities(deps: MessengerDependencies): Messenger {
  return createMessenger(deps);
}
