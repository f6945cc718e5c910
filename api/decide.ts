// A person's answer to an Operation that needs attention.

import { actorOf, authorizeRole, type Principal } from '../dispatch/access.ts';
import { approvalRefusal } from '../model/approval.ts';
import { asksForApproval } from '../model/approval-rules.ts';
import { AppError, invalid } from '../model/errors.ts';
import { runnablesOf } from '../model/plan.ts';
import { isOver } from '../model/run.ts';
import { type DecisionRequest, decide } from '../model/store/attention.ts';
import { findOperation, type OperationRow } from '../model/store/operations.ts';
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
  { attention, choice, inputs, reason = '' }: DecisionInput,
): Promise<void> {
  const outermost = await outermostOf(deps, row);
  const asked = row.attention;
  const refusal = asked?.approval ? approvalRefusal(asked.approval, principal) : '';
  if (refusal) throw new AppError('forbidden', refusal);
  if (outermost.plan && !asked?.approval) authorizeRole(principal, outermost.plan.minimumRole);
  if (asked?.id !== attention) {
    const words = isOver(row.state) ? 'The Operation is over.' : 'It does not ask this (any more).';
    throw new AppError('conflict', `${words} Look at it again.`);
  }
  if (!asked.choices.includes(choice))
    throw new AppError('conflict', `“${choice}” cannot be chosen now. Choose one of: ${asked.choices.join(', ')}.`);
  if (choice !== 'retry' && Object.keys(inputs).length > 0)
    throw new AppError('invalid', 'Changed fields have a meaning only with “retry”.');
  if (choice === 'reject' && !reason.trim())
    throw invalid(
      [{ path: 'reason', message: 'is missing: say why, for whoever has asked.' }],
      'It is not rejected yet.',
    );
  const isApproved = outermost.plan !== null && asksForApproval(outermost.plan);
  if (isApproved && Object.keys(inputs).length > 0)
    throw new AppError(
      'conflict',
      'It was approved with the fields that it has: retry it with these, or end it and start it anew.',
    );
  const steps = outermost.plan ? [...runnablesOf(outermost.plan)] : [];
  const failed = steps.filter(step => asked.tasks.includes(step.taskId));
  const changed = await changedInputs(deps, principal, failed, inputs);
  await decide(deps.db, actorOf(principal), row, { attention, choice, inputs: changed, reason });
  // The row is the truth: when the engine is away now, the sweeper tells it as soon as it answers.
  await deps.engine
    .tellDecided(row.id)
    .catch(error => deps.log(`The decision on ${row.id} waits for the engine`, error));
}

export async function outermostOf(deps: ApiDependencies, row: OperationRow): Promise<OperationRow> {
  return row.parent ? outermostOf(deps, await findOperation(deps.db, row.parent)) : row;
}
