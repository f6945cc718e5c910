// What an Operation that cannot go on by itself asks a person, and what the person answered.

import type { PlannedApproval } from './approval.ts';
import type { Input } from './plan.ts';

/** retry: the failed steps run again. skip: on without them. undo: what was done is taken back. leave: it ends as it is. Of an
 * approval: approve: it goes on; reject: it ends, and what was done is taken back. */
export const choices = ['retry', 'skip', 'undo', 'leave', 'approve', 'reject'] as const;
export type Choice = (typeof choices)[number];

export interface Attention {
  /** Of this question: a late answer to an earlier one changes nothing. */
  id: string;
  /** step: a step failed. cancel: somebody cancelled it. undo: a step could not be undone. approval: another person is to look. */
  about: 'step' | 'cancel' | 'undo' | 'approval';
  message: string;
  /** Who may approve it; of the others nothing. */
  approval?: PlannedApproval;
  /** Tasks that have failed. */
  tasks: string[];
  /** What may be chosen now. */
  choices: Choice[];
  /** When it is decided without a person, and how; null = never. */
  policy: { choice: Choice; at: string } | null;
  since: string;
}

export interface Decision {
  /** The question that it answers. */
  attention: string;
  choice: Choice;
  /** Changed inputs of failed Tasks, by Task. */
  inputs: Record<string, Record<string, Input>>;
  /** Why; a rejection has one. */
  reason?: string;
  by: string;
  at: string;
}

/** What becomes of the steps that are done when an Operation is cancelled. ask: a person says so when it has stopped. */
export const cancelChoices = ['ask', 'undo', 'leave'] as const;
export type CancelChoice = (typeof cancelChoices)[number];
