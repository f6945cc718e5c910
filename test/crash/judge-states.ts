// Whether what the API says of an Operation that is over is what the journal and the changes on the host say. Pure.

import type { OperationView, TaskView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { type Line, runOf } from './journal.ts';
import { steps } from './types.ts';

export interface Found {
  lines: Line[];
  /** One line for each change that is there. */
  changes: string;
  operation: OperationView;
  /** What a person decided: `step: undo`. */
  decisions: string[];
}

export function judgeStates(found: Found): string[] {
  const { operation, lines } = found;
  if (!isOver(operation.state)) return [`The Operation is ${operation.state}`];
  const known = new Map(operation.tasks.map(task => [task.id, task]));
  const strangers = lines.filter(
    line => !known.get(line.task)?.attempts.some(attempt => attempt.number === line.attempt),
  );
  return [
    ...new Set(strangers.map(line => `Attempt ${runOf(line)} of ${line.step} is not known to the API`)),
    ...operation.tasks.flatMap(task => judgeTask(task, lines)),
    ...steps.flatMap(step => judgeChange(step, found)),
    ...judgeEnd(found),
  ];
}

function judgeTask(task: TaskView, lines: Line[]): string[] {
  const wrong: string[] = [];
  const name = `${task.undoes ? 'the undo of ' : ''}${task.step}`;
  if (['pending', 'running'].includes(task.state)) wrong.push(`The state of ${name} is ${task.state} after the end`);
  for (const { number, state } of task.attempts) {
    if (state === 'running') wrong.push(`Attempt ${number} of ${name} is running after the end`);
    const hasEnd = lines.some(line => line.kind === 'end' && runOf(line) === `${task.id}.${number}`);
    if (state === 'succeeded' && !hasEnd && task.step !== 'preflight')
      wrong.push(`Attempt ${number} of ${name} has succeeded, and its end is not in the journal`);
  }
  const last = task.attempts.at(-1)?.state;
  if (['succeeded', 'undone'].includes(task.state) && last !== 'succeeded')
    wrong.push(`${name} is ${task.state}, and its last attempt ${last}`);
  if (last === 'succeeded' && !['succeeded', 'undone'].includes(task.state))
    wrong.push(`The last attempt of ${name} has succeeded, and it is ${task.state}`);
  return wrong;
}

function judgeChange({ name, once }: (typeof steps)[number], { operation, changes, lines }: Found): string[] {
  const count = changes.split('\n').filter(line => line === name).length;
  const task = operation.tasks.find(entry => entry.step === name && !entry.undoes);
  const begins = lines.filter(line => line.kind === 'begin' && line.verb === 'do' && line.step === name).length;
  const wrong: string[] = [];
  if (count > 1) wrong.push(`The change of ${name} is there ${count} times`);
  if (task?.state === 'succeeded' && count === 0) wrong.push(`${name} has succeeded, and its change is not there`);
  if (task?.state === 'undone' && count > 0) wrong.push(`${name} is undone, and its change is there`);
  if (begins === 0 && count > 0) wrong.push(`${name} was never begun, and its change is there`);
  if (task?.state === 'succeeded' && begins === 0) wrong.push(`${name} has succeeded without a begin`);
  // A resume is a person's wish to run it again.
  if (once && begins > operation.attempt) wrong.push(`${name} must not run again, and was begun ${begins} times`);
  return wrong;
}

function judgeEnd({ operation, decisions }: Found): string[] {
  const own = operation.tasks.filter(task => !task.undoes);
  const wrong: string[] = [];
  const isDone = own.every(
    ({ state, skippedBy }) => state === 'succeeded' || (state === 'skipped' && skippedBy !== ''),
  );
  if (operation.state === 'succeeded' && !isDone) wrong.push('The Operation has succeeded without all of its steps');
  if (operation.state !== 'succeeded' && isDone && operation.tasks.length === own.length)
    wrong.push(`All steps are done, and the Operation is ${operation.state}`);
  if (operation.state === 'failed' && !decisions.some(text => text.startsWith('step: ') && /undo|leave/.test(text)))
    wrong.push('The Operation has failed, and nobody has decided so');
  const wasUndone = operation.tasks.some(task => task.undoes);
  const isLeft = own.some(task => task.step !== 'preflight' && task.state === 'succeeded');
  if (wasUndone && isLeft && operation.state !== 'succeeded' && operation.attempt === 1)
    wrong.push('It was undone, and some steps are not');
  return wrong;
}
