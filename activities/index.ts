// What steps do. The worker serves any Task type by `default`; the recorder's activities have names of their own, which no
// Task type can have (they are verb_noun).

import type { Plan } from '../model/plan.ts';
import { beginOperation, endOperation, type OperationEnd } from '../model/store/operations.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { runPreflight } from './preflight.ts';
import { runTask, type TaskArguments, type TaskResult } from './run-task.ts';

export type { TaskArguments, TaskResult } from './run-task.ts';

export type TaskActivity = (args: TaskArguments) => Promise<TaskResult>;

export interface Activities {
  beginOperation(plan: Plan): Promise<void>;
  preflight(plan: Plan): Promise<void>;
  endOperation(plan: Plan, end: OperationEnd): Promise<void>;
  default: TaskActivity;
}

export function createActivities(deps: ActivityDependencies): Activities {
  return {
    beginOperation: plan => beginOperation(deps.db, plan),
    preflight: plan => runPreflight(deps, plan),
    endOperation: (plan, end) => endOperation(deps.db, plan, end),
    default: args => runTask(deps, args),
  };
}
