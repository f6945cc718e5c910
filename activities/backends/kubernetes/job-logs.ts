// The log of one container, from its first line to its last. Where the stream breaks it goes on: the server gives all lines
// since the last one's second again, and those that were told already are left out by their number.

import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunReport } from '../backend.ts';
import { readLines } from '../lines.ts';
import { isStatus } from './api-error.ts';
import type { Api } from './client.ts';
import { Aborted } from './patience.ts';

export interface LogSource {
  api: Api;
  namespace: string;
  pod: string;
  container: string;
  signal: AbortSignal;
}

/** Where it has come to: the second of the last line, and how many lines of it were told. */
export interface LogPosition {
  second: string;
  told: number;
}

/** Soon: the container may only just have begun, or the server be back. */
const againMs = 300;

/** @param hasEnded whether the container writes nothing more; asked after each stream that has ended. */
export async function followLog(
  source: LogSource,
  report: Pick<RunReport, 'room'> & { line(text: string): void },
  hasEnded: () => Promise<boolean>,
): Promise<void> {
  const position: LogPosition = { second: '', told: 0 };
  for (;;) {
    // Asked before the stream: what is written until it is over is in this one.
    const isOver = await hasEnded();
    const isWhole = await readOnce(source, report, position, !isOver);
    if (source.signal.aborted) throw new Aborted();
    if (isOver && isWhole) return;
    await delay(againMs, undefined, { signal: source.signal }).catch(() => undefined);
  }
}

/** false: it broke off. */
async function readOnce(
  { api, namespace, pod, container, signal }: LogSource,
  report: Pick<RunReport, 'room'> & { line(text: string): void },
  position: LogPosition,
  follow: boolean,
): Promise<boolean> {
  const query = { container, follow, timestamps: true, ...(position.second ? { sinceTime: position.second } : {}) };
  const stream = await api.stream(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, { query, signal }).catch(error => {
    // Not started yet, or gone with its pod.
    if (isStatus(error, 400, 404)) return null;
    throw error;
  });
  if (!stream) return true;
  const take = lineTaker(position, report.line);
  try {
    await readLines(Readable.from(wholeLines(stream, !follow)), take, report);
    return true;
  } catch {
    return false;
  } finally {
    stream.destroy();
  }
}

/** Without a newline for so long it is no line of words: it goes on in pieces, and not into the memory. */
const longestLine = 1024 * 1024;

/** A server that is stopped may cut a line in the middle and end properly: what has no newline yet comes again. */
export async function* wholeLines(stream: AsyncIterable<Buffer>, isLast: boolean): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const block of stream) {
    const end = block.lastIndexOf(10) + 1;
    if (end > 0 || size + block.length > longestLine) {
      const cut = end > 0 ? end : block.length;
      yield Buffer.concat([...held, block.subarray(0, cut)]);
      held = [block.subarray(cut)];
    } else held.push(block);
    size = held.reduce((sum, each) => sum + each.length, 0);
  }
  if (isLast && size > 0) yield Buffer.concat(held);
}

/** A line is `2026-01-02T03:04:05.678901234Z text`; the time may have an offset. Pure but for the position. */
export function lineTaker(position: LogPosition, line: (text: string) => void): (text: string) => void {
  const from = { ...position };
  let again = 0;
  let isTold = false;
  return text => {
    const [, whole = '', zone = '', rest = ''] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d) ?(.*)$/s.exec(text) ?? [];
    const second = whole + zone;
    if (!second) {
      // It goes on with the line before.
      if (!isTold) line(text);
      return;
    }
    const order = second === from.second ? 0 : Date.parse(second) - Date.parse(from.second || second);
    isTold = from.second !== '' && (order < 0 || (order === 0 && again < from.told));
    if (from.second !== '' && order === 0) again += 1;
    if (isTold) return;
    if (second !== position.second && !(Date.parse(second) < Date.parse(position.second)))
      Object.assign(position, { second, told: 0 });
    if (second === position.second) position.told += 1;
    line(rest);
  };
}
