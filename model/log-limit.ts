// Keeps the log of one attempt within its limit: everything up to there, a notice, and in the end the last lines.

import { keptTailBytes, type LogMark } from './log.ts';

export type LogEntry = { line: string; mark?: undefined } | { line?: undefined; mark: Omit<LogMark, 'line'> };

interface Sized {
  entry: LogEntry;
  bytes: number;
}

export interface LogLimit {
  take(entry: LogEntry, bytes: number): void;
  /** Nothing more comes: what was kept of the end is put. */
  finish(): void;
}

/** @param put gets what belongs to the log, in order; notices, which are few, have 0 bytes. */
export function createLogLimit(limitBytes: number, put: (entry: LogEntry, bytes: number) => void): LogLimit {
  let before = 0;
  let isFull = false;
  let tail: Sized[] = [];
  // Index of the oldest: taking from the front of an array for each line would be slow.
  let oldest = 0;
  let tailBytes = 0;
  const left = { lines: 0, bytes: 0 };

  const say = (text: string, data: Record<string, unknown>) => {
    put({ mark: { kind: 'note', name: text, data } }, 0);
    put({ line: `[Aegir] ${text}` }, 0);
  };
  const dropOldest = () => {
    const first = tail[oldest];
    oldest += 1;
    if (!first) return;
    tailBytes -= first.bytes;
    left.bytes += first.bytes;
    if (first.entry.line !== undefined) left.lines += 1;
  };
  const keep = (sized: Sized) => {
    tail.push(sized);
    tailBytes += sized.bytes;
    while (tailBytes > keptTailBytes && tail.length - oldest > 1) dropOldest();
    if (oldest < 10_000) return;
    tail = tail.slice(oldest);
    oldest = 0;
  };

  return {
    take(entry, bytes) {
      if (!isFull && before + bytes <= limitBytes) {
        before += bytes;
        put(entry, bytes);
        return;
      }
      if (!isFull) say(renderFull(limitBytes), { limitBytes });
      isFull = true;
      keep({ entry, bytes });
    },
    finish() {
      if (left.bytes > 0) say(renderLeft(left), { ...left });
      for (const { entry, bytes } of tail.slice(oldest)) put(entry, bytes);
      tail = [];
    },
  };
}

function renderFull(limitBytes: number): string {
  return `This log has reached its limit of ${renderSize(limitBytes)} (AEGIR_LOG_LIMIT_MIB). The Task goes on; of what follows only the last ${renderSize(keptTailBytes)} are kept.`;
}

function renderLeft({ lines, bytes }: { lines: number; bytes: number }): string {
  return `${lines.toLocaleString('en')} lines (${renderSize(bytes)}) are left out here.`;
}

function renderSize(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes >= 1 ? `${Math.round(mebibytes)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}
