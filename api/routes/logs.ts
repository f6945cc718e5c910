// Logs: pieces as they arrived, the whole text, any range of lines, hits of a search, and live streams.

import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { stream } from 'hono/streaming';
import { visibleTo } from '../../dispatch/access.ts';
import { findInLog } from '../../model/store/find-in-log.ts';
import { findOperation, type OperationRow } from '../../model/store/operations.ts';
import { type LogScope, outlineLog, piecesPerRead, readLog, readLogLines } from '../../model/store/read-log.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { streamAll, streamOperation } from '../streams.ts';
import { createTurns } from '../turns.ts';

/** The same defaults everywhere: all of the Operation, with what is nested in it. */
const scope = { task: z.string().max(255).optional(), attempt: z.string().max(255).optional() };
const flag = z.enum(['true', 'false']).default('false');
const lineNumber = z.coerce.number().int().min(1);

/** More lines than any page shows at once. */
const mostLines = 5000;

/** Searches at the same time in one API; they are work for a processor of the database. */
const searches = { atOnce: 2, waiting: 20 };

export function addLogRoutes(app: App, deps: ApiDependencies): void {
  addPieces(app, deps);
  addLines(app, deps);
  addSearch(app, deps);
  addStreams(app, deps);
}

function addPieces(app: App, deps: ApiDependencies): void {
  const log = {
    method: 'get',
    path: '/api/operations/{id}/log',
    summary: 'The log in pieces as they arrived, or whole as text',
    access: 'read',
    query: z.object({
      ...scope,
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(piecesPerRead).default(piecesPerRead),
      format: z.enum(['json', 'text']).default('json'),
    }),
  } as const;
  defineRoute(app, deps, log, async ({ params, query, principal, c }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const of = { operation: row.id, task: query.task, attempt: query.attempt };
    if (query.format === 'text' || c.req.header('accept') === 'text/plain') return wholeText(deps, c, row, of);
    const chunks = await readLog(deps.db, of, { after: query.after, limit: query.limit });
    return { chunks, next: chunks.length === query.limit ? String(chunks.at(-1)?.sequence ?? '') : null };
  });
}

function wholeText(deps: ApiDependencies, c: Context, row: OperationRow, of: LogScope): Response {
  c.header('content-type', 'text/plain; charset=utf-8');
  c.header('content-disposition', `attachment; filename="${row.type}-${row.id}.log"`);
  return stream(c, async out => {
    for (let after = 0; ; ) {
      const chunks = await readLog(deps.db, of, { after, limit: piecesPerRead });
      for (const chunk of chunks) if (chunk.lineCount > 0) await out.write(`${chunk.text}\n`);
      const last = chunks.at(-1);
      if (!last || out.aborted) return;
      after = last.sequence;
    }
  });
}

function addLines(app: App, deps: ApiDependencies): void {
  const outline = {
    method: 'get',
    path: '/api/operations/{id}/log/outline',
    summary: 'What the log is made of: each attempt with its lines, in the order of the steps',
    access: 'read',
    query: z.object(scope),
  } as const;
  defineRoute(app, deps, outline, async ({ params, query, principal }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    return outlineLog(deps.db, { operation: row.id, ...query });
  });
  const lines = {
    method: 'get',
    path: '/api/operations/{id}/log/lines',
    summary: `Lines by their numbers, at most ${mostLines} at once`,
    access: 'read',
    query: z.object({
      ...scope,
      from: lineNumber.default(1),
      to: lineNumber.optional(),
      last: lineNumber.max(mostLines).optional().openapi({ description: 'Instead of from and to: so many at the end' }),
    }),
  } as const;
  defineRoute(app, deps, lines, async ({ params, query, principal }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const { from, to = Number.POSITIVE_INFINITY, last, ...rest } = query;
    const of = { operation: row.id, ...rest };
    if (last !== undefined) return readLogLines(deps.db, of, { last });
    const range = await readLogLines(deps.db, of, { from, to: Math.min(to, from + mostLines - 1) });
    const more = from + mostLines;
    return { ...range, next: range.next ?? (more <= Math.min(to, range.total) ? more : null) };
  });
}

function addSearch(app: App, deps: ApiDependencies): void {
  const turns = createTurns(searches);
  const find = {
    method: 'get',
    path: '/api/operations/{id}/log/find',
    summary:
      'Lines with a text, or a match of a regular expression of PostgreSQL; `next` goes on, also without a hit yet',
    access: 'read',
    query: z.object({
      ...scope,
      // What nobody types is no expression, and NUL is in no log.
      text: z
        .string()
        .min(1)
        .max(1000)
        .refine(text => !text.includes('\0'), 'It has a NUL'),
      regex: flag,
      ignore_case: flag,
      from: lineNumber.default(1),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  } as const;
  defineRoute(app, deps, find, async ({ params, query, principal, c }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const { text, regex, ignore_case, from, limit, ...rest } = query;
    const search = { text, regex: regex === 'true', ignoreCase: ignore_case === 'true' };
    const { signal } = c.req.raw;
    return turns.take(() => findInLog(deps.db, { operation: row.id, ...rest }, search, { from, limit, signal }));
  });
}

function addStreams(app: App, deps: ApiDependencies): void {
  const events = {
    method: 'get',
    path: '/api/operations/{id}/events',
    summary: 'State and log of an Operation as they arrive (server-sent events)',
    access: 'read',
    query: z.object({ after: z.coerce.number().int().min(0).optional() }),
  } as const;
  defineRoute(app, deps, events, async ({ params, query, principal, c }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const after = Number(c.req.header('last-event-id') ?? query.after ?? 0) || 0;
    return streamOperation(deps, c, row, after);
  });
  const all = {
    method: 'get',
    path: '/api/events',
    summary: 'What changes, as pointers (server-sent events)',
    access: 'read',
  } as const;
  defineRoute(app, deps, all, async ({ principal, c }) => streamAll(deps, c, visibleTo(principal).organisation));
}
