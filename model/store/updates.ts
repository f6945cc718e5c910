// Which Environments are behind: their Project has made another Release its current one.

import { and, eq, inArray, ne } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Db } from './database.ts';
import { environments, projects, releases } from './schema/index.ts';

/** The current Release, by the Environment that has another one. A locked Release is offered to nobody. */
export async function listUpdates(db: Db, ids: string[]): Promise<Map<string, { id: string; name: string }>> {
  if (ids.length === 0) return new Map();
  const current = alias(releases, 'current');
  const rows = await db
    .select({ environment: environments.id, id: current.id, name: current.name })
    .from(environments)
    .innerJoin(releases, eq(releases.id, environments.release))
    .innerJoin(projects, eq(projects.id, releases.project))
    .innerJoin(current, eq(current.id, projects.current_release))
    .where(
      and(
        inArray(environments.id, ids),
        ne(environments.state, 'deleted'),
        ne(current.id, environments.release),
        eq(current.locked, false),
      ),
    );
  return new Map(rows.map(({ environment, ...release }) => [environment, release]));
}
