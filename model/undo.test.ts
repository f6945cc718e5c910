import { expect, test } from 'vitest';
import type { Plan, TaskStep, UndoStep } from './plan.ts';
import { type DoneStep, isUndoable, stepsLeft } from './undo.ts';

const undo = (more: Partial<UndoStep> = {}) => ({ when: null, states: null, ...more }) as UndoStep;
const plan = {} as Plan;
const done = (more: Partial<DoneStep>, way: UndoStep | null = undo()): DoneStep => ({
  step: { id: 'a', undo: way, undoneBy: null, keeps: false } as TaskStep,
  ...{ plan, within: [], outputs: {}, changed: true, failed: false, formerState: 'enabled' },
  ...more,
});

test('a step that has failed is taken back only where its type says that it may have done half', () => {
  expect(isUndoable(done({ failed: true }))).toBe(false);
  expect(isUndoable(done({ failed: true }, undo({ failed: true })))).toBe(true);
  // Its outputs are not there to be asked.
  expect(isUndoable(done({ failed: true, changed: false }, undo({ failed: true, when: 'made' })))).toBe(true);
  expect(isUndoable(done({ failed: true }, undo({ failed: true, states: ['new'] })))).toBe(false);
});

test('what has succeeded is taken back when it has changed something, or has given what is asked for', () => {
  expect(isUndoable(done({}))).toBe(true);
  expect(isUndoable(done({ changed: false }))).toBe(false);
  expect(isUndoable(done({ changed: false, outputs: { made: true } }, undo({ when: 'made' })))).toBe(true);
  expect(isUndoable(done({ outputs: { made: '' } }, undo({ when: 'made' })))).toBe(false);
});

test('a step that has failed is not among what is left', () => {
  const left = done({}, null);
  expect(stepsLeft([left, done({ failed: true }, null), done({})])).toEqual([left]);
});
