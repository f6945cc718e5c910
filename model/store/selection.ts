// The entities that a selection takes, as a query: nobody has to read ten thousand rows to compare them.

import { inArray, type SQL, sql } from 'drizzle-orm';
import { parseConditions, type SelectableKind, type Selection } from '../selection.ts';
import type { Db } from './database.ts';
import { columnOf, tableOf } from './entities.ts';
import { environments, releases } from './schema/index.ts';

export interface Selected {
  id: string;
  name: string;
  /** Its web Server, or itself. */
  server: string | null;
}

export interface SelectionQuery {
  organisation: string;
  kind: SelectableKind;
  selection: Selection;
  /** Only those in one of these states. */
  states?: readonly string[];
}

/** `id`, `name`, `project` and `server` of each; null where the kind has none. */
export function selectedRows({ organisation, kind, selection, states = [] }: SelectionQuery): SQL {
  const table = tableOf(kind);
  const conditions: SQL[] = [sql`${table.organisation} = ${organisation}`, sql`${table.state} <> 'deleted'`];
  if (states.length > 0) conditions.push(inArray(table.state, [...states]));
  // The other side of an Environment is the same site, and a throwaway is nobody's.
  if (kind === 'environment')
    conditions.push(sql`${environments.side_of} is null`, sql`${environments.throwaway_of} is null`);
  const { environment_kind, where, ...references } = selection;
  for (const [field, id] of Object.entries(references)) if (id) conditions.push(narrow(kind, field, id));
  if (environment_kind) conditions.push(sql`${environments.kind} = ${environment_kind}`);
  for (const { field, isCustom, isNot, value } of parseConditions(where ?? [])) {
    const column = isCustom ? sql`${table.custom} ->> ${field}` : sql`${columnOf(kind, field) ?? sql`null`}::text`;
    conditions.push(isNot ? sql`${column} is distinct from ${value}` : sql`${column} = ${value}`);
  }
  return sql`select ${table.id} as id, ${table.name} as name, ${projectOf(kind)} as project,
      ${serverOf(kind)} as server from ${table} where ${sql.join(conditions, sql` and `)}`;
}

function narrow(kind: SelectableKind, field: string, id: string): SQL {
  if (field === kind) return sql`${tableOf(kind).id} = ${id}`;
  if (field === 'project') return sql`${projectOf(kind)} = ${id}`;
  if (field === 'server' && kind === 'environment')
    return sql`${id} in (${environments.web_server}, ${environments.database_server})`;
  return sql`${columnOf(kind, field) ?? sql`null`} = ${id}`;
}

function projectOf(kind: SelectableKind): SQL {
  if (kind === 'environment')
    return sql`(select ${releases.project} from ${releases} where ${releases.id} = ${environments.release})`;
  if (kind === 'project') return sql`${tableOf('project').id}`;
  return kind === 'release' ? sql`${releases.project}` : sql`null`;
}

function serverOf(kind: SelectableKind): SQL {
  if (kind === 'environment') return sql`${environments.web_server}`;
  return kind === 'server' ? sql`${tableOf('server').id}` : sql`null`;
}

export async function listSelected(db: Db, query: SelectionQuery, limit: number): Promise<Selected[]> {
  const { rows } = await db.execute<{ id: string; name: string; server: string | null }>(
    sql`select id, name, server from (${selectedRows(query)}) as chosen order by name, id limit ${limit}`,
  );
  return rows;
}

export async function countSelected(db: Db, query: SelectionQuery): Promise<number> {
  const { rows } = await db.execute<{ count: string }>(
    sql`select count(*) as count from (${selectedRows(query)}) as chosen`,
  );
  return Number(rows[0]?.count ?? 0);
}

/** Each kind of Environment and Project that is among them, once; null where they have none. */
export async function listSelectedSorts(
  db: Db,
  query: SelectionQuery,
): Promise<{ environmentKind: string | null; project: string | null }[]> {
  const kindOf =
    query.kind === 'environment' ? sql`(select kind from ${environments} where id = chosen.id)` : sql`null`;
  const { rows } = await db.execute<{ kind: string | null; project: string | null }>(
    sql`select distinct ${kindOf} as kind, project from (${selectedRows(query)}) as chosen`,
  );
  return rows.map(({ kind, project }) => ({ environmentKind: kind, project }));
}

/** Its Project where it has one, or null when it is not selected (any more). */
export async function findSelected(
  db: Db,
  query: SelectionQuery,
  id: string,
): Promise<(Selected & { project: string | null }) | null> {
  const { rows } = await db.execute<{ id: string; name: string; server: string | null; project: string | null }>(
    sql`select * from (${selectedRows(query)}) as chosen where id = ${id}`,
  );
  return rows[0] ?? null;
}
