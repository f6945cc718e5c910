// The people of the Organisation, for its administrators: added with a one-time link, changed, removed.

import { z } from '@hono/zod-openapi';
import { actorOf } from '../../dispatch/access.ts';
import { roles } from '../../model/access.ts';
import { AppError } from '../../model/errors.ts';
import {
  addPerson,
  editPerson,
  findPerson,
  listPeople,
  type Person,
  removePerson,
  renewSignIn,
} from '../../model/store/members.ts';
import type { LinkView, PersonView } from '../contract-people.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { makeLink } from '../sign-in-link.ts';

/** It goes by mail or chat to somebody who may be on leave. */
const invitationHours = 7 * 24;

const fields = z.object({
  name: z.string().trim().min(1).max(200),
  // Written in one way: it names who has done what.
  email: z.email().max(200).toLowerCase(),
  role: z.enum(roles),
});

export function addPeopleRoutes(app: App, deps: ApiDependencies): void {
  const { db, publicUrl } = deps;
  const path = '/api/people';
  const one = `${path}/{id}`;
  const access = 'administer';

  const list = { method: 'get', path, summary: 'The people of the Organisation', access } as const;
  defineRoute(app, deps, list, async ({ principal }) => (await listPeople(db, principal.organisation.id)).map(viewOf));

  const add = {
    method: 'post',
    path,
    summary: 'Adds a person; the answer has the link by which they sign in for the first time',
    access,
    body: fields,
    status: 201,
  } as const;
  defineRoute(app, deps, add, async ({ body, principal }): Promise<PersonView & LinkView> => {
    const { url, ...link } = makeLink(publicUrl, invitationHours);
    const id = await addPerson(db, actorOf(principal), body, link);
    const person = await findPerson(db, principal.organisation.id, id);
    return { ...viewOf(person), url, expiresAt: link.expiresAt.toISOString() };
  });

  const edit = {
    method: 'patch',
    path: one,
    summary: 'Changes name, address or role of a person',
    access,
    body: fields.partial(),
  } as const;
  defineRoute(app, deps, edit, async ({ params, body, principal }) => {
    const id = params.id ?? '';
    const { name, email, role } = body;
    const changes = { ...(name ? { name } : {}), ...(email ? { email } : {}), ...(role ? { role } : {}) };
    await editPerson(db, actorOf(principal), id, changes);
    return viewOf(await findPerson(db, principal.organisation.id, id));
  });

  const remove = {
    method: 'delete',
    path: one,
    summary: 'Removes a person with their sessions and tokens; what they have done stays in the history',
    access,
    status: 204,
  } as const;
  defineRoute(app, deps, remove, ({ params, principal }) => removePerson(db, actorOf(principal), params.id ?? ''));

  const renew = {
    method: 'post',
    path: `${one}/sign-in-links`,
    summary: 'Makes a new sign-in link for a person; their password, second factor and sessions end',
    access,
    status: 201,
  } as const;
  defineRoute(app, deps, renew, async ({ params, principal }): Promise<LinkView> => {
    const id = params.id ?? '';
    if (id === principal.userId)
      throw new AppError('conflict', 'This would end your own session. For yourself: ./aegir token sign-in-link');
    const { url, ...link } = makeLink(publicUrl, invitationHours);
    await renewSignIn(db, actorOf(principal), id, link);
    return { url, expiresAt: link.expiresAt.toISOString() };
  });
}

const viewOf = ({ createdAt, lastSeenAt, ...person }: Person): PersonView => ({
  ...person,
  createdAt: createdAt.toISOString(),
  lastSeenAt: lastSeenAt?.toISOString() ?? null,
});
