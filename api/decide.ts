// A person's answer to an Operation that needs attention.

import { AppError } from '../model/errors.ts';
import { runnablesOf } from '../model/plan.ts';
import { isOver } from '../model/run.ts';
import { type DecisionRequest, decide } from '../model/store/attention.ts';
import { findOperation, type OperationRow } from '../model/store/operations.ts';
import { actorOf, authorizeRole, type Principal } from './access.ts';
import { changedInputs } from './changed-inputs.ts';
import type { ApiDependencies } from './dependencies.ts';

export interface DecisionInput extends Omit<DecisionRequest, 'inputs'> {
  inputs: Record<string, Record<string, unknown>>;
}

/** @throws AppError conflict when there is no such question, or the choice is not offered. */
export async function decideOn(
  deps: ApiDependencies,
  principal: Principal,
  row: OperationRow,
  { attention, choice, inputs }: DecisionInput,
): Promise<void> {
  const outermost = await outermostOf(deps, row);
  if (outermost.plan) authorizeRole(principal, outermost.plan.minimumRole);
  const asked = row.attention;
  if (asked?.id !== attention) {
    const words = isOver(row.state) ? 'The Operation is over.' : 'It does not ask this (any more).';
    throw new AppError('conflict', `${words} Look at it again.`);
  }
  if (!asked.choices.includes(choice))
    throw new AppError('conflict', `“${choice}” cannot be chosen now. Choose one of: ${asked.choices.join(', ')}.`);
  if (choice !== 'retry' && Object.keys(inputs).length > 0)
    throw new AppError('invalid', 'Changed fields have a meaning only with “retry”.');
  const steps = outermost.plan ? [...runnablesOf(outermost.plan)] : [];
  const failed = steps.filter(step => asked.tasks.includes(step.taskId));
  const changed = await changedInputs(deps, principal, failed, inputs);
  await decide(deps.db, actorOf(principal), row, { attention, choice, inputs: changed });
  // The row is the truth: when the engine is away now, the sweeper tells it as soon as it answers.
  await deps.engine
    .tellDecided(row.id)
    .catch(error => deps.log(`The decision on ${row.id} waits for the engine`, error));
}

export async function outermostOf(deps: ApiDependencies, row: OperationRow): Promise<OperationRow> {
  return row.parent ? outermostOf(deps, await findOperation(deps.db, row.parent)) : row;
}
