// Whether somebody may do a verb on an object is asked here and nowhere else; lists and streams take their row filter from
// here too. Today a role in the Organisation decides; finer rights go into these two functions.

import { hasRole, mayDo, minimumRole, type Role, type Verb } from '../model/access.ts';
import { AppError } from '../model/errors.ts';
import type { Actor } from '../model/store/audit.ts';

export interface Principal {
  userId: string;
  name: string;
  email: string;
  role: Role;
  /** Mail address of the person behind it, where that is somebody or something else; who acts alone is that person. */
  behind?: string;
  organisation: { id: string; name: string };
  /** Of the person; nothing else has one. */
  hasSecondFactor?: boolean;
  /** Address from which it asks. */
  from?: string;
  /** It has come by an API token, which may have a lower role and an end. */
  byToken?: boolean;
}

/** @throws AppError forbidden, which says what role is needed. */
export function authorize(principal: Principal, verb: Verb): void {
  if (!mayDo(principal.role, verb)) refuse(principal, minimumRole(verb));
}

export function authorizeRole(principal: Principal, role: Role): void {
  if (!hasRole(principal.role, role)) refuse(principal, role);
}

/** For what would give a token's holder another way in, which knows neither its role nor its end. */
export function refuseToken(principal: Principal): void {
  if (!principal.byToken) return;
  const message = 'An API token makes no other way in. Sign in with a browser, or do it on Aegir’s own machine.';
  throw new AppError('forbidden', message);
}

function refuse(principal: Principal, role: Role): never {
  throw new AppError(
    'forbidden',
    `This needs the role ${role}; yours is ${principal.role}. Ask an administrator of ${principal.organisation.name}.`,
  );
}

/** Rows that a principal may see. */
export function visibleTo(principal: Principal): { organisation: string } {
  return { organisation: principal.organisation.id };
}

export function actorOf(principal: Principal): Actor {
  return { name: principal.email, organisation: principal.organisation.id, from: principal.from };
}
