// One's own ways in: sessions of browsers, and API tokens, each for a role and a time.

import { z } from '@hono/zod-openapi';
import { actorOf, authorizeRole, type Principal, refuseToken } from '../../dispatch/access.ts';
import { roles } from '../../model/access.ts';
import { AppError } from '../../model/errors.ts';
import { recordChange } from '../../model/store/audit.ts';
import type { Database } from '../../model/store/database.ts';
import { endSession, listSessions, listTokens, removeToken } from '../../model/store/own-access.ts';
import { readTokenRole } from '../auth.ts';
import type { SessionEntryView, TokenView } from '../contract-people.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

/** What better-auth takes at most. */
const longestDays = 365;

export function addOwnAccessRoutes(app: App, deps: ApiDependencies): void {
  addSessions(app, deps);
  addTokens(app, deps);
}

function addSessions(app: App, deps: ApiDependencies): void {
  const path = '/api/sessions';
  const list = { method: 'get', path, summary: 'Browsers in which one is signed in', access: 'read' } as const;
  defineRoute(app, deps, list, async ({ principal, c }): Promise<SessionEntryView[]> => {
    const present = await deps.auth.better.api.getSession({ headers: c.req.raw.headers });
    const rows = await listSessions(deps.db, principal.userId);
    return rows.map(row => ({
      id: row.id,
      isThis: row.id === present?.session.id,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      address: row.ipAddress || null,
      browser: row.userAgent || null,
    }));
  });
  const end = {
    method: 'delete',
    path: `${path}/{id}`,
    summary: 'Signs a browser of oneself out',
    access: 'read',
    status: 204,
  } as const;
  defineRoute(app, deps, end, async ({ params, principal }) => {
    const isEnded = await endSession(deps.db, principal.userId, params.id ?? '');
    if (!isEnded) throw new AppError('not_found', 'There is no such session of yours.');
  });
}

function addTokens(app: App, deps: ApiDependencies): void {
  const path = '/api/tokens';
  const list = { method: 'get', path, summary: 'API tokens of oneself', access: 'read' } as const;
  defineRoute(app, deps, list, async ({ principal }): Promise<TokenView[]> => {
    const rows = await listTokens(deps.db, principal.userId);
    return rows.map(row => ({
      id: row.id,
      name: row.name ?? '',
      role: readTokenRole(row.permissions ? JSON.parse(row.permissions) : null),
      createdAt: row.createdAt.toISOString(),
      lastUsedAt: row.lastRequest?.toISOString() ?? null,
      expiresAt: row.expiresAt?.toISOString() ?? null,
    }));
  });
  const create = {
    method: 'post',
    path,
    summary: 'Makes an API token, shown once',
    access: 'read',
    body: z.object({
      name: z.string().min(1).max(32),
      role: z.enum(roles).optional(),
      days: z.number().int().min(1).max(longestDays).optional(),
    }),
    status: 201,
  } as const;
  defineRoute(app, deps, create, async ({ body, principal }): Promise<TokenView & { token: string }> => {
    refuseToken(principal);
    const { name, role = null, days } = body;
    if (role) authorizeRole(principal, role);
    const { id, key, createdAt, expiresAt } = await deps.auth.better.api.createApiKey({
      body: {
        name,
        userId: principal.userId,
        ...(role ? { permissions: { role: [role] } } : {}),
        ...(days ? { expiresIn: days * 24 * 3600 } : {}),
      },
    });
    await record(deps.db, principal, 'create', id, name, { role, days: days ?? null });
    const times = { createdAt: createdAt.toISOString(), lastUsedAt: null, expiresAt: expiresAt?.toISOString() ?? null };
    return { id, name, role, ...times, token: key };
  });
  const remove = {
    method: 'delete',
    path: `${path}/{id}`,
    summary: 'Revokes an API token',
    access: 'read',
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) => {
    const id = params.id ?? '';
    const name = await removeToken(deps.db, principal.userId, id);
    if (name === null) throw new AppError('not_found', 'There is no such token.');
    await record(deps.db, principal, 'delete', id, name);
  });
}

function record(
  db: Database,
  principal: Principal,
  verb: string,
  id: string,
  name: string,
  after: Record<string, unknown> | null = null,
): Promise<void> {
  return db.transaction(tx =>
    recordChange(tx, actorOf(principal), { verb, object: { kind: 'token', id, name }, after }),
  );
}
