// An entity with everything that it belongs to, as value paths see it: `roots.environment.release.hash`, and as shortcuts
// `roots.project`, `roots.server`, ... References are nested objects here.

import { and, desc, eq, inArray, ne, notInArray } from 'drizzle-orm';
import { type Entity, type EntityKind, entities } from '../entities.ts';
import { AppError } from '../errors.ts';
import { withOwners } from '../owners.ts';
import type { Db } from './database.ts';
import { tableOf, toEntity } from './entities.ts';
import { backups, presences, releases, servers, tasks } from './schema/index.ts';

/** Field values by name, with `id`, `state`, `fields` and nested entities in the place of references. */
export type Root = { id: string; name: string; state: string; fields: Record<string, unknown> } & Record<
  string,
  unknown
>;
export type Roots = Partial<Record<EntityKind, Root>>;

async function loadEntity(db: Db, kind: EntityKind, id: string): Promise<Entity> {
  const [row] = await db
    .select()
    .from(tableOf(kind))
    .where(eq(tableOf(kind).id, id));
  if (!row) throw new AppError('not_found', `There is no ${entities[kind].title} ${id}.`);
  return toEntity(kind, row);
}

/** The entity itself, its references followed all the way up. @param within ids of those on the way: they are not followed again. */
export async function loadRoot(db: Db, kind: EntityKind, id: string, within: string[] = []): Promise<Root> {
  const entity = await loadEntity(db, kind, id);
  const root: Root = {
    ...entity.values,
    id,
    name: String(entity.values.name),
    state: entity.state,
    fields: entity.fields,
  };
  for (const field of [...entities[kind].fields, ...entities[kind].resultFields]) {
    const value = entity.values[field.name];
    if (!field.to || typeof value !== 'string' || within.includes(value)) continue;
    root[field.name] = await loadRoot(db, field.to, value, [...within, id]);
  }
  if (kind === 'environment') {
    root.backup_store ??= (root.cluster as Root).backup_store;
    root.previous_backup = await previousBackupOf(db, entity);
  }
  if (kind === 'cluster') root.web_addresses = await webAddressesOf(db, id);
  return root;
}

/** What to go back to with its previous Release: that was kept when it was left. */
async function previousBackupOf(db: Db, { id, values }: Entity): Promise<Root | null> {
  if (typeof values.previous_release !== 'string') return null;
  const [row] = await db
    .select({ id: backups.id, name: backups.name, state: backups.state })
    .from(backups)
    // An Update that was left and begun again has made one with that Release and other code.
    .innerJoin(releases, and(eq(releases.id, backups.release), eq(releases.hash, backups.deployed_hash)))
    .where(
      and(
        eq(backups.environment, id),
        eq(backups.release, values.previous_release),
        notInArray(backups.state, ['failed', 'removed']),
      ),
    )
    .orderBy(desc(backups.created_at))
    .limit(1);
  return row ? { ...row, fields: {} } : null;
}

/** How the web Servers of a Cluster come to its database Servers. */
async function webAddressesOf(db: Db, cluster: string): Promise<string[]> {
  const rows = await db
    .select({ internal: servers.internal_address, address: servers.address })
    .from(servers)
    .where(and(eq(servers.cluster, cluster), eq(servers.web, true), ne(servers.state, 'deleted')))
    .orderBy(servers.name);
  return rows.map(row => row.internal ?? row.address ?? '127.0.0.1');
}

/** Roots of a subject; `replaced` are Operation fields that are called like a root and name another entity. */
export async function loadRoots(
  db: Db,
  kind: EntityKind,
  id: string,
  replaced: Partial<Record<EntityKind, string>> = {},
): Promise<Roots> {
  const roots: Roots = {};
  for (const [as, other] of Object.entries(replaced)) {
    roots[as as EntityKind] = await loadRoot(db, as as EntityKind, other);
  }
  const subject = await loadRoot(db, kind, id);
  // The subject itself is never replaced.
  roots[kind] = subject;
  return withOwners(roots);
}

/** Outputs and inputs of the last successful run of each Task type on an entity: for `remember`. */
export async function loadRemembered(
  db: Db,
  taskTypes: string[],
  subjectId: string,
): Promise<Record<string, Record<string, unknown>>> {
  if (taskTypes.length === 0) return {};
  const rows = await db
    .selectDistinctOn([tasks.type], { type: tasks.type, inputs: tasks.inputs })
    .from(tasks)
    .where(and(inArray(tasks.type, taskTypes), eq(tasks.subjectId, subjectId), eq(tasks.state, 'succeeded')))
    .orderBy(tasks.type, desc(tasks.endedAt));
  return Object.fromEntries(rows.map(row => [row.type, row.inputs]));
}

export interface Presence {
  release: string;
  server: string;
  path: string;
}

export async function listPresences(db: Db, by: { release?: string; server?: string }): Promise<Presence[]> {
  const conditions = [
    by.release ? eq(presences.release, by.release) : undefined,
    by.server ? eq(presences.server, by.server) : undefined,
  ];
  return db
    .select({ release: presences.release, server: presences.server, path: presences.path })
    .from(presences)
    .where(and(...conditions));
}
