// Sign-in: the one-time link, the session's view, the first password; and the health of this process.

import { z } from '@hono/zod-openapi';
import { setSignedCookie } from 'hono/cookie';
import { refuseToken } from '../../dispatch/access.ts';
import { definitionOf } from '../../dispatch/entity-input.ts';
import { firstAddress, leastPasswordLength } from '../../model/access.ts';
import type { EntityDefinition, EntityKind } from '../../model/entities.ts';
import { entityKinds } from '../../model/entities.ts';
import { AppError, invalid } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { listFieldDefinitions } from '../../model/store/field-definitions.ts';
import { addSignInLink, findMember, hasPassword, setCredentials, useSignInLink } from '../../model/store/people.ts';
import { hashToken } from '../../secrets/token.ts';
import type { SessionView } from '../contract.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createHealth } from '../health.ts';
import { NotSignedIn } from '../problem.ts';
import { betterAuthVerbs, passOn, record } from '../sign-in-audit.ts';
import { makeLink } from '../sign-in-link.ts';

/** Time to walk from the terminal to the browser, also after lunch. */
const linkHours = 12;

export function addSessionRoutes(app: App, deps: ApiDependencies): void {
  for (const path of Object.keys(betterAuthVerbs)) app.post(`/api/auth/${path}`, c => passOn(deps, c, path));
  addHealth(app, deps);
  addLinks(app, deps);
  addSession(app, deps);
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
    refuseToken(principal);
    const { url, ...link } = makeLink(deps.publicUrl, linkHours);
    await addSignInLink(deps.db, { ...link, userId: principal.userId });
    return { url };
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
        'This link was used already or is too old. An administrator makes another one; on Aegir’s own machine: ./aegir token sign-in-link',
      );
    const context = await deps.auth.better.$context;
    const userAgent = c.req.header('user-agent') ?? '';
    const session = await context.internalAdapter.createSession(userId, false, {
      userAgent,
      ipAddress: c.get('address'),
    });
    await record(deps, c, await findMember(deps.db, userId), 'sign in by a link as');
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
    const { userId, name, email, role, organisation, hasSecondFactor = false } = principal;
    return {
      user: { id: userId, name, email },
      hasSecondFactor,
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
      email: z.email().toLowerCase().optional(),
      name: z.string().min(1).max(200).optional(),
    }),
    status: 204,
  } as const;
  defineRoute(app, deps, password, async ({ body, principal, c }) => {
    refuseToken(principal);
    if (await hasPassword(deps.db, principal.userId)) {
      throw new AppError(
        'conflict',
        'There is a password already. Change it by its own form, which asks for the present one.',
      );
    }
    const { userId, email: present } = principal;
    // It names who has done what, and who may not approve it: after that only an administrator changes it.
    if (body.email && present !== firstAddress && body.email !== present) {
      const message = `Your address here is ${present}. An administrator can change it.`;
      throw invalid([{ path: 'email', message }]);
    }
    const context = await deps.auth.better.$context;
    const passwordHash = await context.password.hash(body.password);
    await setCredentials(deps.db, { userId, passwordHash, email: body.email, name: body.name });
    await record(deps, c, await findMember(deps.db, userId), 'set the password of');
  });
}
