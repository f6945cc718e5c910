// What an undo takes back, what it leaves, and what may stay.

import { isGiven } from './coerce.ts';
import type { Plan, TaskStep, UndoStep } from './plan.ts';

/** A step that has succeeded, or has failed in the middle, and was not undone yet. */
export interface DoneStep {
  step: TaskStep;
  /** The Operation that it is a step of. */
  plan: Plan;
  within: string[];
  outputs: Record<string, unknown>;
  changed: boolean;
  /** It has not come to its end: it may have done half of its work. */
  failed: boolean;
  /** State of that Operation's subject before it began. */
  formerState: string | null;
}

export type UndoableStep = DoneStep & { step: { undo: UndoStep } };

export function isUndoable(done: DoneStep): done is UndoableStep {
  const { undo } = done.step;
  if (!undo) return false;
  if (undo.states && !undo.states.includes(done.formerState ?? '')) return false;
  if (done.failed) return undo.failed === true;
  return undo.when === null ? done.changed : holds(done.outputs[undo.when]);
}

const holds = (value: unknown) => isGiven(value) && value !== false;

/** What has changed something and stays. */
export function stepsLeft(all: DoneStep[]): DoneStep[] {
  const goesWith = ({ step, plan }: DoneStep) =>
    all.some(other => other.plan === plan && other.step.id === step.undoneBy && isUndoable(other));
  return all.filter(done => !done.failed && done.changed && !isUndoable(done) && !done.step.keeps && !goesWith(done));
}
