// From what a run says to pieces that can be stored: masked, cut into lines, kept within the limit, numbered within the piece.

import { chunkBytes } from '../model/log.ts';
import { createLogLimit, type LogEntry } from '../model/log-limit.ts';
import { cleanLine } from '../model/log-lines.ts';
import type { LogPiece } from '../model/store/logs.ts';
import { maskValue } from '../secrets/mask.ts';

export interface Pieces {
  line(text: string): void;
  mark(mark: NonNullable<LogEntry['mark']>): void;
  /** The oldest, at most so many; the last may be one that is not full yet. */
  take(most: number): LogPiece[];
  hasFull(): boolean;
  isEmpty(): boolean;
  /** Bytes, nearly, of what nobody has taken yet. */
  waiting(): number;
  /** Nothing more comes. */
  finish(): void;
}

/** What a mark takes in the log at least, so that a flood of them counts, too. */
const markBytes = 100;

export function createPieces(mask: (text: string) => string, limitBytes: number): Pieces {
  // Masked together: one pass over a large text costs far less than one over each of its lines.
  let raw: string[] = [];
  let rawLength = 0;
  let piece: LogPiece = { lines: [], marks: [] };
  let size = 0;
  let full: LogPiece[] = [];
  let fullSize = 0;

  const seal = () => {
    if (piece.lines.length + piece.marks.length === 0) return;
    full.push(piece);
    fullSize += size;
    piece = { lines: [], marks: [] };
    size = 0;
  };
  const limit = createLogLimit(limitBytes, (entry, bytes) => {
    if (entry.mark) piece.marks.push({ ...entry.mark, line: piece.lines.length + 1 });
    else piece.lines.push(entry.line);
    size += bytes;
    if (size >= chunkBytes) seal();
  });
  const settle = () => {
    if (raw.length === 0) return;
    const lines = mask(raw.join('\n')).split('\n');
    raw = [];
    rawLength = 0;
    for (const line of lines) {
      for (const part of cleanLine(line)) limit.take({ line: part }, Buffer.byteLength(part) + 1);
    }
  };

  return {
    line(text) {
      raw.push(text);
      rawLength += text.length + 1;
      if (rawLength >= chunkBytes) settle();
    },
    mark(mark) {
      settle();
      const masked = maskValue(mask, mark) as typeof mark;
      limit.take({ mark: masked }, JSON.stringify(masked).length + markBytes);
    },
    take(most) {
      settle();
      if (full.length < most) seal();
      const taken = full.slice(0, most);
      full = full.slice(most);
      fullSize = full.length === 0 ? 0 : Math.max(0, fullSize - taken.length * chunkBytes);
      return taken;
    },
    hasFull: () => full.length > 0,
    isEmpty: () => raw.length + piece.lines.length + piece.marks.length + full.length === 0,
    waiting: () => rawLength + size + fullSize,
    finish() {
      settle();
      limit.finish();
    },
  };
}
