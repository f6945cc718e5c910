// Temporal's console behind our sign-in, and the codec endpoint by which it shows sealed payloads to engineers.

import { z } from '@hono/zod-openapi';
import type { Payload } from '@temporalio/common';
import type { Context } from 'hono';
import { proxy } from 'hono/proxy';
import { actorOf, authorize, type Principal, visibleTo } from '../../dispatch/access.ts';
import { recordChange } from '../../model/store/audit.ts';
import { findOperation } from '../../model/store/operations.ts';
import type { Shown } from '../../secrets/payload-codec.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

const payloads = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), z.string()).optional(), data: z.string().optional() }).loose())
    .max(10_000)
    // Temporal's command line leaves out an empty list.
    .default([]),
});

export function addConsoleRoutes(app: App, deps: ApiDependencies): void {
  app.all('/temporal/*', async c => proxyConsole(deps, c));
  app.all('/temporal', async c => proxyConsole(deps, c));

  const recordReading = createReadings(deps);
  const decode = {
    method: 'post',
    path: '/api/codec/decode',
    summary: "Opens payloads for Temporal's console and command line",
    access: 'edit_code',
    body: payloads,
  } as const;
  defineRoute(app, deps, decode, async ({ body, principal }) => {
    const shown = body.payloads.map(payload => deps.codec.show(fromJson(payload)));
    await recordReading(principal, shown);
    return { payloads: shown.map(({ payload }) => toJson(payload)) };
  });
}

type JsonPayload = z.output<typeof payloads>['payloads'][number];

function fromJson({ metadata = {}, data = '' }: JsonPayload): Payload {
  const entries = Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data, 'base64') };
}

function toJson({ metadata, data }: Payload): JsonPayload {
  const encode = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, encode(value)]);
  return { metadata: Object.fromEntries(entries), data: encode(data) };
}

/** Console and command line ask for each payload by itself: one look at a run is one entry, not dozens. */
const sameLookMs = 10 * 60_000;

/** Writes down who reads payloads of which runs. */
function createReadings(deps: ApiDependencies) {
  const last = new Map<string, number>();
  const isNew = (reading: string) => {
    const now = Date.now();
    for (const [key, at] of last) if (now - at > sameLookMs) last.delete(key);
    if (last.has(reading)) return false;
    last.set(reading, now);
    return true;
  };
  return async (principal: Principal, shown: Shown[]): Promise<void> => {
    const runs = new Set(shown.filter(({ wasSealed }) => wasSealed).map(({ run }) => run ?? ''));
    for (const run of [...runs].filter(each => isNew(`${principal.userId} ${each}`))) {
      const object = { kind: 'run', id: run, name: await nameOfRun(deps, run, principal) } as const;
      await deps.db.transaction(tx => recordChange(tx, actorOf(principal), { verb: 'read payloads', object }));
    }
  };
}

/** Title and subject of an Operation; an Action has no row. */
async function nameOfRun(deps: ApiDependencies, run: string, principal: Principal): Promise<string> {
  const row = await findOperation(deps.db, run, visibleTo(principal).organisation).catch(() => null);
  return row ? `${row.title} ${row.subjectName}` : run || 'unknown';
}

async function proxyConsole(deps: ApiDependencies, c: Context): Promise<Response> {
  const principal = await deps.auth.principalOf(c);
  authorize(principal, 'edit_code');
  const { pathname, search } = new URL(c.req.url);
  // Our cookie and token are not the console's business.
  const { cookie: _cookie, authorization: _authorization, ...headers } = c.req.header();
  return proxy(`${deps.consoleUrl}${pathname}${search}`, { raw: c.req.raw, headers });
}
