// Before somebody is asked: what the Tasks would do that are then carried out exactly so. Plans of earlier versions have none.

import { isCancellation } from '@temporalio/workflow';
import type { Plan, TaskStep } from '../model/plan.ts';
import { argumentsOf, type Running } from './operation.ts';
import { planActivity } from './step-activities.ts';

/** @param steps with the Operation, maybe a nested one, of which each is a part. */
export async function planBefore(running: Running, steps: { step: TaskStep; plan: Plan }[]): Promise<void> {
  for (const { step, plan } of steps) {
    if (!step.state || step.taskId in running.finished) continue;
    try {
      await planActivity(step)(argumentsOf(step, running, plan));
    } catch (error) {
      // Whoever is asked sees that there is none.
      if (isCancellation(error)) throw error;
    }
  }
}
