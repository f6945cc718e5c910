// Users, their membership and the first administrator.

import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import { ulid } from 'ulid';
import { firstAddress, type Role } from '../access.ts';
import { AppError } from '../errors.ts';
import type { Database, Db } from './database.ts';
import { account, members, organisations, signInLinks, user } from './schema/index.ts';

export interface Member {
  userId: string;
  name: string;
  email: string;
  role: Role;
  hasSecondFactor: boolean;
  organisation: { id: string; name: string };
}

export async function findMember(db: Db, userId: string): Promise<Member | null> {
  const [row] = await db
    .select({ user, role: members.role, organisation: organisations })
    .from(members)
    .innerJoin(user, eq(user.id, members.userId))
    .innerJoin(organisations, eq(organisations.id, members.organisation))
    .where(eq(members.userId, userId));
  if (!row) return null;
  const { id, name } = row.organisation;
  const { name: own, email, twoFactorEnabled: hasSecondFactor } = row.user;
  return { userId, name: own, email, role: row.role, hasSecondFactor, organisation: { id, name } };
}

export async function findMemberByEmail(db: Db, email: string): Promise<Member | null> {
  const [row] = await db.select({ id: user.id }).from(user).where(eq(user.email, email));
  return row ? findMember(db, row.id) : null;
}

export async function firstAdministrator(db: Db): Promise<string | null> {
  const [row] = await db
    .select({ id: members.userId })
    .from(members)
    .innerJoin(user, eq(user.id, members.userId))
    .where(eq(members.role, 'administrator'))
    .orderBy(asc(user.createdAt))
    .limit(1);
  return row?.id ?? null;
}

/** Makes the Organisation and its first administrator, who has no password yet. Does nothing when there is one. */
export async function ensureFirstAdministrator(db: Database): Promise<void> {
  await db.transaction(async tx => {
    await tx.execute('lock table organisations in share row exclusive mode');
    if (await firstAdministrator(tx)) return;
    const organisation = ulid();
    const id = ulid();
    await tx.insert(organisations).values({ id: organisation, name: 'main' });
    await tx.insert(user).values({ id, name: 'Administrator', email: firstAddress });
    await tx.insert(members).values({ userId: id, organisation, role: 'administrator' });
  });
}

export async function hasPassword(db: Db, userId: string): Promise<boolean> {
  const rows = await db
    .select({ id: account.id })
    .from(account)
    .where(and(eq(account.userId, userId), eq(account.providerId, 'credential')));
  return rows.length > 0;
}

export interface Credentials {
  userId: string;
  passwordHash: string;
  email?: string | undefined;
  name?: string | undefined;
}

/** @throws AppError conflict when the address is somebody else's. */
export async function refuseTaken(db: Db, email: string, id: string): Promise<void> {
  const [taken] = await db.select({ id: user.id }).from(user).where(eq(user.email, email));
  if (!taken || taken.id === id) return;
  const message = `${email} belongs to somebody already.`;
  throw new AppError('conflict', message, { problems: [{ path: 'email', message }] });
}

/** @throws AppError conflict when the address is somebody else's. */
export async function setCredentials(db: Database, { userId, passwordHash, email, name }: Credentials): Promise<void> {
  await db.transaction(async tx => {
    if (email) await refuseTaken(tx, email, userId);
    await tx.delete(account).where(and(eq(account.userId, userId), eq(account.providerId, 'credential')));
    await tx
      .insert(account)
      .values({ id: ulid(), userId, accountId: userId, providerId: 'credential', password: passwordHash });
    const changed = { ...(email ? { email } : {}), ...(name ? { name } : {}), updatedAt: new Date() };
    await tx.update(user).set(changed).where(eq(user.id, userId));
  });
}

export async function addSignInLink(
  db: Db,
  link: { tokenHash: string; userId: string; expiresAt: Date },
): Promise<void> {
  await db.insert(signInLinks).values(link);
}

/** The user of a link that is neither used nor expired; it is used by this. */
export async function useSignInLink(db: Db, tokenHash: string): Promise<string | null> {
  const [row] = await db
    .update(signInLinks)
    .set({ usedAt: new Date() })
    .where(and(eq(signInLinks.tokenHash, tokenHash), isNull(signInLinks.usedAt), gt(signInLinks.expiresAt, new Date())))
    .returning();
  return row?.userId ?? null;
}
