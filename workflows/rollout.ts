// A Rollout: looks again and again at what has ended and what may begin, until it is over. What it is about, and all that has
// become of it, is in the database; this is only what keeps it going.

import {
  ApplicationFailure,
  condition,
  defineSignal,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { rolloutChanged, rolloutWorkflowId } from '../model/rollout.ts';
import { roller } from './step-activities.ts';

export interface RolloutArguments {
  rollout: string;
}

const changedSignal = defineSignal(rolloutChanged);

/** It may go on for weeks: where workers have versions it follows them. */
const asNewest = { initialVersioningBehavior: 'AUTO_UPGRADE' } as const;

export async function runRollout({ rollout }: RolloutArguments): Promise<undefined> {
  if (workflowInfo().workflowId !== rolloutWorkflowId(rollout))
    throw ApplicationFailure.nonRetryable('This belongs to another Rollout.', 'Forged');
  let hints = 0;
  setHandler(changedSignal, () => {
    hints += 1;
  });
  for (;;) {
    const seen = hints;
    const { over, waitMs } = await roller().advanceRollout(rollout);
    if (over) return undefined;
    const { continueAsNewSuggested, targetWorkerDeploymentVersionChanged } = workflowInfo();
    if (continueAsNewSuggested || targetWorkerDeploymentVersionChanged)
      await makeContinueAsNewFunc<typeof runRollout>(asNewest)({ rollout });
    if (waitMs > 0) await condition(() => hints !== seen, waitMs);
  }
}
