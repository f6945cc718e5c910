// Times in which nothing starts by itself.

import { and, eq, isNull, ne, or } from 'drizzle-orm';
import type { Db } from './database.ts';
import { blackouts } from './schema/index.ts';

export type BlackoutRow = typeof blackouts.$inferSelect;

/** Those of everything, and those of the Project. */
export async function listBlackouts(db: Db, organisation: string, project: string | null): Promise<BlackoutRow[]> {
  const concerns = project ? or(isNull(blackouts.project), eq(blackouts.project, project)) : isNull(blackouts.project);
  return db
    .select()
    .from(blackouts)
    .where(and(eq(blackouts.organisation, organisation), ne(blackouts.state, 'deleted'), concerns));
}
