// The people of an Organisation: who belongs to it in which role, and their ways in. An Organisation never loses its last
// administrator, and who is removed has no way in any more.

import { and, asc, eq, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import type { Role } from '../access.ts';
import { AppError } from '../errors.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { refuseTaken } from './people.ts';
import { account, apikey, members, session, signInLinks, twoFactor, user } from './schema/index.ts';

export interface Person {
  id: string;
  name: string;
  email: string;
  role: Role;
  /** False until a link was followed and a password set. */
  hasPassword: boolean;
  hasSecondFactor: boolean;
  createdAt: Date;
  /** By a browser or a token; a session counts once a day. */
  lastSeenAt: Date | null;
}

export interface NewPerson {
  name: string;
  email: string;
  role: Role;
}

export interface NewLink {
  tokenHash: string;
  expiresAt: Date;
}

const seen = sql<Date | null>`greatest(
  (select max(${session.updatedAt}) from ${session} where ${session.userId} = ${user.id}),
  (select max(${apikey.lastRequest}) from ${apikey} where ${apikey.referenceId} = ${user.id}))`.mapWith(
  session.updatedAt,
);
const withPassword = sql<boolean>`exists (select from ${account}
  where ${account.userId} = ${user.id} and ${account.providerId} = 'credential')`;
const columns = {
  id: user.id,
  name: user.name,
  email: user.email,
  role: members.role,
  hasPassword: withPassword,
  hasSecondFactor: user.twoFactorEnabled,
  createdAt: user.createdAt,
  lastSeenAt: seen,
};

export async function listPeople(db: Db, organisation: string): Promise<Person[]> {
  return db
    .select(columns)
    .from(members)
    .innerJoin(user, eq(user.id, members.userId))
    .where(eq(members.organisation, organisation))
    .orderBy(asc(user.name), asc(user.email));
}

/** @throws AppError not_found */
export async function findPerson(db: Db, organisation: string, id: string): Promise<Person> {
  const [person] = await db
    .select(columns)
    .from(members)
    .innerJoin(user, eq(user.id, members.userId))
    .where(and(eq(members.organisation, organisation), eq(members.userId, id)));
  if (!person) throw new AppError('not_found', 'There is no such person here.');
  return person;
}

/** @throws AppError conflict when somebody has this address. */
export async function addPerson(db: Database, actor: Actor, person: NewPerson, link: NewLink): Promise<string> {
  const id = ulid();
  await db.transaction(async tx => {
    await refuseTaken(tx, person.email, id);
    await tx.insert(user).values({ id, name: person.name, email: person.email });
    await tx.insert(members).values({ userId: id, organisation: actor.organisation, role: person.role });
    await tx.insert(signInLinks).values({ ...link, userId: id });
    await recordChange(tx, actor, { verb: 'create', object: objectOf({ ...person, id }), after: { ...person } });
  });
  return id;
}

/** @throws AppError not_found; conflict for an address that somebody has, and for the last administrator. */
export async function editPerson(db: Database, actor: Actor, id: string, changes: Partial<NewPerson>): Promise<void> {
  await db.transaction(async tx => {
    const { name, email, role } = await lockPerson(tx, actor, id);
    const before = { name, email, role };
    const after = { ...before, ...changes };
    if (after.role !== 'administrator') await refuseLastAdministrator(tx, actor, id);
    await refuseTaken(tx, after.email, id);
    await tx.update(user).set({ name: after.name, email: after.email, updatedAt: new Date() }).where(eq(user.id, id));
    await tx
      .update(members)
      .set({ role: after.role })
      .where(and(eq(members.userId, id), eq(members.organisation, actor.organisation)));
    await recordChange(tx, actor, { verb: 'edit', object: objectOf({ id, ...after }), before, after });
  });
}

/** What they have done stays in the history under their address. @throws AppError not_found; conflict for the last administrator. */
export async function removePerson(db: Database, actor: Actor, id: string): Promise<void> {
  await db.transaction(async tx => {
    const { name, email, role } = await lockPerson(tx, actor, id);
    await refuseLastAdministrator(tx, actor, id);
    await tx.delete(apikey).where(eq(apikey.referenceId, id));
    await tx.delete(user).where(eq(user.id, id));
    await recordChange(tx, actor, { verb: 'delete', object: objectOf({ id, email }), before: { name, email, role } });
  });
}

/** For who cannot sign in any more: password, second factor, sessions and earlier links end, tokens stay. @throws AppError not_found */
export async function renewSignIn(db: Database, actor: Actor, id: string, link: NewLink): Promise<void> {
  await db.transaction(async tx => {
    const { email } = await lockPerson(tx, actor, id);
    await tx.delete(account).where(and(eq(account.userId, id), eq(account.providerId, 'credential')));
    await tx.delete(twoFactor).where(eq(twoFactor.userId, id));
    await tx.update(user).set({ twoFactorEnabled: false, updatedAt: new Date() }).where(eq(user.id, id));
    await tx.delete(session).where(eq(session.userId, id));
    await tx.delete(signInLinks).where(eq(signInLinks.userId, id));
    await tx.insert(signInLinks).values({ ...link, userId: id });
    await recordChange(tx, actor, { verb: 'renew the sign-in of', object: objectOf({ id, email }) });
  });
}

const objectOf = ({ id, email }: { id: string; email: string }) => ({ kind: 'person' as const, id, name: email });

/** One after the other: of two administrators who remove each other, one stays. */
async function lockPerson(tx: Transaction, actor: Actor, id: string): Promise<Person> {
  await tx
    .select({ id: members.userId })
    .from(members)
    .where(eq(members.organisation, actor.organisation))
    .orderBy(asc(members.userId))
    .for('update');
  return findPerson(tx, actor.organisation, id);
}

async function refuseLastAdministrator(tx: Transaction, actor: Actor, id: string): Promise<void> {
  const administrators = await tx
    .select({ id: members.userId })
    .from(members)
    .where(and(eq(members.organisation, actor.organisation), eq(members.role, 'administrator')));
  if (administrators.some(each => each.id !== id)) return;
  throw new AppError('conflict', 'This is the only administrator. Make somebody else an administrator first.');
}
