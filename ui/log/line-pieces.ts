// Coloured pieces of a line. A colour that was left on in an earlier line goes on; how each line ends is remembered.

import { type AnsiState, type Piece, parseAnsi, plainState } from '../text/ansi.ts';
import type { AttemptLog } from './log-book.ts';

const ends = new WeakMap<AttemptLog, Map<number, AnsiState>>();

// Tools that leave a colour on over lines do so for a screenful at most; further back is not looked.
const lookBackLines = 100;

export function linePieces(log: AttemptLog, number: number): Piece[] {
  const known = knownEnds(log);
  let first = number;
  while (first > 1 && number - first < lookBackLines && !known.has(first - 1)) first -= 1;
  let state = known.get(first - 1) ?? plainState;
  for (let line = first; line < number; line += 1) {
    state = parseAnsi(log.lines[line - 1] ?? '', state).end;
    known.set(line, state);
  }
  const { pieces, end } = parseAnsi(log.lines[number - 1] ?? '', state);
  known.set(number, end);
  return pieces;
}

function knownEnds(log: AttemptLog): Map<number, AnsiState> {
  const known = ends.get(log) ?? new Map<number, AnsiState>();
  ends.set(log, known);
  return known;
}
