// What waits until another person has looked at it and says yes.

import { approvalWords, type PlannedApproval } from '../model/approval.ts';
import type { PlanStep } from '../model/plan.ts';
import { attend } from './attend.ts';
import { type Ending, stop } from './failures.ts';
import type { Running } from './operation.ts';

/** Throws when somebody rejects it, or nobody says anything in time. */
export async function awaitApproval(running: Running, approval: PlannedApproval, ending: Ending): Promise<void> {
  const { choice, by, reason } = await attend(running, {
    about: 'approval',
    message: approvalWords(approval),
    tasks: [],
    choices: ['approve', 'reject'],
    approval,
  });
  if (choice === 'approve') return;
  const message =
    by === 'policy'
      ? `Nobody has approved it within ${approval.expiresHours} hours.`
      : `Rejected by ${by}: “${reason}”.`;
  throw stop(ending, { message, exitCode: null });
}

/** Of a step, and before a group for all that is in it: a question would end what runs beside it. */
export function approvalsOf(step: PlanStep): PlannedApproval[] {
  const all = step.kind === 'parallel' ? [step, ...step.steps] : [step];
  return all.flatMap(({ approval }) => (approval ? [approval] : []));
}
