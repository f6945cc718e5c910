// What a time of a Schedule does. It can be repeated without harm.

import { activityInfo } from '@temporalio/activity';
import type { DispatchDependencies } from '../dispatch/dependencies.ts';
import { startScheduled } from '../dispatch/start-scheduled.ts';
import { dueTimeOf } from '../model/schedule.ts';
import { refuse } from './admission.ts';

export interface Scheduler {
  /** @param dueAt ISO 8601. */
  startScheduled(entry: string, dueAt: string): Promise<void>;
}

export function createScheduler(deps: DispatchDependencies): Scheduler {
  return {
    async startScheduled(entry, dueAt) {
      if (dueTimeOf(activityInfo().workflowExecution?.workflowId ?? '', entry) !== dueAt)
        refuse('This belongs to another Schedule.');
      await startScheduled(deps, entry, new Date(dueAt));
    },
  };
}
