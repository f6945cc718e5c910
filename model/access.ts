// Roles and what each may do. Finer rights (per Project and Environment kind) are to fit behind `mayDo`.

import type { EntityKind } from './entities.ts';

export const roles = ['viewer', 'operator', 'engineer', 'administrator'] as const;
export type Role = (typeof roles)[number];

export type Verb = 'read' | 'run' | 'edit' | 'edit_code' | 'administer';

const minimum: Record<Verb, Role> = {
  read: 'viewer',
  run: 'operator',
  edit: 'operator',
  // Overrides, Task types, anything that is executed as written.
  edit_code: 'engineer',
  administer: 'administrator',
};

export function hasRole(actual: Role, needed: Role): boolean {
  return roles.indexOf(actual) >= roles.indexOf(needed);
}

export function lowerRole(one: Role, other: Role): Role {
  return hasRole(one, other) ? other : one;
}

export function mayDo(actual: Role, verb: Verb): boolean {
  return hasRole(actual, minimum[verb]);
}

export function minimumRole(verb: Verb): Role {
  return minimum[verb];
}

const forOperators: EntityKind[] = ['environment', 'release', 'backup', 'schedule', 'blackout'];

/** Where code comes from and which machines are ours is for engineers; what runs on them for operators. */
export function editVerb(kind: EntityKind): Verb {
  if (kind === 'organisation' || kind === 'approval_rule') return 'administer';
  return forOperators.includes(kind) ? 'edit' : 'edit_code';
}

/** NIST SP 800-63B asks for 15 where the password stands alone; we start at 12 and have no composition rules. */
export const leastPasswordLength = 12;

/** Of the first administrator until they set a password. .localhost is reserved (RFC 6761): mail to it goes nowhere. */
export const firstAddress = 'administrator@aegir.localhost';
