// Temporal's console behind our sign-in, and the codec endpoint by which it shows sealed payloads to engineers.

import { z } from '@hono/zod-openapi';
import type { Payload } from '@temporalio/common';
import type { Context } from 'hono';
import { proxy } from 'hono/proxy';
import { recordChange } from '../../model/store/audit.ts';
import { findOperation } from '../../model/store/operations.ts';
import type { Shown } from '../../secrets/payload-codec.ts';
import { actorOf, authorize, type Principal, visibleTo } from '../access.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

const payloads = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), z.string()).optional(), data: z.string().optional() }).loose())
    .max(10_000),
});

export function addConsoleRoutes(app: App, deps: ApiDependencies): void {
  app.all('/temporal/*', async c => proxyConsole(deps, c));
  app.all('/temporal', async c => proxyConsole(deps, c));

  const decode = {
    method: 'post',
    path: '/api/codec/decode',
    summary: "Opens payloads for Temporal's console and command line",
    access: 'edit_code',
    body: payloads,
  } as const;
  defineRoute(app, deps, decode, async ({ body, principal }) => {
    const shown = body.payloads.map(payload => deps.codec.show(fromJson(payload)));
    await recordReading(deps, principal, shown);
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

/** Who has read payloads of which runs: one entry for a request, whatever it holds. */
async function recordReading(deps: ApiDependencies, principal: Principal, shown: Shown[]): Promise<void> {
  const sealed = shown.filter(({ wasSealed }) => wasSealed);
  if (sealed.length === 0) return;
  const runs = [...new Set(sealed.flatMap(({ run }) => run ?? []))];
  const [run = ''] = runs;
  const name = runs.length === 1 ? await nameOfRun(deps, run, principal) : `${runs.length} runs`;
  const after = { payloads: sealed.length, runs };
  await deps.db.transaction(tx =>
    recordChange(tx, actorOf(principal), { verb: 'read payloads', object: { kind: 'run', id: run, name }, after }),
  );
}

/** Title and subject of an Operation; an Action has no row. */
async function nameOfRun(deps: ApiDependencies, run: string, principal: Principal): Promise<string> {
  const row = await findOperation(deps.db, run, visibleTo(principal).organisation).catch(() => null);
  return row ? `${row.title} ${row.subjectName}` : run;
}

async function proxyConsole(deps: ApiDependencies, c: Context): Promise<Response> {
  const principal = await deps.auth.principalOf(c);
  authorize(principal, 'edit_code');
  const { pathname, search } = new URL(c.req.url);
  // Our cookie and token are not the console's business.
  const { cookie: _cookie, authorization: _authorization, ...headers } = c.req.header();
  return proxy(`${deps.consoleUrl}${pathname}${search}`, { raw: c.req.raw, headers });
}
