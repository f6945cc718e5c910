// Logs in pieces. Line numbers of an attempt are continuous whoever writes (the worker, or feedback from the target):
// the attempt's row hands them out. Pieces of one Operation get their sequence under one lock, so that a stream that goes
// on after number N has not missed a smaller one that was committed later. Reading: read-log.ts, find-in-log.ts.

import { and, eq, sql } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { LogMark } from '../log.ts';
import type { Database, Transaction } from './database.ts';
import { notify } from './events.ts';
import { logChunks, taskAttempts } from './schema/index.ts';

export interface LogPiece {
  /** Whole lines, cleaned and cut by model/log-lines.ts. */
  lines: string[];
  /** `line` counts from 1 within this piece. */
  marks: LogMark[];
}

export interface LogTarget {
  root: string;
  attemptId: string;
  organisation: string;
}

/** Adds pieces in their order, all or none. */
export async function appendLog(db: Database, to: LogTarget, pieces: LogPiece[]): Promise<void> {
  await write(db, to, pieces, sql`true`);
}

/**
 * The way of one writer that tries again: what was written although its answer was lost is not written twice.
 * The function is called with the same pieces until it succeeds, then with the next ones.
 */
export function openLog(db: Database, to: LogTarget): (pieces: LogPiece[]) => Promise<void> {
  let written: number | null = null;
  let mayBeThere = false;
  return async pieces => {
    written ??= await countWrites(db, to);
    const had = mayBeThere;
    mayBeThere = true;
    const isNew = await write(db, to, pieces, eq(taskAttempts.logWrites, written));
    if (!isNew && !had) {
      // Somebody else carries the same attempt out, after an outage: both lines stand there.
      await write(db, to, pieces, sql`true`);
      written = null;
    } else written += 1;
    mayBeThere = false;
  };
}

async function countWrites(db: Database, { attemptId }: LogTarget): Promise<number> {
  const [row] = await db
    .select({ count: taskAttempts.logWrites })
    .from(taskAttempts)
    .where(eq(taskAttempts.id, attemptId));
  if (!row) throw new AppError('internal', `There is no attempt ${attemptId} to write a log of.`);
  return row.count;
}

async function write(
  db: Database,
  to: LogTarget,
  pieces: LogPiece[],
  condition: ReturnType<typeof sql>,
): Promise<boolean> {
  const sized = pieces
    .filter(piece => piece.lines.length + piece.marks.length > 0)
    .map(piece => ({ ...piece, text: piece.lines.join('\n') }));
  if (sized.length === 0) return true;
  return db.transaction(async tx => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${to.root}, 0))`);
    const first = await takeNumbers(tx, to, sized, condition);
    if (first === null) return false;
    let next = first;
    const rows = sized.map(({ lines, marks, text }) => {
      const before = next - 1;
      next += lines.length;
      return {
        attempt: to.attemptId,
        firstLine: before + 1,
        lineCount: lines.length,
        text,
        marks: marks.map(mark => ({ ...mark, line: mark.line + before })),
      };
    });
    await tx.insert(logChunks).values(rows);
    await notify(tx, { kind: 'log', operation: to.root, organisation: to.organisation });
    return true;
  });
}

/** @returns the first line's number; null where the condition does not hold. */
async function takeNumbers(
  tx: Transaction,
  { attemptId }: LogTarget,
  pieces: { lines: string[]; text: string }[],
  condition: ReturnType<typeof sql>,
): Promise<number | null> {
  const lines = pieces.reduce((sum, piece) => sum + piece.lines.length, 0);
  // Each line has its newline; a piece of marks alone has no text.
  const bytes = pieces.reduce((sum, { lines, text }) => sum + (lines.length > 0 ? Buffer.byteLength(text) + 1 : 0), 0);
  const [attempt] = await tx
    .update(taskAttempts)
    .set({
      lines: sql`${taskAttempts.lines} + ${lines}`,
      bytes: sql`${taskAttempts.bytes} + ${bytes}`,
      logWrites: sql`${taskAttempts.logWrites} + 1`,
    })
    .where(and(eq(taskAttempts.id, attemptId), condition))
    .returning({ lines: taskAttempts.lines });
  return attempt ? attempt.lines - lines + 1 : null;
}
