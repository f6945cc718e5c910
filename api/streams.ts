// Live streams (server-sent events): the state and log of one Operation, and what changes anywhere. A stream that is read slowly
// waits; nothing piles up for it.

import { streamSSE } from 'hono/streaming';
import { isOver } from '../model/run.ts';
import type { ModelEvent } from '../model/store/events.ts';
import { findOperation, type OperationRow } from '../model/store/operations.ts';
import { findRoot, piecesPerRead, readLog } from '../model/store/read-log.ts';
import type { RequestContext } from './define-route.ts';
import type { ApiDependencies } from './dependencies.ts';
import { NotSignedIn } from './problem.ts';
import { operationViewOf } from './views.ts';

/** Below the 60 s after which proxies close a silent connection. */
const aliveMs = 20_000;

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

/** Who was removed or signed out meanwhile gets nothing more: they are asked for again as often as a connection is kept alive. */
function createAdmission({ auth }: ApiDependencies, c: RequestContext): () => Promise<boolean> {
  let askedAt = Date.now();
  return async () => {
    if (Date.now() - askedAt < aliveMs) return true;
    askedAt = Date.now();
    // A database that is away is no reason to send anybody away.
    return auth.principalOf(c).then(
      () => true,
      (error: unknown) => !(error instanceof NotSignedIn),
    );
  };
}

export async function streamOperation(
  deps: ApiDependencies,
  c: RequestContext,
  row: OperationRow,
  start: number,
): Promise<Response> {
  const root = row.parent === null ? row.id : await findRoot(deps.db, row.id);
  const bell = createBell();
  let stateChanged = true;
  const hear = (event: ModelEvent | 'reconnected') => {
    if (event === 'reconnected') stateChanged = true;
    else if (event.kind === 'operation' && (event.id === row.id || event.id === root)) stateChanged = true;
    else if (event.kind !== 'log' || event.operation !== root) return;
    bell.ring();
  };
  const mayListen = createAdmission(deps, c);
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
        if (!(await mayListen())) return;
        const sendState = stateChanged;
        stateChanged = false;
        // State before log: when it says that the Operation is over, the log read after it is whole.
        const view = sendState ? await operationViewOf(deps, await findOperation(deps.db, row.id)) : null;
        if (view) await out.writeSSE({ event: 'operation', data: JSON.stringify(view) });
        for (;;) {
          const chunks = await readLog(deps.db, { operation: row.id }, { after, limit: piecesPerRead });
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

export function streamAll(deps: ApiDependencies, c: RequestContext, organisation: string): Response {
  const bell = createBell();
  // A burst (a log, a Rollout) is one pointer per object.
  const waiting = new Map<string, object>();
  const mayListen = createAdmission(deps, c);
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async out => {
    const leave = deps.events.subscribe(event => {
      if (event === 'reconnected') waiting.set('all', { kind: 'all' });
      else if (event.organisation !== organisation || event.kind === 'log') return;
      else {
        const { organisation: _, ...pointer } = event;
        waiting.set(event.id, pointer);
      }
      bell.ring();
    });
    out.onAbort(() => {
      leave();
      bell.ring();
    });
    try {
      while (!out.aborted) {
        if (!(await bell.wait(aliveMs))) await out.write(': alive\n\n');
        if (!(await mayListen())) return;
        const events = [...waiting.values()];
        waiting.clear();
        for (const event of events) await out.writeSSE({ event: 'change', data: JSON.stringify(event) });
      }
    } finally {
      leave();
    }
  });
}
