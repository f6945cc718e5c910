// Collects what a run says and writes it in pieces: the first line at once, then every 100 ms or 64 KiB. Where the database is
// slower than the tool, pieces go many at a time, and whoever reads the tool's pipe is asked to wait. `close` resolves when
// everything is in the database; before that no Task says that it has ended.

import { chunkDelayMs, chunksPerWrite, type LogMark, waitingBytes } from '../model/log.ts';
import type { LogPiece } from '../model/store/logs.ts';
import { createPieces } from './log-pieces.ts';

export interface LogWriter {
  line(text: string): void;
  mark(mark: Omit<LogMark, 'line'>): void;
  /** undefined while there is room; else it resolves when there is. A log that failed has room for ever. */
  room(): Promise<void> | undefined;
  close(): Promise<void>;
}

/**
 * @param write is called with some pieces at a time, never twice at once; a failed one makes `close` reject.
 * @param limitBytes what the attempt may store; of more, the end is kept.
 */
export function createLogWriter(
  mask: (text: string) => string,
  write: (pieces: LogPiece[]) => Promise<void>,
  limitBytes = Number.POSITIVE_INFINITY,
): LogWriter {
  const pieces = createPieces(mask, limitBytes);
  let timer: NodeJS.Timeout | undefined;
  let lastWrite = 0;
  let working: Promise<void> | null = null;
  let failure: { error: unknown } | null = null;
  let room: PromiseWithResolvers<void> | null = null;

  const letIn = () => {
    if (!room || pieces.waiting() >= waitingBytes / 2) return;
    room.resolve();
    room = null;
  };
  const writeOut = async () => {
    do {
      const batch = pieces.take(chunksPerWrite);
      lastWrite = Date.now();
      letIn();
      if (batch.length > 0) await write(batch);
    } while (pieces.hasFull());
  };
  const start = () => {
    clearTimeout(timer);
    timer = undefined;
    working ??= writeOut()
      .catch(error => {
        failure = { error };
        room?.resolve();
        room = null;
      })
      .finally(() => {
        working = null;
        arrange();
      });
  };
  const arrange = () => {
    if (working || failure || pieces.isEmpty()) return;
    if (pieces.hasFull()) start();
    else timer ??= setTimeout(start, Math.max(0, lastWrite + chunkDelayMs - Date.now()));
  };

  return {
    line(text) {
      // Nobody would write it.
      if (failure) return;
      pieces.line(text);
      arrange();
    },
    mark(mark) {
      if (failure) return;
      pieces.mark(mark);
      arrange();
    },
    room() {
      if (failure || pieces.waiting() < waitingBytes) return undefined;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    async close() {
      await working;
      if (!failure) pieces.finish();
      while (!failure && !pieces.isEmpty()) {
        start();
        await working;
      }
      clearTimeout(timer);
      if (failure) throw (failure as { error: unknown }).error;
    },
  };
}
