// Reads logs: pieces in order of arrival for streams, and any range of lines. A log belongs to an Operation with everything
// below it, to a Task or to one attempt; its lines are numbered over all of that, each Task's in the place of its step.

import { and, asc, eq, gt, gte, lte, sql } from 'drizzle-orm';
import type { LogAttempt, LogChunk, LogMark, LogOutline, LogRange, LogRangePiece } from '../log.ts';
import type { Db } from './database.ts';
import { logChunks } from './schema/index.ts';

export interface LogScope {
  operation: string;
  task?: string | undefined;
  attempt?: string | undefined;
}

/** At most 16 × 64 KiB = 1 MiB in memory for each reader. */
export const piecesPerRead = 16;

export type StoredChunk = LogChunk & { sequence: number };

const ownAndBelow = (operation: string) => sql`with recursive below(id) as (
    select id from operations where id = ${operation}
    union all select o.id from operations o join below on o.parent = below.id
  )`;

const within = ({ task, attempt }: LogScope) =>
  sql`t.operation in (select id from below)
    and ${task ? sql`t.id = ${task}` : sql`true`} and ${attempt ? sql`a.id = ${attempt}` : sql`true`}`;

/** Numbers that come as text, because they may be larger than what JSON has. */
interface AttemptRow extends Record<string, unknown> {
  attemptId: string;
  taskId: string;
  number: number;
  lines: number;
  bytes: string;
  sequence: string | null;
}

/** As it is at this moment; a running one grows. */
export async function outlineLog(db: Db, scope: LogScope): Promise<LogOutline> {
  const { rows } = await db.execute<AttemptRow>(sql`${ownAndBelow(scope.operation)}
    select a.id as "attemptId", a.task as "taskId", a.number, a.lines, a.bytes,
      (select max(sequence) from log_chunks c where c.attempt = a.id) as sequence
    from tasks t join task_attempts a on a.task = t.id
    where ${within(scope)} order by t.position, a.number`);
  let total = 0;
  const attempts = rows.map(row => {
    const offset = total;
    total += row.lines;
    return { ...row, bytes: Number(row.bytes), offset, sequence: Number(row.sequence ?? 0) };
  });
  return { attempts, total, sequence: Math.max(0, ...attempts.map(attempt => attempt.sequence)) };
}

/** Pieces in order of arrival. `text` may be large: `limit` counts pieces (≤ 64 KiB each). */
export async function readLog(
  db: Db,
  scope: LogScope,
  { after, limit }: { after: number; limit: number },
): Promise<StoredChunk[]> {
  // Each attempt's next ones by its index, instead of all of a long log sorted for each page of it.
  const { rows } = await db.execute<Record<string, unknown>>(sql`${ownAndBelow(scope.operation)}
    select c.attempt as "attemptId", a.task as "taskId", c.first_line as "firstLine", c.line_count as "lineCount",
      c.text, c.marks, c.at, c.sequence
    from tasks t join task_attempts a on a.task = t.id
      cross join lateral (
        select * from log_chunks where attempt = a.id and sequence > ${after} order by sequence limit ${limit}
      ) c
    where ${within(scope)} order by c.sequence limit ${limit}`);
  return rows.map(row => ({
    ...(row as unknown as StoredChunk),
    at: new Date(row.at as string | Date).toISOString(),
    sequence: Number(row.sequence),
  }));
}

/** The outermost Operation, under whose id everything of a run is announced. */
export async function findRoot(db: Db, operation: string): Promise<string> {
  const { rows } = await db.execute<{ id: string }>(sql`with recursive above(id, parent) as (
      select id, parent from operations where id = ${operation}
      union all select o.id, o.parent from operations o join above on o.id = above.parent
    ) select id from above where parent is null`);
  return rows[0]?.id ?? operation;
}

/** Text that one answer holds at most, nearly: a page shows far less. */
const longestRange = 1024 * 1024;
const chunksPerRead = 8;

export type LineRange = { from: number; to: number; last?: undefined } | { last: number };

/** Lines `from` to `to`, or the last ones, or fewer where they are long: `next` then says where to go on. */
export async function readLogLines(db: Db, scope: LogScope, range: LineRange): Promise<LogRange> {
  const { attempts, total } = await outlineLog(db, scope);
  const [begin, to] =
    range.last === undefined ? [range.from, Math.min(range.to, total)] : [Math.max(1, total - range.last + 1), total];
  const pieces: LogRangePiece[] = [];
  let length = 0;
  let next = begin;
  for (const attempt of attempts) {
    while (next <= to && next > attempt.offset && next <= attempt.offset + attempt.lines) {
      if (length > longestRange) return { pieces, total, next };
      const own = { from: next - attempt.offset, to: Math.min(to - attempt.offset, attempt.lines) };
      const lines = await readText(db, attempt.attemptId, own);
      // Never by itself; an endless circle would be worse than a short answer.
      if (lines.length === 0) return { pieces, total, next: null };
      const marks = await readMarks(db, attempt, { from: own.from, to: own.from + lines.length - 1 });
      const { attemptId, taskId } = attempt;
      pieces.push({ attemptId, taskId, from: next, firstLine: own.from, lines, marks });
      length += lines.reduce((sum, line) => sum + line.length + 1, 0);
      next += lines.length;
    }
  }
  return { pieces, total, next: null };
}

/** First line of the piece that holds the given line. */
export const pieceWith = (attemptId: string, line: number) => sql`(select max(first_line) from log_chunks
  where attempt = ${attemptId} and first_line <= ${line} and line_count > 0)`;

async function readText(db: Db, attemptId: string, { from, to }: { from: number; to: number }): Promise<string[]> {
  const chunks = await db
    .select({ firstLine: logChunks.firstLine, text: logChunks.text })
    .from(logChunks)
    .where(
      and(
        eq(logChunks.attempt, attemptId),
        gt(logChunks.lineCount, 0),
        gte(logChunks.firstLine, pieceWith(attemptId, from)),
        lte(logChunks.firstLine, to),
      ),
    )
    .orderBy(asc(logChunks.firstLine))
    .limit(chunksPerRead);
  return chunks.flatMap(({ firstLine, text }) =>
    text.split('\n').slice(Math.max(0, from - firstLine), to + 1 - firstLine),
  );
}

/** Those before each line of the range; at the end of the log also what stands after it. */
async function readMarks(db: Db, attempt: LogAttempt, { from, to }: { from: number; to: number }): Promise<LogMark[]> {
  const { attemptId, lines } = attempt;
  const last = to === lines ? to + 1 : to;
  const chunks = await db
    .select({ marks: logChunks.marks })
    .from(logChunks)
    .where(
      and(
        eq(logChunks.attempt, attemptId),
        gte(logChunks.firstLine, pieceWith(attemptId, from)),
        lte(logChunks.firstLine, last),
        sql`${logChunks.marks} <> '[]'`,
      ),
    )
    .orderBy(asc(logChunks.sequence));
  return chunks.flatMap(chunk => chunk.marks).filter(({ line }) => line >= from && line <= last);
}
