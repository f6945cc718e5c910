// Makes whatever a tool prints into lines that can be stored: nothing is lost, joined or dropped.

import { longestLineBytes } from './log.ts';

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
