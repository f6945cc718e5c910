// Takes secrets out of text before it is stored or shown, however a tool has quoted or encoded them.

import { findEscapedNeedles } from './mask-escaped.ts';
import type { Span } from './mask-grams.ts';
import { findCores, findNeedle } from './mask-needles.ts';
import { createScan } from './mask-scan.ts';

export type Mask = (text: string) => string;

/** Shorter ones would mask ordinary words; they are refused where secrets are made, or are no secrets. */
const shortest = 6;
export const stars = '********';

/** A longer line is looked for in parts: a pattern for all of it would be huge. */
const longestPart = 256;

/** A function that replaces every secret, each of its lines, and its usual encodings by asterisks. */
export function createMask(secrets: string[]): Mask {
  const values = distinct(secrets.map(secret => secret.trim()));
  const lines = distinct(values.flatMap(linesOf));
  if (lines.length === 0) return text => text;
  const scan = createScan({
    needles: lines.flatMap(partsOf).map(findNeedle),
    escaped: lines.flatMap(findEscapedNeedles),
    // Also in a document of JSON that is encoded as a whole.
    cores: distinct(values.flatMap(value => [value, JSON.stringify(value).slice(1, -1)])).flatMap(findCores),
    edges: lines,
  });
  return text => cover(text, scan(text));
}

const distinct = (texts: string[]) => [...new Set(texts)].filter(text => text.length >= shortest);

/** A line that is too short by itself goes with the one before it. */
function linesOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map(line => line.trim());
  return lines.flatMap((line, at) =>
    at > 0 && line.length < shortest ? [`${lines[at - 1]}\n${line}`.trim()] : [line],
  );
}

function partsOf(line: string): string[] {
  const count = Math.ceil(line.length / longestPart);
  const length = Math.ceil(line.length / count);
  return Array.from({ length: count }, (_, at) => line.slice(at * length, (at + 1) * length));
}

/** Touching spans are one. Newlines stay: a line more or less would make the log's numbers wrong. */
function cover(text: string, spans: Span[]): string {
  if (spans.length === 0) return text;
  let out = '';
  let covered = -1;
  for (const { start, end } of spans.sort((one, other) => one.start - other.start)) {
    if (end <= covered) continue;
    if (start > covered) out += text.slice(Math.max(covered, 0), start) + stars;
    const newlines = text.slice(Math.max(covered, start), end).split('\n').length - 1;
    out += `\n${stars}`.repeat(newlines);
    covered = end;
  }
  return out + text.slice(covered);
}

/** The same for everything in a value: texts, names, and numbers that are a secret. */
export function maskValue(mask: Mask, value: unknown): unknown {
  if (typeof value === 'string') return mask(value);
  if (typeof value === 'number') return mask(String(value)) === String(value) ? value : stars;
  if (Array.isArray(value)) return value.map(entry => maskValue(mask, entry));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [mask(name), maskValue(mask, entry)]));
  }
  return value;
}
