// What placement has to know of a Cluster, and the lock that lets one creation after the other count free places.

import { and, count, eq, inArray, ne, or, type SQL, sql } from 'drizzle-orm';
import type { Candidate, Service } from '../placement.ts';
import type { Db } from './database.ts';
import { clusters, environments, servers } from './schema/index.ts';

/** Until the end of the transaction. Rows that refer to the Clusters may be written meanwhile. */
export async function lockPlaces(tx: Db, ids: string[]): Promise<void> {
  // In one order, so that no two wait for each other.
  await tx
    .select({ id: clusters.id })
    .from(clusters)
    .where(inArray(clusters.id, ids))
    .orderBy(clusters.id)
    .for('no key update');
}

/** The Servers of a Cluster. @param except an Environment that is not counted: its own place is free for it. */
export async function listCandidates(db: Db, cluster: string, except = ''): Promise<Candidate[]> {
  const rows = await db
    .select({
      id: servers.id,
      name: servers.name,
      state: servers.state,
      web: servers.web,
      database: servers.database,
      phpVersions: servers.php_versions,
      capacity: servers.capacity,
      freeBytes: sql<string | null>`${servers.facts} #>> '{disk,free_bytes}'`,
      environments: count(environments.id),
    })
    .from(servers)
    .leftJoin(environments, usedBy(except))
    .where(eq(servers.cluster, cluster))
    .groupBy(servers.id);
  return rows.map(({ web, database, freeBytes, phpVersions, ...row }) => ({
    ...row,
    phpVersions: phpVersions ?? [],
    services: [...(web ? ['web' as Service] : []), ...(database ? ['database' as Service] : [])],
    freeBytes: freeBytes === null ? null : Number(freeBytes),
  }));
}

function usedBy(except: string): SQL | undefined {
  return and(
    or(eq(environments.web_server, servers.id), eq(environments.database_server, servers.id)),
    ne(environments.state, 'deleted'),
    ne(environments.id, except),
  );
}
