// What steps and Actions do. The worker serves any Task type by `default`; the recorder's activities have names of their own, which no
// Task type can have (they are verb_noun).

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import type { Plan } from '../model/plan.ts';
import { beginOperation, endOperation, type OperationEnd } from '../model/store/operations.ts';
import { admitOperation } from './admission.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { runPreflight } from './preflight.ts';
import { runAction } from './run-action.ts';
import { runTask, type TaskArguments, type TaskResult } from './run-task.ts';

export type { TaskArguments, TaskResult } from './run-task.ts';

export type TaskActivity = (args: TaskArguments) => Promise<TaskResult>;

export interface Activities {
  beginOperation(plan: Plan): Promise<void>;
  preflight(plan: Plan): Promise<void>;
  endOperation(plan: Plan, end: OperationEnd): Promise<void>;
  default: TaskActivity;
}

/** Served on a queue of its own (see actionQueue), under any name as well. */
export interface ActionActivities {
  default(args: ActionArguments): Promise<ActionEnd>;
}

export function createActivities(deps: ActivityDependencies): Activities {
  const within = <T>(operationId: string, work: () => Promise<T>): Promise<T> => {
    admitOperation(operationId);
    return work();
  };
  return {
    beginOperation: async plan => within(plan.operationId, () => beginOperation(deps.db, plan)),
    preflight: async plan => within(plan.operationId, () => runPreflight(deps, plan)),
    endOperation: async (plan, end) => within(plan.operationId, () => endOperation(deps.db, plan, end)),
    default: async args => within(args.operation.id, () => runTask(deps, args)),
  };
}

export function createActionActivities(deps: ActivityDependencies): ActionActivities {
  return { default: args => runAction(deps, args) };
}
