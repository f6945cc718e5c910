// Three characters as one number, and a table that knows in a nanosecond of almost all of them that nothing is there.

export interface Span {
  start: number;
  end: number;
}

export const gramLength = 3;

/** The number of the last three characters, given that of the three before. */
export const nextGram = (gram: number, code: number) => ((gram << 8) ^ code) & 0xffffff;

export function gramAt(text: string, at: number): number {
  return nextGram(nextGram(nextGram(0, text.charCodeAt(at)), text.charCodeAt(at + 1)), text.charCodeAt(at + 2));
}

/** 65,536 places: a thousand entries fill 2 % of them, and it stays in the processor's cache. */
const bits = 16;
export const placeOf = (gram: number) => Math.imul(gram, 0x9e3779b1) >>> (32 - bits);

export interface GramTable<T> {
  add(gram: number, entry: T): void;
  /** Not 0 at the places of all that have entries, and of few others: to be asked first in a loop that must be fast. */
  places: Uint8Array;
  find(gram: number): readonly T[];
}

export function createGramTable<T>(): GramTable<T> {
  const places = new Uint8Array(1 << bits);
  const entries = new Map<number, T[]>();
  const none: readonly T[] = [];
  return {
    places,
    add(gram, entry) {
      places[placeOf(gram)] = 1;
      const known = entries.get(gram);
      if (known) known.push(entry);
      else entries.set(gram, [entry]);
    },
    find: gram => (places[placeOf(gram)] === 0 ? none : (entries.get(gram) ?? none)),
  };
}
