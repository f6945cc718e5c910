import { expect, test } from 'vitest';
import { judgeJournal, parseJournal, renderJournal } from './journal.ts';

/** `begin do s1 1 5`, of a Task that is called like its step. */
const judge = (...lines: string[]) =>
  judgeJournal(parseJournal(lines.map(line => `${line} ${line.split(' ').slice(1, 3).join('-')}`).join('\n')));

const step = (name: string, attempt = 1, token = 5) =>
  ['begin', 'tick', 'end'].map(kind => `${kind} do ${name} ${attempt} ${token}`);

test('steps in their order, killed attempts and what is taken back from the end are right', () => {
  const killed = ['begin do s2 1 5', 'tick do s2 1 5'];
  const undone = ['begin undo s3 1 5', 'begin undo s3 2 5', 'end undo s3 2 5', 'begin undo s2 1 5', 'end undo s2 1 5'];
  expect(judge(...step('s1'), ...killed, ...step('s2', 2), ...step('s3'), ...undone)).toEqual([]);
  expect(judge(...step('s1'), ...step('s2'), 'begin undo s2 1 5', 'end undo s2 1 5', ...step('s2', 2, 6))).toEqual([]);
});

test('two attempts at once are wrong, whichever of them goes on', () => {
  const both = ['begin do s1 1 5', 'tick do s1 1 5', 'begin do s1 2 5', 'tick do s1 2 5'];
  expect(judge(...both, 'end do s1 1 5', 'end do s1 2 5')).toEqual([
    '“end do s1 1 5” was written after “begin do s1 2 5”',
    '“end do s1 1 5” was written after attempt 2',
  ]);
  expect(judge(...both, 'tick do s1 1 5')).toHaveLength(2);
});

test('a step that goes on while another one has begun is wrong', () => {
  expect(judge('begin do s1 1 5', 'begin do s2 1 5', 'tick do s1 1 5')).toEqual([
    '“tick do s1 1 5” was written after “begin do s2 1 5”',
  ]);
  expect(judge('tick do s1 1 5')).toEqual(['“tick do s1 1 5” was written after “nothing”']);
  expect(judge(...step('s1'), 'tick do s1 1 5')).toEqual(['“tick do s1 1 5” was written after its own end']);
  expect(judge(...step('s1'), 'end do s1 1 5')).toHaveLength(1);
});

test('an older token after a newer one is wrong, and so is work without a permit', () => {
  expect(judge(...step('s1', 1, 6), 'begin do s2 1 5')).toEqual([
    '“begin do s2 1 5” has an older token than 6 before it',
  ]);
  expect(judge('begin do s1 1 0')).toEqual(['“begin do s1 1 0” was written without a permit']);
});

test('an attempt that begins twice, or after a later one, is wrong', () => {
  expect(judge(...step('s1'), ...step('s1'))).toEqual(['“begin do s1 1 5” is there twice']);
  expect(judge(...step('s1', 2), 'begin do s1 1 5')).toEqual(['“begin do s1 1 5” was written after attempt 2']);
});

test('steps out of their order are wrong, both ways', () => {
  expect(judge(...step('s2'), ...step('s1'))).toEqual(['“begin do s1 1 5” was begun after “begin do s2 1 5”']);
  const undo = (name: string) => `begin undo ${name} 1 5`;
  expect(judge(undo('s1'), undo('s2'))).toEqual(['“begin undo s2 1 5” was begun after “begin undo s1 1 5”']);
  expect(judge(undo('s2'), 'begin do s3 1 5')).toEqual(['“begin do s3 1 5” was begun after “begin undo s2 1 5”']);
});

test('a journal is shown with its ticks counted', () => {
  expect(renderJournal(parseJournal('begin do s1 1 5 t\ntick do s1 1 5 t\ntick do s1 1 5 t\nend do s1 1 5 t'))).toBe(
    'begin do s1 1 5\ntick do s1 1 5 × 2\nend do s1 1 5',
  );
});
