// How a text may be written by a tool that quotes it: as the source of a regular expression, one part for each character. Any
// number of layers is seen at once (JSON in JSON in HTML), whatever mixture of \", \u0022, %22, &quot; and '\'' a tool uses.

const named: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };
const letters: Record<string, string> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f', '\0': '0' };

const ampersand = '&(?:amp;)*';
const percent = '%(?:25)*';
const backslash = `(?:\\\\+[ux](?:00)?5[cC]|\\\\|${percent}5[cC]|${ampersand}#(?:0*92|[xX]0*5[cC]);)`;
const doubleQuote = `${backslash}*(?:"|${percent}22|${ampersand}(?:quot|#0*34|#[xX]0*22);)`;

export const isPlain = (character: string) => /^[A-Za-z0-9]$/.test(character);
const quote = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** Hexadecimal digits of either case. */
const hex = (value: number, digits: number) =>
  value
    .toString(16)
    .padStart(digits, '0')
    .replace(/[a-f]/g, digit => `[${digit}${digit.toUpperCase()}]`);

export function renderForms(text: string): string {
  const runs = text.replaceAll('\r\n', '\n').match(/([^A-Za-z0-9])\1*|[\s\S]/gu) ?? [];
  return runs.map((run, at) => renderRun(run, runs[at - 1]?.startsWith('\\') ?? false)).join('');
}

/**
 * The same character some times. `isBare`: a backslash of the text stands before it, and has taken all that there are; looking
 * for them twice would take for ever.
 */
function renderRun(run: string, isBare: boolean): string {
  const character = String.fromCodePoint(run.codePointAt(0) ?? 0);
  const count = run.length / character.length;
  if (character === '\\') return `${backslash}{${count},}`;
  // What escapes letters as well escapes all of them: secrets/mask-escaped.ts.
  if (isPlain(character)) return character;
  const first = renderCharacter(character, isBare);
  // Quoting may double or triple it: '' in SQL, '\'' in a shell.
  return `${first}(?:${renderCharacter(character, false)}){${count - 1},${count * 3 - 1}}`;
}

function renderCharacter(character: string, isBare: boolean): string {
  const direct = directForms(character).join('|');
  const escaped = escapedForms(character).join('|');
  if (isBare) return `(?:${direct}|${escaped})`;
  return `(?:${backslash}*(?:${direct})|${backslash}+(?:${escaped}))`;
}

/** Those that need no backslash. */
function directForms(character: string): string[] {
  const code = character.codePointAt(0) ?? 0;
  const bytes = [...Buffer.from(character)].map(byte => `${percent}${hex(byte, 2)}`).join('');
  const name = named[character] ? `${named[character]}|` : '';
  const self = character === '&' ? ampersand : quote(character);
  const forms = [self, bytes, `${ampersand}(?:${name}#0*${code}|#[xX]0*${hex(code, 1)});`];
  if (character === ' ') forms.push('\\+', `${percent}2[bB]`);
  if (character === '\n') forms.unshift('\\r\\n', `${percent}0[dD]${percent}0[aA]`, `${backslash}+r${backslash}+n`);
  // Python's way within single quotes: '"'"'.
  if (character === "'") forms.unshift(`'${doubleQuote}${backslash}*'${doubleQuote}${backslash}*'`);
  return forms;
}

/** Those after a backslash: of JSON, C, shells and Python. */
function escapedForms(character: string): string[] {
  const code = character.codePointAt(0) ?? 0;
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  const bytes = [...Buffer.from(character)];
  const between = `${backslash}+`;
  const forms = [
    units.map(unit => `u${hex(unit, 4)}`).join(between),
    bytes.map(byte => `x${hex(byte, 2)}`).join(between),
    bytes.map(byte => byte.toString(8).padStart(3, '0')).join(between),
  ];
  if (code > 0x7f && code <= 0xff) forms.push(`x${hex(code, 2)}`);
  if (code > 0xffff) forms.push(`U${hex(code, 8)}`);
  const letter = letters[character];
  return letter ? [...forms, letter] : forms;
}
