import { expect, test } from 'vitest';
import { parseAnsi } from './ansi.ts';

const esc = '\u001b[';

test('a plain line is one piece and an empty one none', () => {
  expect(parseAnsi('ok: [web1]').pieces).toEqual([{ text: 'ok: [web1]', classes: '' }]);
  expect(parseAnsi('').pieces).toEqual([]);
});

test('colours become classes and end where they are reset', () => {
  expect(parseAnsi(`${esc}0;32mok${esc}0m: ${esc}1;91mbad`).pieces).toEqual([
    { text: 'ok', classes: 'ansi-fg-2' },
    { text: ': ', classes: '' },
    { text: 'bad', classes: 'ansi-fg-9 ansi-bold' },
  ]);
});

test('a colour that is on at the end of a line goes on in the next', () => {
  const first = parseAnsi(`${esc}33mone`);
  expect(parseAnsi('two', first.end).pieces).toEqual([{ text: 'two', classes: 'ansi-fg-3' }]);
});

test('256 and true colours become the nearest of sixteen', () => {
  expect(parseAnsi(`${esc}38;5;196mred`).pieces[0]?.classes).toBe('ansi-fg-9');
  expect(parseAnsi(`${esc}38;2;0;0;120mblue`).pieces[0]?.classes).toBe('ansi-fg-4');
  expect(parseAnsi(`${esc}48;5;2;1mbold on green`).pieces[0]?.classes).toBe('ansi-bg-2 ansi-bold');
});

test('cursor movements, titles and control characters leave no trace, markup stays text', () => {
  expect(parseAnsi(`${esc}2K${esc}1Ga\u0007b\u001b]0;title\u0007c<b>`).pieces).toEqual([
    { text: 'abc<b>', classes: '' },
  ]);
});

test('a progress bar shows its last writing', () => {
  expect(parseAnsi('10 %\r50 %\r100 %\r').pieces).toEqual([{ text: '100 %', classes: '' }]);
});

test('inverse swaps the colours', () => {
  expect(parseAnsi(`${esc}7;31mx`).pieces[0]?.classes).toBe('ansi-fg-bg ansi-bg-1');
});
