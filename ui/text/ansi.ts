// ANSI colours as CSS classes (an inline style would need a weaker content security policy). One line in, pieces of text out; the
// colours that are on at its end carry over to the next line.

// biome-ignore-all lint/suspicious/noControlCharactersInRegex: escape sequences are made of control characters

export interface Piece {
  text: string;
  /** Space-separated classes, '' for plain text. */
  classes: string;
}

export interface AnsiState {
  foreground: string;
  background: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

export const plainState: AnsiState = {
  foreground: '',
  background: '',
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
};

const sequence =
  /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[()][A-Z0-9]|\u001b[=>A-Z]/g;
const otherControls = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** True when a line needs no work: most lines do not. */
const anyControl = /[\u0000-\u0008\u000b-\u001f\u007f]/;

export function parseAnsi(line: string, start: AnsiState = plainState): { pieces: Piece[]; end: AnsiState } {
  if (!anyControl.test(line)) return { pieces: line ? [{ text: line, classes: classesOf(start) }] : [], end: start };
  const shown = afterLastReturn(line);
  const pieces: Piece[] = [];
  let state = start;
  let from = 0;
  for (const match of shown.matchAll(sequence)) {
    addPiece(pieces, shown.slice(from, match.index), state);
    if (match[2] === 'm') state = applyCodes(state, match[1] ?? '');
    from = match.index + match[0].length;
  }
  addPiece(pieces, shown.slice(from), state);
  return { pieces, end: state };
}

/** Progress bars rewrite their line with carriage returns: the last writing is what a terminal shows. */
function afterLastReturn(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf('\r') + 1);
}

function addPiece(pieces: Piece[], raw: string, state: AnsiState): void {
  const text = raw.replace(otherControls, '');
  if (!text) return;
  const classes = classesOf(state);
  const last = pieces.at(-1);
  if (last?.classes === classes) last.text += text;
  else pieces.push({ text, classes });
}

function applyCodes(state: AnsiState, codes: string): AnsiState {
  const numbers = codes.split(/[;:]/).map(code => Number(code || 0));
  let next = { ...state };
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index] ?? 0;
    if (code === 38 || code === 48) {
      const { colour, used } = extendedColour(numbers.slice(index + 1));
      if (code === 38) next.foreground = colour;
      else next.background = colour;
      index += used;
    } else next = applyCode(next, code);
  }
  return next;
}

function applyCode(state: AnsiState, code: number): AnsiState {
  if (code === 0) return plainState;
  if (code === 1) return { ...state, bold: true };
  if (code === 2) return { ...state, dim: true };
  if (code === 3) return { ...state, italic: true };
  if (code === 4) return { ...state, underline: true };
  if (code === 7) return { ...state, inverse: true };
  if (code === 22) return { ...state, bold: false, dim: false };
  if (code === 23) return { ...state, italic: false };
  if (code === 24) return { ...state, underline: false };
  if (code === 27) return { ...state, inverse: false };
  if (code >= 30 && code <= 37) return { ...state, foreground: String(code - 30) };
  if (code === 39) return { ...state, foreground: '' };
  if (code >= 40 && code <= 47) return { ...state, background: String(code - 40) };
  if (code === 49) return { ...state, background: '' };
  if (code >= 90 && code <= 97) return { ...state, foreground: String(code - 90 + 8) };
  if (code >= 100 && code <= 107) return { ...state, background: String(code - 100 + 8) };
  return state;
}

/** 256 colours and true colours become the nearest of the sixteen, which suit both themes. */
function extendedColour(rest: number[]): { colour: string; used: number } {
  if (rest[0] === 5) return { colour: String(nearestOf256(rest[1] ?? 7)), used: 2 };
  if (rest[0] === 2) return { colour: String(nearestOf(rest[1] ?? 0, rest[2] ?? 0, rest[3] ?? 0)), used: 4 };
  return { colour: '', used: 0 };
}

function nearestOf256(index: number): number {
  if (index < 16) return index;
  if (index >= 232) return index < 238 ? 8 : index < 250 ? 7 : 15;
  const cube = index - 16;
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  return nearestOf(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function nearestOf(red: number, green: number, blue: number): number {
  const strongest = Math.max(red, green, blue);
  if (strongest < 48) return 0;
  const bit = (part: number) => (part > strongest / 2 ? 1 : 0);
  const colour = bit(red) + 2 * bit(green) + 4 * bit(blue);
  return strongest > 200 ? colour + 8 : colour;
}

function classesOf(state: AnsiState): string {
  const classes: string[] = [];
  const foreground = state.inverse ? state.background || 'bg' : state.foreground;
  const background = state.inverse ? state.foreground || 'fg' : state.background;
  if (foreground) classes.push(`ansi-fg-${foreground}`);
  if (background) classes.push(`ansi-bg-${background}`);
  for (const word of ['bold', 'dim', 'italic', 'underline'] as const) if (state[word]) classes.push(`ansi-${word}`);
  return classes.join(' ');
}
