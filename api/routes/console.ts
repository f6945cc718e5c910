// Temporal's console behind our sign-in, and the codec endpoint by which it shows sealed payloads to engineers.

import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { proxy } from 'hono/proxy';
import { authorize } from '../access.ts';
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
    summary: "Opens payloads for Temporal's console",
    access: 'edit_code',
    body: payloads,
  } as const;
  defineRoute(app, deps, decode, async ({ body }) => {
    const sealed = body.payloads.map(({ metadata = {}, data = '' }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
      ),
      data: Buffer.from(data, 'base64'),
    }));
    const opened = await deps.codec.decode(sealed);
    return {
      payloads: opened.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(
          Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
        ),
        data: Buffer.from(data ?? []).toString('base64'),
      })),
    };
  });
}

async function proxyConsole(deps: ApiDependencies, c: Context): Promise<Response> {
  const principal = await deps.auth.principalOf(c);
  authorize(principal, 'edit_code');
  const { pathname, search } = new URL(c.req.url);
  // Our cookie and token are not the console's business.
  const { cookie: _cookie, authorization: _authorization, ...headers } = c.req.header();
  return proxy(`${deps.consoleUrl}${pathname}${search}`, { raw: c.req.raw, headers });
}
