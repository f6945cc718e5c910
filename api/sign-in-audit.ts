// What somebody does with their own ways in is done by better-auth; here it is written down.

import { getCookie } from 'hono/cookie';
import { type Change, recordChange } from '../model/store/audit.ts';
import { findMember, findMemberByEmail, type Member } from '../model/store/people.ts';
import { addressHeader } from './client-address.ts';
import type { RequestContext } from './define-route.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Of better-auth only what the pages use: its others would change accounts and make tokens past our rules and our audit. */
export const betterAuthVerbs: Record<string, string> = {
  'sign-in/email': 'sign in as',
  'sign-out': 'sign out as',
  'change-password': 'change the password of',
  'two-factor/enable': 'begin a second factor of',
  'two-factor/disable': 'turn off the second factor of',
  'two-factor/generate-backup-codes': 'make new backup codes of',
  'two-factor/verify-totp': 'give a code as',
  'two-factor/verify-backup-code': 'give a backup code as',
};

/** Passes a request on to better-auth, with the address from which it comes. */
export async function passOn(deps: ApiDependencies, c: RequestContext, path: string): Promise<Response> {
  const { better } = deps.auth;
  const text = await c.req.text();
  const headers = new Headers(c.req.raw.headers);
  headers.set(addressHeader, c.get('address'));
  const before = (await better.api.getSession({ headers }))?.user.id ?? (await whoIsHalfWay(deps, c));
  const response = await better.handler(new Request(c.req.url, { method: 'POST', headers, body: text }));
  const verb = betterAuthVerbs[path] ?? path;
  const said = (await response
    .clone()
    .json()
    .catch(() => null)) as { user?: { id?: string }; twoFactorRedirect?: boolean } | null;
  if (response.ok) {
    const id = said?.user?.id ?? before;
    // Half-way in: the code is still to come.
    if (id && !said?.twoFactorRedirect) await record(deps, c, await findMember(deps.db, id), verb);
  } else if (path === 'sign-in/email') {
    await record(deps, c, await findMemberByEmail(deps.db, emailIn(text)), `fail to ${verb}`);
  } else await record(deps, c, before ? await findMember(deps.db, before) : null, `fail to ${verb}`);
  return response;
}

/** Who has given the password and is asked for a code: better-auth keeps that behind a signed cookie. */
async function whoIsHalfWay(deps: ApiDependencies, c: RequestContext): Promise<string | null> {
  const context = await deps.auth.better.$context;
  const [identifier] = (getCookie(c, context.createAuthCookie('two_factor').name) ?? '').split('.');
  if (!identifier) return null;
  return (await context.internalAdapter.findVerificationValue(identifier))?.value ?? null;
}

/** Nothing is written of addresses that are nobody's: whoever guesses would fill the log. */
export async function record(
  deps: ApiDependencies,
  c: RequestContext,
  person: Member | null,
  verb: string,
): Promise<void> {
  if (!person) return;
  const { userId: id, email, organisation } = person;
  const change: Change = { verb, object: { kind: 'person', id, name: email } };
  const actor = { name: email, organisation: organisation.id, from: c.get('address') };
  await deps.db.transaction(tx => recordChange(tx, actor, change));
}

function emailIn(text: string): string {
  try {
    return String((JSON.parse(text) as { email?: unknown } | null)?.email ?? '').toLowerCase();
  } catch {
    return '';
  }
}
