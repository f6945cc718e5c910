// Logs: pages of pieces, the whole text, and live streams.

import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { stream, streamSSE } from 'hono/streaming';
import { isOver } from '../../model/run.ts';
import type { ModelEvent } from '../../model/store/events.ts';
import { readLog } from '../../model/store/logs.ts';
import { findOperation, type OperationRow } from '../../model/store/operations.ts';
import { visibleTo } from '../access.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { operationViewOf } from '../views.ts';

/** Pieces per read: at most 16 × 64 KiB = 1 MiB in memory for each reader. */
const piecesPerRead = 16;

/** Below the 60 s after which proxies close a silent connection. */
const aliveMs = 20_000;

export function addLogRoutes(app: App, deps: ApiDependencies): void {
  const log = {
    method: 'get',
    path: '/api/operations/{id}/log',
    summary: 'The log in pieces, or whole as text',
    access: 'read',
    query: z.object({
      task: z.string().optional(),
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(piecesPerRead).default(piecesPerRead),
      format: z.enum(['json', 'text']).default('json'),
    }),
  } as const;
  defineRoute(app, deps, log, async ({ params, query, principal, c }) => {
    const row = await findOperation(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const task = query.task ? { task: query.task } : {};
    if (query.format === 'text' || c.req.header('accept') === 'text/plain') return wholeText(deps, c, row, task);
    const chunks = await readLog(deps.db, row.id, { ...task, after: query.after, limit: query.limit });
    return { chunks, next: chunks.length === query.limit ? String(chunks.at(-1)?.sequence ?? '') : null };
  });
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

function wholeText(deps: ApiDependencies, c: Context, row: OperationRow, task: { task?: string }): Response {
  c.header('content-type', 'text/plain; charset=utf-8');
  c.header('content-disposition', `attachment; filename="${row.type}-${row.id}.log"`);
  return stream(c, async out => {
    for (let after = 0; ; ) {
      const chunks = await readLog(deps.db, row.id, { ...task, after, limit: piecesPerRead });
      for (const chunk of chunks) if (chunk.lineCount > 0) await out.write(`${chunk.text}\n`);
      const last = chunks.at(-1);
      if (!last || out.aborted) return;
      after = last.sequence;
    }
  });
}

/** Wakes when something has changed; several changes before a look are one. */
function createBell() {
  let rung = true;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms: number): Promise<boolean> {
      if (!rung) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>(resolve => {
          wake = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
      }
      const was = rung;
      rung = false;
      return was;
    },
  };
}

function streamOperation(deps: ApiDependencies, c: Context, row: OperationRow, start: number): Response {
  const bell = createBell();
  let stateChanged = true;
  const hear = (event: ModelEvent | 'reconnected') => {
    if (event === 'reconnected') stateChanged = true;
    else if (event.kind === 'operation' && event.id === row.id) stateChanged = true;
    else if (event.kind !== 'log' || event.operation !== row.id) return;
    bell.ring();
  };
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async out => {
    const leave = deps.events.subscribe(hear);
    out.onAbort(() => {
      leave();
      bell.ring();
    });
    let after = start;
    try {
      while (!out.aborted) {
        if (!(await bell.wait(aliveMs))) await out.write(': alive\n\n');
        const sendState = stateChanged;
        stateChanged = false;
        // State before log: when it says that the Operation is over, the log read after it is whole.
        const view = sendState ? await operationViewOf(deps, await findOperation(deps.db, row.id)) : null;
        if (view) await out.writeSSE({ event: 'operation', data: JSON.stringify(view) });
        for (;;) {
          const chunks = await readLog(deps.db, row.id, { after, limit: piecesPerRead });
          for (const chunk of chunks)
            await out.writeSSE({ event: 'log', id: String(chunk.sequence), data: JSON.stringify(chunk) });
          after = chunks.at(-1)?.sequence ?? after;
          if (chunks.length < piecesPerRead || out.aborted) break;
        }
        if (view && isOver(view.state)) {
          await out.writeSSE({ event: 'end', data: JSON.stringify({ state: view.state }) });
          return;
        }
      }
    } finally {
      leave();
    }
  });
}

function streamAll(deps: ApiDependencies, c: Context, organisation: string): Response {
  const bell = createBell();
  // A burst (a log, a Rollout) is one pointer per object.
  const waiting = new Map<string, object>();
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async out => {
    const leave = deps.events.subscribe(event => {
      if (event === 'reconnected') waiting.set('all', { kind: 'all' });
      else if (event.organisation !== organisation || event.kind === 'log') return;
      else if (event.kind === 'operation') waiting.set(event.id, { kind: event.kind, id: event.id });
      else waiting.set(event.id, { kind: event.kind, entityKind: event.entityKind, id: event.id });
      bell.ring();
    });
    out.onAbort(() => {
      leave();
      bell.ring();
    });
    try {
      while (!out.aborted) {
        if (!(await bell.wait(aliveMs))) await out.write(': alive\n\n');
        const events = [...waiting.values()];
        waiting.clear();
        for (const event of events) await out.writeSSE({ event: 'change', data: JSON.stringify(event) });
      }
    } finally {
      leave();
    }
  });
}
