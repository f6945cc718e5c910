// The bundle of the worker: every Operation type is the workflow type of its own name, carried out by one interpreter. So is
// every Action on servers that know no activity by itself. A lock is a workflow too.

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import { type LockArguments, runLock } from './lock.ts';
import type { OperationArguments, Outputs } from './operation.ts';
import { runAction } from './run-action.ts';
import { runOperation } from './run-operation.ts';

export default async function run(
  args: OperationArguments | ActionArguments | LockArguments,
): Promise<Outputs | ActionEnd | undefined> {
  if ('action' in args) return runAction(args);
  if ('lock' in args) return runLock(args);
  return runOperation(args);
}
