// Texts of which a tool has escaped every character, letters too: %54%72, \u0054\u0072, \x54\x72, &#84;&#114;.

import type { Span } from './mask-grams.ts';

interface Style {
  /** One unit, its digits in the first group, or decimal ones in the second. */
  unit: RegExp;
  units(text: string): number[];
  /** Three characters of the first unit, and how far they stand behind its beginning. */
  grams(first: number): { gram: string; behind: number }[];
}

const bytes = (text: string) => [...Buffer.from(text)];
const digits = (value: number, length: number) => value.toString(16).padStart(length, '0');

const styles: Style[] = [
  {
    unit: /%(?:25)*([0-9a-f]{2})/iy,
    units: bytes,
    grams: first => [{ gram: `%${digits(first, 2)}`, behind: 0 }],
  },
  {
    unit: /\\+u([0-9a-f]{4})/iy,
    units: text => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)),
    grams: first => [{ gram: digits(first, 4).slice(1), behind: 3 }],
  },
  {
    unit: /\\+x([0-9a-f]{2})/iy,
    units: bytes,
    grams: first => [{ gram: `x${digits(first, 2)}`, behind: 1 }],
  },
  {
    unit: /&(?:amp;)*#(?:x0*([0-9a-f]+)|0*(\d+));/iy,
    units: text => [...text].map(character => character.codePointAt(0) ?? 0),
    grams: first =>
      [0, 4].flatMap(behind => [
        { gram: `#${first};`.slice(0, 3), behind: behind + 1 },
        { gram: `x${digits(first, 1)};`.slice(0, 3), behind: behind + 2 },
      ]),
  },
];

export interface EscapedNeedle {
  gram: string;
  probe(text: string, at: number): Span | null;
}

export function findEscapedNeedles(text: string): EscapedNeedle[] {
  return styles.flatMap(style => {
    const units = style.units(text);
    return style.grams(units[0] ?? 0).flatMap(({ gram, behind }) => {
      const probe: EscapedNeedle['probe'] = (where, at) => match(style.unit, units, where, at - behind);
      return [...new Set([gram, gram.replace(/[a-f]/g, digit => digit.toUpperCase())])].map(each => ({
        gram: each,
        probe,
      }));
    });
  });
}

function match(unit: RegExp, units: number[], text: string, start: number): Span | null {
  if (start < 0) return null;
  let end = start;
  for (const wanted of units) {
    unit.lastIndex = end;
    const [, hex, decimal = ''] = unit.exec(text) ?? [];
    const value = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    if (value !== wanted) return null;
    end = unit.lastIndex;
  }
  return { start, end };
}
