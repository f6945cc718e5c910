// The bundle of the worker: every Operation type is the workflow type of its own name, carried out by one interpreter. So is
// every Action on servers that know no activity by itself.

import type { ActionArguments, ActionEnd } from '../model/action.ts';
import { runAction } from './run-action.ts';
import { type OperationArguments, type Outputs, runOperation } from './run-operation.ts';

export default async function run(args: OperationArguments | ActionArguments): Promise<Outputs | ActionEnd> {
  return 'action' in args ? runAction(args) : runOperation(args);
}
