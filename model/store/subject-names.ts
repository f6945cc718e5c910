// What an entity is called, of whatever kind.

import { eq } from 'drizzle-orm';
import type { EntityKind } from '../entities.ts';
import type { Db } from './database.ts';
import { tableOf } from './entities.ts';

/** Its id where there is none. */
export async function findSubjectName(db: Db, kind: EntityKind, id: string): Promise<string> {
  const table = tableOf(kind);
  const [row] = await db.select({ name: table.name }).from(table).where(eq(table.id, id));
  return String(row?.name ?? id);
}
