// Finds lines of a log by text or by a regular expression, in the database: nothing large leaves it, and an expression that
// would take for ever is ended there. It looks through a log a few MiB at a time and answers with what it has after a while,
// so that nobody waits long and no connection is held long.

import { sql } from 'drizzle-orm';
import { AppError, invalid } from '../errors.ts';
import type { LogAttempt, LogHit, LogHits, LogSearch } from '../log.ts';
import type { Database } from './database.ts';
import { type LogScope, outlineLog, pieceWith } from './read-log.ts';

export interface FindOptions {
  /** Number of the first line to look at. */
  from: number;
  /** Hits at most. */
  limit: number;
  /** Nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** 2 MiB: a regular expression of ordinary make takes about 0.05 s for it. */
const chunksPerStep = 32;
/** Of one step; an expression that needs more is of the kind that never ends. */
const stepTimeoutMs = 4000;
const answerAfterMs = 2000;

/** Of a long line, this much is shown around the hit. */
const shownBefore = 80;
const shownLength = 400;

export async function findInLog(
  db: Database,
  scope: LogScope,
  search: LogSearch,
  { from, limit, signal }: FindOptions,
): Promise<LogHits> {
  const { attempts, total } = await outlineLog(db, scope);
  const until = Date.now() + answerAfterMs;
  const hits: LogHit[] = [];
  let next = from;
  for (const attempt of attempts) {
    const end = attempt.offset + attempt.lines;
    while (next <= end && next > attempt.offset) {
      if (Date.now() > until || signal?.aborted) return { hits, searched: next - 1, total, next };
      const wanted = limit - hits.length;
      const step = await searchStep(db, attempt, search, { from: next - attempt.offset, limit: wanted });
      hits.push(...step.hits);
      if (step.hits.length === wanted) next = (hits.at(-1)?.at ?? next) + 1;
      else next = step.to === null ? end + 1 : attempt.offset + step.to + 1;
      if (hits.length === limit) return { hits, searched: next - 1, total, next: next > total ? null : next };
    }
  }
  return { hits, searched: total, total, next: null };
}

interface Step {
  hits: LogHit[];
  /** Last line that was looked at; null = there is nothing from there on. */
  to: number | null;
}

async function searchStep(
  db: Database,
  attempt: LogAttempt,
  search: LogSearch,
  { from, limit }: { from: number; limit: number },
): Promise<Step> {
  const { attemptId, taskId, offset } = attempt;
  const { rows: bounds } = await db.execute<{ first: number | null; to: number | null }>(sql`
    select min(first_line) as first, max(first_line + line_count - 1) as to from (
      select first_line, line_count from log_chunks
      where attempt = ${attemptId} and line_count > 0 and first_line >= ${pieceWith(attemptId, from)}
      order by first_line limit ${chunksPerStep}
    ) pieces`);
  const { first = null, to = null } = bounds[0] ?? {};
  if (first === null || to === null) return { hits: [], to: null };
  const rows = await searchLines(db, search, { attemptId, first, from, to, limit });
  return { hits: rows.map(({ line, text }) => ({ attemptId, taskId, at: offset + line, line, text })), to };
}

interface Window {
  attemptId: string;
  /** Of the piece in which `from` lies. */
  first: number;
  from: number;
  to: number;
  limit: number;
}

type FoundLine = { line: number; text: string };

async function searchLines(db: Database, search: LogSearch, window: Window): Promise<FoundLine[]> {
  const { attemptId, first, from, to, limit } = window;
  const colours = String.raw`\x1b\[[0-9;]*[A-Za-z]`;
  try {
    return await db.transaction(async tx => {
      await tx.execute(sql.raw(`set local statement_timeout = ${stepTimeoutMs}`));
      const { rows } = await tx.execute<FoundLine>(sql`
        select line, ${excerpt(search)} as text from (
          select (c.first_line + l.number - 1)::integer as line, l.line as content
          from (
            select first_line, case when strpos(text, chr(27)) = 0 then text
              else regexp_replace(text, ${colours}, '', 'g') end as text
            from log_chunks
            where attempt = ${attemptId} and line_count > 0 and first_line between ${first} and ${to}
          ) c cross join lateral string_to_table(c.text, chr(10)) with ordinality l(line, number)
          where ${mayHold(search)} and ${matches(search)}
        ) found where line >= ${from} order by line limit ${limit}`);
      return rows;
    });
  } catch (error) {
    throw explain(error);
  }
}

/** Plain text is in no line of a piece that does not have it; of an expression nothing is known beforehand. */
function mayHold({ text, regex, ignoreCase }: LogSearch) {
  if (regex) return sql`true`;
  return ignoreCase ? sql`c.text ~* ${literal(text)}` : sql`strpos(c.text, ${text}) > 0`;
}

function matches({ text, regex, ignoreCase }: LogSearch) {
  if (regex) return ignoreCase ? sql`l.line ~* ${text}` : sql`l.line ~ ${text}`;
  return ignoreCase ? sql`l.line ~* ${literal(text)}` : sql`strpos(l.line, ${text}) > 0`;
}

function excerpt({ text, regex, ignoreCase }: LogSearch) {
  const at =
    regex || ignoreCase
      ? sql`regexp_instr(content, ${regex ? text : literal(text)}, 1, 1, 0, ${ignoreCase ? 'i' : 'c'})`
      : sql`strpos(content, ${text})`;
  return sql`case when length(content) <= ${shownLength} then content
    else substr(content, greatest(1, ${at} - ${shownBefore}), ${shownLength}) end`;
}

/** What follows is not an expression. */
const literal = (text: string) => `***=${text}`;

function explain(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message = '' } = cause as Error & { code?: string };
  if (code === '2201B') {
    const reason = message.replace(/^invalid regular expression: /, '');
    return invalid([{ path: 'text', message: `It is not a regular expression that can be used: ${reason}.` }], '');
  }
  if (code !== '57014') return error;
  return new AppError(
    'invalid',
    'This regular expression takes too long. Make it simpler: without back references and repetitions within repetitions.',
    { cause: error, problems: [{ path: 'text', message: 'Takes too long.' }] },
  );
}
