// Parts of a text that is encoded in base64, in its usual or its URL-safe alphabet, also where JSON or an address has escaped
// some of it.

import { gramLength, type Span } from './mask-grams.ts';
import type { Core } from './mask-needles.ts';

/** Where a core is looked for: any part that is long enough holds one of these places, preferably one that nothing escapes. */
export function placesOf({ text, least }: Core): number[] {
  const places: number[] = [];
  const step = least - gramLength + 1;
  for (let last = -1; last < text.length - least; places.push(last)) {
    const nearby = Array.from({ length: step }, (_, back) => last + step - back);
    last = nearby.find(at => isPlainGram(text, at)) ?? last + step;
  }
  return places;
}

const isPlainGram = (text: string, at: number) => /^[A-Za-z0-9]{3}$/.test(text.slice(at, at + gramLength));

/** @param at where three characters of the core stand that begin at its `place`. */
export function extend({ text: core, least }: Core, place: number, text: string, at: number): Span | null {
  let start = at;
  let first = place;
  for (let back = stepBack(text, start); first > 0 && isAlike(back.character, core[first - 1]); ) {
    start = back.at;
    first -= 1;
    back = stepBack(text, start);
  }
  let end = at + gramLength;
  let last = place + gramLength;
  for (let next = stepOn(text, end); last < core.length && isAlike(next.character, core[last]); ) {
    end = next.at;
    last += 1;
    next = stepOn(text, end);
  }
  if (last - first < least) return null;
  // The last character has some bits of its neighbour, or padding after it.
  const rest = last === core.length ? /[A-Za-z0-9+/_-]?(?:=|%3d|\\+u003d){0,2}/iy : null;
  if (rest) rest.lastIndex = end;
  return { start, end: end + (rest?.exec(text)?.[0].length ?? 0) };
}

interface Step {
  character: string | undefined;
  at: number;
}

/** One character, with the escapes that + and / get. */
function stepOn(text: string, from: number): Step {
  let at = from;
  while (text[at] === '\\') at += 1;
  if (text[at] !== '%') return { character: text[at], at: at + 1 };
  return { character: decode(text.slice(at, at + 3)), at: at + 3 };
}

function stepBack(text: string, from: number): Step {
  let at = from;
  while (text[at - 1] === '\\') at -= 1;
  if (text[at - 3] !== '%') return { character: text[at - 1], at: at - 1 };
  return { character: decode(text.slice(at - 3, at)), at: at - 3 };
}

function decode(escaped: string): string {
  return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
}

function isAlike(one: string | undefined, other: string | undefined): boolean {
  return one === other || (one === '-' && other === '+') || (one === '_' && other === '/');
}
