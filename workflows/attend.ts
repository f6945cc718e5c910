// An Operation that cannot go on by itself: it asks, keeps its locks, and waits for an answer as long as it takes.

import { condition, defineSignal } from '@temporalio/workflow';
import type { Attention, Choice, Decision } from '../model/attention.ts';
import type { Running } from './operation.ts';
import { recorder } from './step-activities.ts';

/** Only a hint: what was decided is in the row. */
export const decidedSignal = defineSignal('decided');

export type Question = Pick<Attention, 'about' | 'message' | 'tasks' | 'choices' | 'approval'>;

/** `by` is not there when the policy of a type decides at once. */
type Answer = Pick<Decision, 'choice' | 'inputs'> & Partial<Decision>;

export async function attend(running: Running, question: Question): Promise<Answer> {
  running.questions += 1;
  const policy = policyOf(running, question);
  if (policy?.at === 0) return { choice: policy.choice, inputs: {} };
  const id = `${running.args.attempt}.${running.questions}`;
  const at = policy && Date.now() + policy.at;
  await recorder().park(running.of, {
    ...question,
    id,
    policy: policy && at ? { choice: policy.choice, at: new Date(at).toISOString() } : null,
    since: new Date().toISOString(),
  });
  for (;;) {
    const { hints } = running;
    const decision = await recorder().takeDecision(running.of, id);
    if (decision) return decision;
    const isHinted = () => running.hints !== hints;
    if (!policy || !at) await condition(isHinted);
    else if (!(await condition(isHinted, Math.max(1, at - Date.now()))))
      await recorder().decideByPolicy(running.of, { attention: id, choice: policy.choice, inputs: {} });
  }
}

const hourMs = 3_600_000;

/** An undo that fails is always a person's business. `at`: milliseconds from now. */
function policyOf({ args }: Running, { about, choices, approval }: Question): { choice: Choice; at: number } | null {
  if (approval) return { choice: 'reject', at: approval.expiresHours * hourMs };
  const policy = args.onFailure;
  if (!policy || about !== 'step') return null;
  const choice = choices.includes(policy.choose) ? policy.choose : 'leave';
  return { choice, at: policy.afterHours * hourMs };
}
