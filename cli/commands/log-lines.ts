// Parts of a log for `aegir logs`: a range of lines, and lines that are searched for. Each has its number over the whole log.

import { InvalidArgumentError } from 'commander';
import type { LogHits, LogRange } from '../../api/contract.ts';
import { type Client, pathOf, type Query } from '../client.ts';
import type { CliEnvironment } from '../environment.ts';
import { note, printJson } from '../output.ts';
import { printable, printableWithColours } from '../text.ts';

export interface LineFlags {
  lines?: { from: number; to?: number };
  last?: number;
  find?: string;
  regex?: boolean;
  ignoreCase?: boolean;
  task?: string;
  raw?: boolean;
  json?: boolean;
}

/** `100-200`, `100-` or `100`. */
export function readLineRange(text: string): { from: number; to?: number } {
  const [, from, dash, to] = /^(\d+)(-?)(\d*)$/.exec(text) ?? [];
  const range = { from: Number(from), to: dash === '' ? Number(from) : Number(to) };
  const isOpen = dash === '-' && to === '';
  if (!from || range.from < 1 || (!isOpen && range.to < range.from)) {
    throw new InvalidArgumentError('It must be like 100-200, 100- or 100, counted from 1.');
  }
  return isOpen ? { from: range.from } : range;
}

export async function showLines(
  environment: CliEnvironment,
  client: Client,
  id: string,
  flags: LineFlags,
): Promise<void> {
  const range = flags.last === undefined ? (flags.lines ?? { from: 1 }) : { last: flags.last };
  const pieces: LogRange['pieces'] = [];
  const readable = environment.colours ? printableWithColours : printable;
  for await (const page of pages<LogRange>(client, id, 'lines', { ...range, task: flags.task })) {
    if (flags.json) pieces.push(...page.pieces);
    else {
      for (const { from, lines } of page.pieces) {
        const texts = flags.raw ? lines : lines.map((line, at) => `${from + at}: ${readable(line)}`);
        await write(`${texts.join('\n')}\n`);
      }
    }
  }
  if (flags.json) printJson(pieces);
}

export async function showHits(client: Client, id: string, flags: LineFlags): Promise<void> {
  const { regex = false, ignoreCase = false, task, find = '' } = flags;
  const query = { text: find, regex: String(regex), ignore_case: String(ignoreCase), task, from: flags.lines?.from };
  const hits: LogHits['hits'] = [];
  let count = 0;
  for await (const page of pages<LogHits>(client, id, 'find', query)) {
    const within = page.hits.filter(({ at }) => at <= (flags.lines?.to ?? Number.POSITIVE_INFINITY));
    count += within.length;
    if (flags.json) hits.push(...within);
    else for (const { at, text } of within) await write(flags.raw ? `${text}\n` : `${at}: ${printable(text)}\n`);
    if (page.searched >= (flags.lines?.to ?? Number.POSITIVE_INFINITY)) break;
  }
  if (flags.json) printJson(hits);
  else if (count === 0) note('No line has it.');
}

/** As long as there is more, from the line on that the last answer names. */
async function* pages<T extends { next: number | null }>(
  client: Client,
  id: string,
  part: string,
  query: Query,
): AsyncGenerator<T> {
  for (let more: Query = {}; ; ) {
    const page = await client.get<T>(pathOf('operations', id, 'log', part), { ...query, ...more });
    yield page;
    if (page.next === null || page.next === more.from) return;
    more = { from: page.next, last: undefined };
  }
}

/** A log of many megabytes is not kept in memory when whoever reads it is slow. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await new Promise(resolve => process.stdout.once('drain', resolve));
}
