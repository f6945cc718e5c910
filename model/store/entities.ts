// Reading and writing entities of every kind by one set of functions, made from the table in model/entities.ts.

import { and, asc, desc, eq, gt, ilike, inArray, isNull, ne, notInArray, type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn, AnyPgTable } from 'drizzle-orm/pg-core';
import { ulid } from 'ulid';
import type { DriftFilter } from '../drift.ts';
import { type Entity, type EntityKind, entities, goneStates } from '../entities.ts';
import { AppError, invalid } from '../errors.ts';
import { type Actor, recordChange } from './audit.ts';
import { conflictOf } from './conflicts.ts';
import type { Database, Db, Transaction } from './database.ts';
import { forgetDrift, withDrift } from './drift.ts';
import { syncNames } from './environment-names.ts';
import {
  approvalRules,
  archives,
  backupStores,
  backups,
  blackouts,
  clusters,
  environments,
  organisations,
  projects,
  receivers,
  releases,
  schedules,
  servers,
} from './schema/index.ts';

type EntityTable = AnyPgTable & Record<'id' | 'name' | 'state' | 'custom' | 'organisation', AnyPgColumn>;

const tables = {
  organisation: organisations,
  receiver: receivers,
  backup_store: backupStores,
  backup: backups,
  archive: archives,
  cluster: clusters,
  server: servers,
  project: projects,
  release: releases,
  environment: environments,
  schedule: schedules,
  blackout: blackouts,
  approval_rule: approvalRules,
};

export function tableOf(kind: EntityKind): EntityTable {
  // Every one of them has the common columns (schema/entities.ts); an organisation is its own organisation.
  return tables[kind] as unknown as EntityTable;
}

export function columnOf(kind: EntityKind, field: string): AnyPgColumn | undefined {
  return (tableOf(kind) as unknown as Record<string, AnyPgColumn>)[field];
}

const fieldsOf = (kind: EntityKind) => [...entities[kind].fields, ...entities[kind].resultFields];
const inOrganisation = (kind: EntityKind, organisation: string) =>
  eq(kind === 'organisation' ? tableOf(kind).id : tableOf(kind).organisation, organisation);

/** Not the other side of an Environment, which has its name. */
const isWhole = (kind: EntityKind) => (kind === 'environment' ? isNull(environments.side_of) : undefined);
/** Nor one that is there for the time of an Operation only. */
const isLasting = (kind: EntityKind) => (kind === 'environment' ? isNull(environments.throwaway_of) : undefined);

export interface ListQuery {
  organisation: string;
  filters?: Record<string, string>;
  customFilters?: Record<string, string>;
  drift?: DriftFilter;
  search?: string;
  after?: string;
  limit?: number;
}

/** A page has 100 rows unless asked: fills a screen several times and stays below 100 kB. */
export const pageSize = 100;

export async function listEntities(db: Db, kind: EntityKind, query: ListQuery): Promise<Entity[]> {
  const table = tableOf(kind);
  const conditions: (SQL | undefined)[] = [inOrganisation(kind, query.organisation)];
  // What is gone is asked for by its state.
  if (!query.filters?.state) conditions.push(notInArray(table.state, goneStates));
  if (!query.filters?.side_of) conditions.push(isWhole(kind));
  if (!query.filters?.throwaway_of) conditions.push(isLasting(kind));
  for (const [field, value] of Object.entries(query.filters ?? {})) {
    const column = columnOf(kind, field);
    if (!column) throw new AppError('invalid', `"${field}" is not a field of ${entities[kind].title}.`);
    conditions.push(sql`${column}::text = ${value}`);
  }
  for (const [field, value] of Object.entries(query.customFilters ?? {})) {
    conditions.push(sql`${table.custom} ->> ${field} = ${value}`);
  }
  if (query.drift) conditions.push(withDrift(kind, table.id, query.drift));
  if (query.search) conditions.push(ilike(table.name, `%${query.search.replace(/[\\%_]/g, '\\$&')}%`));
  if (query.after) conditions.push(gt(table.id, query.after));
  const rows = await db
    .select()
    .from(table)
    .where(and(...conditions))
    .orderBy(asc(table.id))
    .limit(query.limit ?? pageSize);
  return rows.map(row => toEntity(kind, row));
}

/** By id, or by name where one live entity of that name exists. `release` names may be given as `project/name`. */
export async function findEntity(db: Db, kind: EntityKind, idOrName: string, organisation: string): Promise<Entity> {
  const table = tableOf(kind);
  const own = inOrganisation(kind, organisation);
  const byId = await db
    .select()
    .from(table)
    .where(and(eq(table.id, idOrName), own));
  const rows = byId.length > 0 ? byId : await findByName(db, kind, idOrName, own);
  const title = entities[kind].title;
  if (rows.length > 1) {
    throw new AppError(
      'conflict',
      `There is more than one ${title} called "${idOrName}". Use its id, or project/name.`,
    );
  }
  const row = rows[0];
  if (!row)
    throw new AppError('not_found', `There is no ${title} "${idOrName}". See the list of ${entities[kind].plural}.`);
  return toEntity(kind, row);
}

async function findByName(db: Db, kind: EntityKind, name: string, own: SQL): Promise<Record<string, unknown>[]> {
  const table = tableOf(kind);
  const live = ne(table.state, 'deleted');
  const [project, release] = name.split('/');
  if (kind === 'release' && project && release) {
    const owner = db
      .select({ id: projects.id })
      .from(projects)
      .where(and(eq(projects.name, project), ne(projects.state, 'deleted')));
    return db
      .select()
      .from(table)
      .where(and(eq(table.name, release), inArray(releases.project, owner), own, live));
  }
  return db
    .select()
    .from(table)
    .where(and(eq(table.name, name), own, live, isWhole(kind)))
    .orderBy(desc(table.id))
    .limit(2);
}

export interface EntityInput {
  values: Record<string, unknown>;
  custom: Record<string, unknown>;
}

/** Fills in what depends on other rows, within the transaction that writes: what it locks stays as it was read. */
export type Completion = (tx: Transaction, values: Record<string, unknown>) => Promise<Record<string, unknown>>;

const asGiven: Completion = async (_tx, values) => values;

export async function createEntity(
  db: Database,
  actor: Actor,
  kind: EntityKind,
  input: EntityInput,
  complete: Completion = asGiven,
): Promise<Entity> {
  const create = () =>
    db.transaction(async tx =>
      insertEntity(tx, actor, kind, { values: await complete(tx, input.values), custom: input.custom }),
    );
  return conflictOf(kind, create, input.values);
}

/** @param as nothing: a new id, and the state of a new one. */
export async function insertEntity(
  tx: Transaction,
  actor: Actor,
  kind: EntityKind,
  { values, custom }: EntityInput,
  { id = ulid(), state }: { id?: string; state?: string } = {},
): Promise<Entity> {
  const { organisation } = actor;
  const columns = { id, organisation, ...toColumns(kind, values), custom, ...(state ? { state } : {}) };
  const row = await writeRow(tx, kind, columns);
  await syncNames(tx, kind, row);
  await refuseDeleted(tx, kind, row.values);
  await recordChange(tx, actor, {
    verb: 'create',
    object: { kind, id, name: row.values.name as string },
    after: snapshot(row),
  });
  return row;
}

async function writeRow(tx: Transaction, kind: EntityKind, columns: Record<string, unknown>): Promise<Entity> {
  const { organisation, ...rest } = columns;
  const own = kind === 'organisation' ? rest : { organisation, ...rest };
  const rows = await tx
    .insert(tableOf(kind))
    .values(own as never)
    .returning();
  return toEntity(kind, rows[0] as Record<string, unknown>);
}

/** Custom values are merged over the present ones; null removes one. */
export async function updateEntity(
  db: Database,
  actor: Actor,
  kind: EntityKind,
  id: string,
  input: Partial<EntityInput>,
  complete: Completion = asGiven,
): Promise<Entity> {
  const edit = () =>
    db.transaction(async tx => {
      const values = await complete(tx, input.values ?? {});
      const changed = await changeEntity(tx, actor, { kind, id, verb: 'edit', ...input, values });
      await refuseDeleted(tx, kind, values);
      return changed;
    });
  return conflictOf(kind, edit, input.values);
}

export interface EntityChange extends Partial<EntityInput> {
  kind: EntityKind;
  id: string;
  verb: string;
  state?: string;
}

/** The one function that changes an entity's row, for people and for results of Tasks. */
export async function changeEntity(tx: Transaction, actor: Actor, change: EntityChange): Promise<Entity> {
  const { kind, id } = change;
  const table = tableOf(kind);
  const [found] = await tx.select().from(table).where(eq(table.id, id)).for('update');
  if (!found) throw new AppError('not_found', `There is no ${entities[kind].title} ${id}.`);
  const before = toEntity(kind, found);
  const custom = { ...before.fields, ...change.custom };
  for (const name of Object.keys(custom)) if (custom[name] === null) delete custom[name];
  const columns = {
    ...toColumns(kind, change.values ?? {}),
    custom,
    updated_at: new Date(),
    ...(change.state ? { state: change.state } : {}),
  };
  const [row] = await tx
    .update(table)
    .set(columns as never)
    .where(eq(table.id, id))
    .returning();
  const after = toEntity(kind, row as Record<string, unknown>);
  await syncNames(tx, kind, after);
  if (change.state === 'deleted') await forgetDrift(tx, { kind, id });
  const [was, is] = differences(snapshot(before), snapshot(after));
  if (Object.keys(is).length + Object.keys(was).length > 0) {
    await recordChange(tx, actor, {
      verb: change.verb,
      object: { kind, id, name: String(after.values.name) },
      before: was,
      after: is,
    });
  }
  return after;
}

export async function findState(db: Db, { kind, id }: { kind: EntityKind; id: string }): Promise<string | null> {
  const table = tableOf(kind);
  const [row] = await db.select({ state: table.state }).from(table).where(eq(table.id, id));
  return row ? String(row.state) : null;
}

/** Written references hold the rows that they name: nobody deletes these from here on. */
async function refuseDeleted(tx: Transaction, kind: EntityKind, values: Record<string, unknown>): Promise<void> {
  for (const { name, to } of entities[kind].fields) {
    const id = values[name];
    if (!to || typeof id !== 'string' || (await findState(tx, { kind: to, id })) !== 'deleted') continue;
    const problems = [{ path: `values.${name}`, message: `This ${entities[to].title} is deleted.` }];
    throw invalid(problems, `This ${entities[kind].title} cannot be saved.`);
  }
}

export function toEntity(kind: EntityKind, row: Record<string, unknown>): Entity {
  const values: Record<string, unknown> = {};
  for (const field of fieldsOf(kind)) {
    const value = row[field.name] ?? null;
    values[field.name] = field.secret && typeof value === 'string' ? { $secret: value } : value;
  }
  return {
    id: row.id as string,
    kind,
    state: row.state as string,
    values,
    fields: row.custom as Record<string, unknown>,
    createdAt: (row.created_at as Date).toISOString(),
    updatedAt: (row.updated_at as Date).toISOString(),
  };
}

function toColumns(kind: EntityKind, values: Record<string, unknown>): Record<string, unknown> {
  const columns: Record<string, unknown> = {};
  for (const field of fieldsOf(kind)) {
    if (!(field.name in values)) continue;
    const value = values[field.name];
    columns[field.name] = field.secret && value !== null ? (value as { $secret: string }).$secret : value;
  }
  return columns;
}

function snapshot(entity: Entity): Record<string, unknown> {
  const custom = Object.fromEntries(Object.entries(entity.fields).map(([name, value]) => [`fields.${name}`, value]));
  return { state: entity.state, ...entity.values, ...custom };
}

function differences(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): [Record<string, unknown>, Record<string, unknown>] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter(
    name => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null),
  );
  const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map(name => [name, from[name] ?? null]));
  return [pick(before), pick(after)];
}
