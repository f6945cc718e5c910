import { expect, test } from 'vitest';
import type { OperationView, TaskView } from '../../api/contract.ts';
import { parseJournal } from './journal.ts';
import { judgeStates } from './judge-states.ts';
import { steps } from './types.ts';

type TaskPart = Pick<TaskView, 'id' | 'step' | 'state' | 'undoes' | 'skippedBy'>;

/** Only what is looked at. */
function taskOf(values: Partial<TaskPart> & { step: string }, ...attempts: string[]): TaskView {
  const numbered = attempts.map((state, index) => ({ number: index + 1, state }));
  const task = {
    id: `T-${values.step}`,
    state: 'succeeded',
    undoes: null,
    skippedBy: '',
    attempts: numbered,
    ...values,
  };
  return task as unknown as TaskView;
}

const done = () => steps.map(({ name }) => taskOf({ step: name }, 'succeeded'));
const lineOf = (name: string, verb = 'do', task = `T-${name}`) =>
  `begin ${verb} ${name} 1 5 ${task}\nend ${verb} ${name} 1 5 ${task}\n`;
const journal = steps.map(({ name }) => lineOf(name)).join('');
const changes = steps.map(({ name }) => `${name}\n`).join('');

function judge(values: {
  tasks?: TaskView[];
  state?: string;
  journal?: string;
  changes?: string;
  decisions?: string[];
}) {
  const operation = { state: values.state ?? 'succeeded', attempt: 1, tasks: values.tasks ?? done() };
  return judgeStates({
    operation: operation as unknown as OperationView,
    lines: parseJournal(values.journal ?? journal),
    changes: values.changes ?? changes,
    decisions: values.decisions ?? [],
  });
}

const replaced = (...tasks: TaskView[]) => done().map(task => tasks.find(({ step }) => step === task.step) ?? task);
const without = (text: string, name: string) =>
  text
    .split('\n')
    .filter(line => !line.split(' ').includes(name))
    .join('\n');

test('what has been done, and is said to be, is right', () => {
  expect(judge({})).toEqual([]);
});

test('an Operation that is not over, and Tasks and attempts that never end, are wrong', () => {
  expect(judge({ state: 'running' })).toEqual(['The Operation is running']);
  const running = replaced(taskOf({ step: 's2', state: 'running' }, 'running'));
  expect(judge({ tasks: running })).toEqual(
    expect.arrayContaining([
      'The state of s2 is running after the end',
      'Attempt 1 of s2 is running after the end',
      'The Operation has succeeded without all of its steps',
    ]),
  );
});

test('work that the API does not know is wrong', () => {
  expect(judge({ journal: `${journal}begin do s10 2 5 T-s10` })).toEqual([
    'Attempt T-s10.2 of s10 is not known to the API',
  ]);
});

test('a success without its end, its change or its attempt is wrong', () => {
  expect(judge({ journal: without(journal, 's3') })).toEqual(
    expect.arrayContaining([
      'Attempt 1 of s3 has succeeded, and its end is not in the journal',
      's3 has succeeded without a begin',
    ]),
  );
  expect(judge({ changes: without(changes, 's3') })).toEqual(['s3 has succeeded, and its change is not there']);
  expect(judge({ tasks: replaced(taskOf({ step: 's3' }, 'failed')) })).toEqual([
    's3 is succeeded, and its last attempt failed',
  ]);
});

test('a change that is there twice, or without anything that made it, is wrong', () => {
  expect(judge({ changes: `${changes}s3\n` })).toEqual(['The change of s3 is there 2 times']);
  const skipped = taskOf({ step: 's4', state: 'skipped', skippedBy: 'admin' });
  expect(judge({ tasks: replaced(skipped), journal: without(journal, 's4') })).toEqual([
    's4 was never begun, and its change is there',
  ]);
});

test('a step that must not run again and did is wrong', () => {
  const tasks = replaced(taskOf({ step: 's4' }, 'failed', 'succeeded'));
  const again = 'begin do s4 2 5 T-s4\nend do s4 2 5 T-s4\n';
  expect(judge({ tasks, journal: `${journal}${again}` })).toEqual(['s4 must not run again, and was begun 2 times']);
});

test('an undo that leaves something, or says so of what is there, is wrong', () => {
  const last = taskOf({ step: 's10', state: 'undone' }, 'succeeded');
  const undo = taskOf({ step: 's10', id: 'U-s10', undoes: 'T-s10' }, 'succeeded');
  const undone = { tasks: [...replaced(last), undo], journal: journal + lineOf('s10', 'undo', 'U-s10') };
  expect(judge({ ...undone, state: 'cancelled' })).toEqual(
    expect.arrayContaining(['s10 is undone, and its change is there', 'It was undone, and some steps are not']),
  );
});

test('an end that nobody has decided, or that says another thing than the steps, is wrong', () => {
  expect(judge({ state: 'cancelled' })).toEqual(['All steps are done, and the Operation is cancelled']);
  const failed = replaced(taskOf({ step: 's10', state: 'failed' }, 'failed'));
  expect(judge({ tasks: failed, state: 'failed' })).toEqual(['The Operation has failed, and nobody has decided so']);
  expect(judge({ tasks: failed, state: 'failed', decisions: ['step: leave'] })).toEqual([]);
});
