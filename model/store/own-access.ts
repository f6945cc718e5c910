// Somebody's own ways in: sessions of browsers, and API tokens.

import { and, asc, desc, eq, gt } from 'drizzle-orm';
import type { Db } from './database.ts';
import { apikey, session } from './schema/index.ts';

export async function listSessions(db: Db, userId: string) {
  return db
    .select()
    .from(session)
    .where(and(eq(session.userId, userId), gt(session.expiresAt, new Date())))
    .orderBy(desc(session.createdAt));
}

export async function endSession(db: Db, userId: string, id: string): Promise<boolean> {
  const rows = await db
    .delete(session)
    .where(and(eq(session.userId, userId), eq(session.id, id)))
    .returning({ id: session.id });
  return rows.length > 0;
}

export async function listTokens(db: Db, userId: string) {
  const { id, name, permissions, createdAt, lastRequest, expiresAt } = apikey;
  return db
    .select({ id, name, permissions, createdAt, lastRequest, expiresAt })
    .from(apikey)
    .where(eq(apikey.referenceId, userId))
    .orderBy(asc(apikey.createdAt));
}

/** @returns its name; null when there is none. */
export async function removeToken(db: Db, userId: string, id: string): Promise<string | null> {
  const [row] = await db
    .delete(apikey)
    .where(and(eq(apikey.referenceId, userId), eq(apikey.id, id)))
    .returning({ name: apikey.name });
  return row ? (row.name ?? '') : null;
}
