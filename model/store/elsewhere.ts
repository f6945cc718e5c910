// What the model only names: it lies on other machines, or in folders of this one, and comes with no copy of the database.

import { and, eq, isNotNull, ne } from 'drizzle-orm';
import type { Db } from './database.ts';
import { backupStores, environments, servers } from './schema/index.ts';

/** Lines for a person. */
export async function listElsewhere(db: Db): Promise<string[]> {
  const stores = await db
    .select({ name: backupStores.name, folder: backupStores.folder })
    .from(backupStores)
    .where(and(eq(backupStores.type, 'directory'), ne(backupStores.state, 'deleted'), isNotNull(backupStores.folder)));
  const sites = await db
    .select({ server: servers.name, name: environments.name })
    .from(environments)
    .innerJoin(servers, eq(servers.id, environments.web_server))
    .where(and(eq(servers.connection, 'local'), ne(environments.state, 'deleted')));
  const local = Map.groupBy(sites, ({ server }) => server);
  return [
    ...stores.map(({ name, folder }) => `the Backup store ${name}: copy its folder ${folder}`),
    ...[...local].map(
      ([server, found]) =>
        `sites on this machine itself (Server ${server}): ${found.map(({ name }) => name).join(', ')}; they have backups of their own`,
    ),
  ];
}
