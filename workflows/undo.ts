// Takes back what an Operation has done: the last step first, each as a Task that is shown, logged and retried.

import { isCancellation } from '@temporalio/workflow';
import { type RunnableStep, tasksOf, undosOf } from '../model/plan.ts';
import { attend } from './attend.ts';
import { failureOf } from './failures.ts';
import type { Running } from './operation.ts';
import { runTask } from './run-steps.ts';
import { recorder } from './step-activities.ts';

export interface Undone {
  /** Titles of the steps that were undone. */
  undone: string[];
  /** Titles of those that have changed something and were not. */
  left: string[];
}

export async function undo(running: Running): Promise<Undone> {
  const { order, outputs, left } = await recorder().beginUndo(running.of, running.args.plan);
  for (const [taskId, done] of Object.entries(outputs)) running.finished[taskId] = { outputs: done, changed: true };
  const steps = [...tasksOf(running.args.plan)];
  const result: Undone = { undone: [], left };
  for (const taskId of order) {
    const step = steps.flatMap(entry => undosOf(entry.step)).find(undo => undo.taskId === taskId);
    if (!step) continue;
    const isUndone = await undoStep(step, running);
    (isUndone ? result.undone : result.left).push(step.title.replace(/^Undo: /, ''));
  }
  return result;
}

/** False: somebody has decided to leave it as it is. */
async function undoStep(step: RunnableStep, running: Running): Promise<boolean> {
  for (;;) {
    try {
      await runTask(step, running);
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const question = { about: 'undo' as const, message: failureOf(error).message, tasks: [step.taskId] };
      const { choice, inputs } = await attend(running, { ...question, choices: ['retry', 'skip'] });
      if (choice === 'skip') return false;
      Object.assign(running.changed, inputs);
    }
  }
}

/** What became of it, behind the reason for which it ended. */
export function describeUndone({ undone, left }: Undone): string {
  const sentences = [
    undone.length > 0 ? `Undone: ${undone.join(', ')}.` : 'There was nothing to undo.',
    left.length > 0 ? `Left as they are: ${left.join(', ')}.` : '',
  ];
  return sentences.filter(Boolean).join(' ');
}
