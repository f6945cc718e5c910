// Text from elsewhere on its way to a terminal: control characters out of names and logs must not steer it.

import { stripVTControlCharacters } from 'node:util';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that sets colours, and nothing else
const colour = /(\u001b\[[\d;:]*m)/;

/** Without escape sequences and control characters; line feeds and tabs stay. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(controls, '');
}

/** As `printable`, but colours stay. */
export function printableWithColours(text: string): string {
  return text
    .split(colour)
    .map(part => (colour.test(part) ? part : printable(part)))
    .join('');
}

/** On one line: for cells of tables. */
export function singleLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ')).trim();
}
