// What the model knows of that may lie on a Server: whatever else is there and looks like ours is an orphan.

import { and, eq, ne, or } from 'drizzle-orm';
import type { Db } from './database.ts';
import { environments, presences, projects, releases } from './schema/index.ts';

export interface Inventory {
  /** Names of those Environments that are here, with either of their sides. */
  environments: string[];
  /** Names of databases of theirs. */
  databases: string[];
  /** Names of folders of code: of what was put here, and of every Release. */
  releases: string[];
}

export async function inventoryOf(db: Db, server: string): Promise<Inventory> {
  const sites = await db
    .select({ name: environments.name, database: environments.database })
    .from(environments)
    .where(
      and(
        ne(environments.state, 'deleted'),
        or(eq(environments.web_server, server), eq(environments.database_server, server)),
      ),
    );
  const built = await db
    .select({ project: projects.name, hash: releases.hash })
    .from(releases)
    .innerJoin(projects, eq(projects.id, releases.project))
    .where(ne(releases.state, 'deleted'));
  const lying = await db.select({ path: presences.path }).from(presences).where(eq(presences.server, server));
  return {
    environments: sites.map(site => site.name),
    databases: sites.flatMap(({ database }) => (typeof database?.name === 'string' ? [database.name] : [])),
    releases: [
      ...built.flatMap(({ project, hash }) => (hash ? [`${project}-${hash}`] : [])),
      ...lying.map(({ path }) => path.split('/').at(-1) ?? path),
    ],
  };
}
