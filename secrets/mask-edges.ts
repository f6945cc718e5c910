// Parts of a text at the beginning or the end of a line: something has cut it there, such as a limit of a line's length.

import { createGramTable, gramAt, gramLength, type Span } from './mask-grams.ts';

/** A part of fewer characters is as likely an ordinary word. */
const leastPart = 8;

/** Adds what it finds in the line from `start` to `end` to `spans`. */
export type EdgeProbe = (text: string, start: number, end: number, spans: Span[]) => void;

export function createEdgeProbe(wholes: string[]): EdgeProbe {
  const heads = createGramTable<string>();
  const tails = createGramTable<string>();
  for (const whole of wholes) {
    // A line may begin with any last part, and end with any first one.
    for (let at = 1; whole.length - at >= leastPart; at += 1) heads.add(gramAt(whole, at), whole.slice(at));
    for (let end = leastPart; end < whole.length; end += 1) {
      tails.add(gramAt(whole, end - gramLength), whole.slice(0, end));
    }
  }
  return (text, start, end, spans) => {
    if (end - start < leastPart) return;
    for (const part of heads.find(gramAt(text, start))) {
      if (text.startsWith(part, start)) spans.push({ start, end: Math.min(end, start + part.length) });
    }
    for (const part of tails.find(gramAt(text, end - gramLength))) {
      if (text.endsWith(part, end)) spans.push({ start: Math.max(start, end - part.length), end });
    }
  };
}
