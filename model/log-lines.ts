// Makes whatever a tool prints into lines that can be stored: nothing is lost, joined or dropped.

import { chunkBytes, longestLineBytes } from './log.ts';

/** NUL cannot be stored in PostgreSQL's text: shown by its picture. A too long line becomes several. */
export function cleanLine(line: string): string[] {
  const text = line.includes('\0') ? line.replaceAll('\0', '\u2400') : line;
  if (text.length <= longestLineBytes) return [text];
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + longestLineBytes, text.length);
    // Not between the two halves of a character beyond the basic plane.
    if (end < text.length && /[\uD800-\uDBFF]/.test(text[end - 1] ?? '')) end -= 1;
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

/** Lines in groups that each make one piece of a log. */
export function* inPieces(lines: string[]): Generator<string[]> {
  let from = 0;
  let length = 0;
  for (const [at, line] of lines.entries()) {
    length += line.length + 1;
    if (length < chunkBytes) continue;
    yield lines.slice(from, at + 1);
    from = at + 1;
    length = 0;
  }
  if (from < lines.length) yield lines.slice(from);
}
