// Sign-in: the one-time link, the session's view, the first password, API tokens; and the health of this process.

import { z } from '@hono/zod-openapi';
import { setSignedCookie } from 'hono/cookie';
import { definitionOf } from '../../dispatch/entity-input.ts';
import { leastPasswordLength } from '../../model/access.ts';
import type { EntityDefinition, EntityKind } from '../../model/entities.ts';
import { entityKinds } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { listFieldDefinitions } from '../../model/store/field-definitions.ts';
import {
  addSignInLink,
  hasPassword,
  listTokens,
  removeToken,
  setCredentials,
  useSignInLink,
} from '../../model/store/people.ts';
import { hashToken, makeToken } from '../../secrets/token.ts';
import type { SessionView, TokenView } from '../contract.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createHealth } from '../health.ts';
import { NotSignedIn } from '../problem.ts';

/** Time to walk from the terminal to the browser, also after lunch. */
const linkMs = 12 * 3600 * 1000;

export function addSessionRoutes(app: App, deps: ApiDependencies): void {
  app.on(['GET', 'POST'], '/api/auth/*', c => deps.auth.better.handler(c.req.raw));
  addHealth(app, deps);
  addLinks(app, deps);
  addSession(app, deps);
  addTokens(app, deps);
}

function addHealth(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/health',
    summary: 'Whether this process can do its work, and which parts answer',
    access: 'open',
  } as const;
  const askHealth = createHealth(deps);
  defineRoute(app, deps, spec, async ({ c }) => {
    const health = await askHealth();
    return c.json(health, health.ok ? 200 : 503);
  });
}

function addLinks(app: App, deps: ApiDependencies): void {
  const make = {
    method: 'post',
    path: '/api/sign-in-links',
    summary: 'Makes a one-time sign-in link for oneself',
    access: 'read',
    status: 201,
  } as const;
  defineRoute(app, deps, make, async ({ principal }) => {
    const token = makeToken();
    await addSignInLink(deps.db, {
      tokenHash: hashToken(token),
      userId: principal.userId,
      expiresAt: new Date(Date.now() + linkMs),
    });
    return { url: `${deps.publicUrl}/sign-in?link=${token}` };
  });
  const use = {
    method: 'post',
    path: '/api/sign-in-link',
    summary: 'Signs in by a one-time link',
    access: 'open',
    body: z.object({ token: z.string().max(200) }),
    status: 204,
  } as const;
  defineRoute(app, deps, use, async ({ body, c }) => {
    const userId = await useSignInLink(deps.db, hashToken(body.token));
    if (!userId)
      throw new NotSignedIn(
        'This link was used already or is too old. Make a new one with: ./aegir token sign-in-link',
      );
    const context = await deps.auth.better.$context;
    const session = await context.internalAdapter.createSession(userId);
    const { name, attributes } = context.authCookies.sessionToken;
    const { sameSite: _sameSite, ...rest } = attributes;
    await setSignedCookie(c, name, session.token, context.secret, { ...rest, sameSite: 'Lax', path: '/' });
  });
}

function addSession(app: App, deps: ApiDependencies): void {
  const view = {
    method: 'get',
    path: '/api/session',
    summary: 'Who is signed in, and the fields of every kind of entity',
    access: 'read',
  } as const;
  defineRoute(app, deps, view, async ({ principal }): Promise<SessionView> => {
    const catalogue = await deps.catalogue.current();
    const custom = await listFieldDefinitions(deps.db);
    const definitions = entityKinds.map((kind): [EntityKind, EntityDefinition & { customFields: FieldSpec[] }] => [
      kind,
      { ...definitionOf(kind, catalogue), customFields: custom.filter(field => field.entityKind === kind) },
    ]);
    const { userId, name, email, role, organisation } = principal;
    return {
      user: { id: userId, name, email },
      role,
      organisation,
      needsPassword: !(await hasPassword(deps.db, userId)),
      console: `${deps.publicUrl}/temporal`,
      entities: Object.fromEntries(definitions) as SessionView['entities'],
    };
  });
  const password = {
    method: 'post',
    path: '/api/session/password',
    summary: 'The first password of somebody who came by a link',
    access: 'read',
    body: z.object({
      password: z.string().min(leastPasswordLength).max(128),
      email: z.email().optional(),
      name: z.string().min(1).max(200).optional(),
    }),
    status: 204,
  } as const;
  defineRoute(app, deps, password, async ({ body, principal }) => {
    if (await hasPassword(deps.db, principal.userId)) {
      throw new AppError(
        'conflict',
        'There is a password already. Change it by its own form, which asks for the present one.',
      );
    }
    const context = await deps.auth.better.$context;
    const passwordHash = await context.password.hash(body.password);
    await setCredentials(deps.db, { userId: principal.userId, passwordHash, email: body.email, name: body.name });
  });
}

function addTokens(app: App, deps: ApiDependencies): void {
  const path = '/api/tokens';
  defineRoute(
    app,
    deps,
    { method: 'get', path, summary: 'API tokens of oneself', access: 'read' },
    async ({ principal }): Promise<TokenView[]> => {
      const rows = await listTokens(deps.db, principal.userId);
      return rows.map(row => ({
        id: row.id,
        name: row.name ?? '',
        createdAt: row.createdAt.toISOString(),
        lastUsedAt: row.lastRequest?.toISOString() ?? null,
      }));
    },
  );
  const create = {
    method: 'post',
    path,
    summary: 'Makes an API token, shown once',
    access: 'read',
    body: z.object({ name: z.string().min(1).max(32) }),
    status: 201,
  } as const;
  defineRoute(app, deps, create, async ({ body, principal }) => {
    const { id, key } = await deps.auth.better.api.createApiKey({
      body: { name: body.name, userId: principal.userId },
    });
    return { id, name: body.name, token: key };
  });
  const remove = {
    method: 'delete',
    path: `${path}/{id}`,
    summary: 'Revokes an API token',
    access: 'read',
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) => {
    const removed = await removeToken(deps.db, principal.userId, params.id ?? '');
    if (!removed) throw new AppError('not_found', 'There is no such token.');
  });
}
