import { expect, test } from 'vitest';
import { longestLineBytes } from './log.ts';
import { cleanLine } from './log-lines.ts';

test('a line of any length and content stays whole: cut into pieces that join to it again', () => {
  for (const line of ['', 'plain', 'a'.repeat(longestLineBytes * 3 + 5), '🐘'.repeat(longestLineBytes)]) {
    const pieces = cleanLine(line);
    expect(pieces.join('')).toBe(line);
    expect(pieces.every(piece => piece.length <= longestLineBytes && piece.isWellFormed())).toBe(true);
  }
});

test('NUL, which PostgreSQL cannot store, is shown by its picture', () => {
  expect(cleanLine('a\0b')).toEqual(['a␀b']);
});
