// The bundle of the worker: every Operation type is the workflow type of its own name, carried out by one interpreter. So is
// every Action on servers that know no activity by itself. A lock is a workflow too, and so are a time of a Schedule, a
// Rollout, and each message to a receiver.

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import { type DeliveryArguments, runDelivery } from './deliver.ts';
import { type LockArguments, runLock } from './lock.ts';
import type { OperationArguments, Outputs } from './operation.ts';
import { type RolloutArguments, runRollout } from './rollout.ts';
import { runAction } from './run-action.ts';
import { runOperation } from './run-operation.ts';
import { runScheduled, type ScheduledArguments } from './scheduled.ts';

export default async function run(
  args:
    | OperationArguments
    | ActionArguments
    | LockArguments
    | ScheduledArguments
    | RolloutArguments
    | DeliveryArguments,
): Promise<Outputs | ActionEnd | undefined> {
  if ('action' in args) return runAction(args);
  if ('lock' in args) return runLock(args);
  if ('scheduleEntry' in args) return runScheduled(args);
  if ('rollout' in args) return runRollout(args);
  if ('delivery' in args) return runDelivery(args);
  return runOperation(args);
}
