// What a Rollout does between two looks. It can be repeated without harm.

import { activityInfo } from '@temporalio/activity';
import { type Advance, advanceRollout } from '../dispatch/advance-rollout.ts';
import type { DispatchDependencies } from '../dispatch/dependencies.ts';
import { rolloutWorkflowId } from '../model/rollout.ts';
import { refuse } from './admission.ts';

export interface Roller {
  advanceRollout(rollout: string): Promise<Advance>;
}

export function createRoller(deps: DispatchDependencies): Roller {
  return {
    async advanceRollout(rollout) {
      if (activityInfo().workflowExecution?.workflowId !== rolloutWorkflowId(rollout))
        refuse('This belongs to another Rollout.');
      return advanceRollout(deps, rollout);
    },
  };
}
