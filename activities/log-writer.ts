// Collects what a run says and writes it in pieces: the first line at once, then every 100 ms or 64 KiB. `close` resolves
// when everything is in the database; before that no Task says that it has ended.

import { chunkBytes, chunkDelayMs, type LogMark } from '../model/log.ts';
import { cleanLine } from '../model/log-lines.ts';
import type { LogPiece } from '../model/store/logs.ts';

export interface LogWriter {
  line(text: string): void;
  mark(mark: Omit<LogMark, 'line'>): void;
  close(): Promise<void>;
}

/** @param write is called with one piece at a time; a failed write makes `close` reject. */
export function createLogWriter(mask: (text: string) => string, write: (piece: LogPiece) => Promise<void>): LogWriter {
  let piece: LogPiece = { lines: [], marks: [] };
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  let lastWrite = 0;
  let writing: Promise<void> = Promise.resolve();

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (piece.lines.length + piece.marks.length === 0) return;
    const full = piece;
    piece = { lines: [], marks: [] };
    size = 0;
    lastWrite = Date.now();
    writing = writing.then(() => write(full));
    // Reported by close; without a handler here a failed write would end the process first.
    writing.catch(() => {});
  };
  const arrange = () => {
    if (size >= chunkBytes) flush();
    else timer ??= setTimeout(flush, Math.max(0, lastWrite + chunkDelayMs - Date.now()));
  };

  return {
    line(text) {
      for (const part of cleanLine(mask(text))) {
        piece.lines.push(part);
        size += part.length + 1;
      }
      arrange();
    },
    mark(mark) {
      piece.marks.push({ ...(JSON.parse(mask(JSON.stringify(mark))) as typeof mark), line: piece.lines.length + 1 });
      arrange();
    },
    async close() {
      flush();
      await writing;
    },
  };
}
