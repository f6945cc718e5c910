// A time of a Schedule has come: begun by the engine's clock, under an id that says which time it is.

import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { dueTimeOf } from '../model/schedule.ts';
import { scheduler } from './step-activities.ts';

export interface ScheduledArguments {
  /** Of the Schedule on one subject. */
  scheduleEntry: string;
}

export async function runScheduled({ scheduleEntry }: ScheduledArguments): Promise<undefined> {
  const dueAt = dueTimeOf(workflowInfo().workflowId, scheduleEntry);
  if (dueAt === null) throw ApplicationFailure.nonRetryable('This belongs to another Schedule.', 'Forged');
  await scheduler().startScheduled(scheduleEntry, dueAt);
  return undefined;
}
