// What the API answers of an Operation that asks, and of a dry run, by which somebody decides.

import type { Attention, Choice } from '../model/attention.ts';
import type { FoundDifference, NotCompared } from '../model/drift.ts';
import type { FieldSpec } from '../model/fields.ts';
import type { SubjectReference } from '../model/plan.ts';

export interface AttentionView extends Attention {
  /** Operation that asks: decisions go there. */
  operation: string;
  /** It is answered, and goes on as soon as the engine hears it. */
  isDecided: boolean;
  failed: FailedTaskView[];
  /** Of an approval: what it works on. */
  touches: SubjectReference[];
  /** Of an approval: plans that were made for it, of which exactly this is carried out. Nothing: there is none. */
  planned?: DryRunView;
  /** What each choice would do, in words. */
  effects: Partial<Record<Choice, string>>;
}

export interface FailedTaskView {
  id: string;
  title: string;
  /** What a retry may change; the value that it has now stands in `default`. */
  fields: FieldSpec[];
}

/** What an Operation would change. */
export interface DryRunView {
  steps: { task: string; title: string; differences: FoundDifference[] }[];
  /** What changes something and cannot be tried without doing so, or works with what it would give. */
  notCompared: NotCompared[];
}
