// An entity with everything that it belongs to, as value paths see it: `roots.environment.release.hash`, and as shortcuts
// `roots.project`, `roots.server`, ... References are nested objects here.

import { and, desc, eq, inArray, isNull, ne, notInArray } from 'drizzle-orm';
import { type Entity, type EntityKind, entities } from '../entities.ts';
import { AppError } from '../errors.ts';
import { webNames } from '../name-fields.ts';
import { withOwners } from '../owners.ts';
import { placeFields } from '../sides.ts';
import type { Db } from './database.ts';
import { tableOf, toEntity } from './entities.ts';
import { backups, environments, presences, releases, servers, tasks } from './schema/index.ts';

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
  const whole = entity.values.side_of;
  if (typeof whole === 'string') return sideRoot(db, entity, await loadRoot(db, kind, whole, within));
  const root: Root = {
    ...(await followed(db, entity, Object.keys(entity.values), within)),
    id,
    name: String(entity.values.name),
    state: entity.state,
    fields: entity.fields,
  };
  if (kind === 'environment') {
    root.backup_store ??= (root.cluster as Root).backup_store;
    root.previous_backup = await previousBackupOf(db, entity);
    root.newest_backup = await newestBackupOf(db, id);
    root.web_address = addressOf(root.web_server);
    root.web_names = webNames(root);
    root.other_side = await otherSideOf(db, root);
  }
  if (kind === 'backup') root.last_proven = await isLastProven(db, entity);
  if (kind === 'cluster') root.web_addresses = await webAddressesOf(db, id);
  return root;
}

/** Values of the named fields, with entities in the place of references. */
async function followed(
  db: Db,
  { kind, id, values }: Entity,
  names: readonly string[],
  within: string[],
): Promise<Record<string, unknown>> {
  const { fields, resultFields } = entities[kind];
  const specs = new Map([...fields, ...resultFields].map(field => [field.name, field]));
  const found: Record<string, unknown> = {};
  for (const name of names) {
    const [value, to] = [values[name], specs.get(name)?.to];
    const isFollowed = to && typeof value === 'string' && !within.includes(value);
    found[name] = isFollowed ? await loadRoot(db, to, value, [...within, id]) : value;
  }
  return found;
}

async function otherSideOf(db: Db, whole: Root): Promise<Root | null> {
  const [row] = await db
    .select()
    .from(environments)
    .where(and(eq(environments.side_of, whole.id), ne(environments.state, 'deleted')));
  return row ? sideRoot(db, toEntity('environment', row), whole) : null;
}

/** Its place is its own, everything else its Environment's. */
async function sideRoot(db: Db, side: Entity, whole: Root): Promise<Root> {
  const { id, state } = side;
  const { other_side: _itself, ...environment } = whole;
  const place = await followed(db, side, placeFields, []);
  // Where the database alone has another side, the web Server is that of the Environment.
  const database_only = place.web_server === null && (place.cluster as Root | null)?.kind !== 'kubernetes';
  const web_address = addressOf(place.web_server ?? whole.web_server);
  return { ...whole, ...place, id, state, side_of: environment, other_side: null, database_only, web_address };
}

/** At which other Servers of the Cluster know it. */
function addressOf(server: unknown): unknown {
  const { internal_address, address } = (server ?? {}) as Partial<Root>;
  return internal_address ?? address ?? null;
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

/** Whether it was proven already does not matter: a store may have lost something since. */
async function newestBackupOf(db: Db, id: string): Promise<Root | null> {
  const [row] = await db
    .select({ id: backups.id, name: backups.name, state: backups.state })
    .from(backups)
    .where(and(eq(backups.environment, id), notInArray(backups.state, ['failed', 'removed'])))
    .orderBy(desc(backups.created_at))
    .limit(1);
  return row ? { ...row, fields: {} } : null;
}

async function isLastProven(db: Db, { id, values }: Entity): Promise<boolean> {
  const [row] = await db
    .select({ id: backups.id })
    .from(backups)
    .where(and(eq(backups.environment, String(values.environment)), eq(backups.state, 'proven')))
    .orderBy(desc(backups.created_at), desc(backups.id))
    .limit(1);
  return row?.id === id;
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
    .where(
      and(
        inArray(tasks.type, taskTypes),
        eq(tasks.subjectId, subjectId),
        eq(tasks.state, 'succeeded'),
        isNull(tasks.differences),
      ),
    )
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
