// Logs in pieces. Line numbers of an attempt are continuous whoever writes (the worker, or feedback from the target):
// the attempt's row hands them out. Pieces of one Operation get their sequence under one lock, so that a stream that goes
// on after number N has not missed a smaller one that was committed later.

import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { LogChunk, LogMark } from '../log.ts';
import type { Database, Db } from './database.ts';
import { notify } from './events.ts';
import { logChunks, taskAttempts, tasks } from './schema/index.ts';

export interface LogPiece {
  /** Whole lines, cleaned and cut by model/log-lines.ts. */
  lines: string[];
  /** `line` counts from 1 within this piece. */
  marks: LogMark[];
}

export async function appendLog(
  db: Database,
  to: { root: string; attemptId: string; organisation: string },
  piece: LogPiece,
): Promise<void> {
  if (piece.lines.length === 0 && piece.marks.length === 0) return;
  await db.transaction(async tx => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${to.root}, 0))`);
    const [attempt] = await tx
      .update(taskAttempts)
      .set({ lines: sql`${taskAttempts.lines} + ${piece.lines.length}` })
      .where(eq(taskAttempts.id, to.attemptId))
      .returning({ lines: taskAttempts.lines });
    const before = (attempt?.lines ?? piece.lines.length) - piece.lines.length;
    await tx.insert(logChunks).values({
      attempt: to.attemptId,
      firstLine: before + 1,
      lineCount: piece.lines.length,
      text: piece.lines.join('\n'),
      marks: piece.marks.map(mark => ({ ...mark, line: mark.line + before })),
    });
    await notify(tx, { kind: 'log', operation: to.root, organisation: to.organisation });
  });
}

export type StoredChunk = LogChunk & { sequence: number };

/** Pieces of an Operation in order of arrival. `text` may be large: `limit` counts pieces (≤ 64 KiB each). */
export async function readLog(
  db: Db,
  root: string,
  query: { task?: string; after: number; limit: number },
): Promise<StoredChunk[]> {
  const rows = await db
    .select({ chunk: logChunks, taskId: tasks.id })
    .from(logChunks)
    .innerJoin(taskAttempts, eq(taskAttempts.id, logChunks.attempt))
    .innerJoin(tasks, eq(tasks.id, taskAttempts.task))
    .where(
      and(eq(tasks.root, root), gt(logChunks.sequence, query.after), query.task ? eq(tasks.id, query.task) : undefined),
    )
    .orderBy(asc(logChunks.sequence))
    .limit(query.limit);
  return rows.map(({ chunk, taskId }) => ({
    attemptId: chunk.attempt,
    taskId,
    firstLine: chunk.firstLine,
    lineCount: chunk.lineCount,
    text: chunk.text,
    marks: chunk.marks,
    at: chunk.at.toISOString(),
    sequence: chunk.sequence,
  }));
}
