// What steps and Actions do. The worker serves any Task type by `default`; those that write down what happens have names.

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import { admitOperation } from './admission.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createLocksmith, type Locksmith } from './locksmith.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { runAction } from './run-action.ts';
import { runTask, type TaskArguments, type TaskResult } from './run-task.ts';

export type { FinishedTasks, OperationEnd, RunOf } from '../model/store/operation-run.ts';
export type { Locksmith } from './locksmith.ts';
export type { Recorder } from './recorder.ts';
export type { Fence, TaskArguments, TaskResult } from './run-task.ts';

export type TaskActivity = (args: TaskArguments) => Promise<TaskResult>;

export interface Activities {
  default: TaskActivity;
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
  };
}

/** Served on a queue of their own (see recordQueue). */
export function createRecordActivities(deps: ActivityDependencies): Recorder & Locksmith {
  return { ...createRecorder(deps), ...createLocksmith(deps) };
}

export function createActionActivities(deps: ActivityDependencies): ActionActivities {
  return { default: args => runAction(deps, args) };
}
