// Rows of Rollouts and of what each of them is about.

import { and, asc, desc, eq, gt, inArray, lt, or, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { AppError } from '../errors.ts';
import {
  type GateState,
  noCounts,
  openRolloutStates,
  planWaves,
  type RolloutCounts,
  type RolloutItemState,
  type RolloutSettings,
  type RolloutState,
} from '../rollout.ts';
import { openStates } from '../run.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { endNotices, raiseNotice } from './notices.ts';
import { environments, operations, organisations, projects, releases, rolloutItems, rollouts } from './schema/index.ts';

export type RolloutRow = typeof rollouts.$inferSelect;
export type RolloutItem = typeof rolloutItems.$inferSelect;

export type NewRollout = Pick<
  RolloutRow,
  | 'operationType'
  | 'title'
  | 'subjectKind'
  | 'input'
  | 'selection'
  | 'settings'
  | 'role'
  | 'reason'
  | 'undoes'
  | 'idempotencyKey'
>;

export interface RolloutSubject {
  id: string;
  name: string;
  server: string | null;
}

/** PostgreSQL takes 65,535 parameters in a statement; an item has nine. */
const rowsAtOnce = 5000;

/** The list is frozen with it. The same idempotency key answers the first one's row. */
export async function insertRollout(
  db: Database,
  actor: Actor,
  rollout: NewRollout,
  subjects: RolloutSubject[],
): Promise<{ row: RolloutRow; fresh: boolean }> {
  return db.transaction(async tx => {
    const waves = planWaves(subjects.length, rollout.settings.waves);
    const values = {
      ...rollout,
      id: ulid(),
      organisation: actor.organisation,
      startedBy: actor.name,
      waves: (waves.at(-1) ?? 0) + 1,
    };
    const [row] = await tx.insert(rollouts).values(values).onConflictDoNothing().returning();
    if (!row) return { row: await findByKey(tx, actor.organisation, rollout.idempotencyKey), fresh: false };
    const items = subjects.map(({ id, name, server }, position) => ({
      ...{ id: ulid(), rollout: row.id, position, wave: waves[position] ?? 0 },
      ...{ subjectId: id, subjectName: name, server },
    }));
    for (let from = 0; from < items.length; from += rowsAtOnce)
      await tx.insert(rolloutItems).values(items.slice(from, from + rowsAtOnce));
    const { operationType, input, settings, reason } = rollout;
    const after = { operationType, input, settings, reason, subjects: subjects.length };
    await recordChange(tx, actor, { verb: 'start', object: objectOf(row), after });
    return { row, fresh: true };
  });
}

async function findByKey(tx: Transaction, organisation: string, key: string | null): Promise<RolloutRow> {
  const own = and(eq(rollouts.organisation, organisation), eq(rollouts.idempotencyKey, key ?? ''));
  const [row] = await tx.select().from(rollouts).where(own);
  if (!row) throw new AppError('conflict', 'A Rollout of this id exists already.');
  return row;
}

const objectOf = ({ id, title }: RolloutRow) => ({ kind: 'rollout' as const, id, name: title });

export async function findRollout(db: Db, id: string, organisation?: string): Promise<RolloutRow> {
  const own = organisation ? eq(rollouts.organisation, organisation) : undefined;
  const [row] = await db
    .select()
    .from(rollouts)
    .where(and(eq(rollouts.id, id), own));
  if (!row) throw new AppError('not_found', `There is no Rollout ${id}.`);
  return row;
}

export async function listRollouts(
  db: Db,
  query: { organisation: string; state?: RolloutState; after?: string; limit: number },
): Promise<RolloutRow[]> {
  return db
    .select()
    .from(rollouts)
    .where(
      and(
        eq(rollouts.organisation, query.organisation),
        query.state ? eq(rollouts.state, query.state) : undefined,
        query.after ? lt(rollouts.id, query.after) : undefined,
      ),
    )
    .orderBy(desc(rollouts.id))
    .limit(query.limit);
}

export async function listOpenRollouts(db: Db): Promise<RolloutRow[]> {
  return db
    .select()
    .from(rollouts)
    .where(inArray(rollouts.state, [...openRolloutStates]));
}

/** @param wave only of this one. */
export async function countItems(db: Db, rollout: string, wave?: number): Promise<RolloutCounts> {
  const rows = await db
    .select({ state: rolloutItems.state, count: sql<number>`count(*)::int` })
    .from(rolloutItems)
    .where(and(eq(rolloutItems.rollout, rollout), wave === undefined ? undefined : eq(rolloutItems.wave, wave)))
    .groupBy(rolloutItems.state);
  return { ...noCounts, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) };
}

export interface ItemQuery {
  rollout: string;
  states?: RolloutItemState[];
  wave?: number;
  /** Position. */
  after?: number;
  limit: number;
}

/** In their order. */
export async function listItems(db: Db, query: ItemQuery): Promise<RolloutItem[]> {
  return db
    .select()
    .from(rolloutItems)
    .where(
      and(
        eq(rolloutItems.rollout, query.rollout),
        query.states ? inArray(rolloutItems.state, query.states) : undefined,
        query.wave === undefined ? undefined : eq(rolloutItems.wave, query.wave),
        query.after === undefined ? undefined : gt(rolloutItems.position, query.after),
      ),
    )
    .orderBy(asc(rolloutItems.position))
    .limit(query.limit);
}

/** Items follow their Operations. Also one that was parked and goes on, or was resumed after its end. */
export async function followOperations(db: Db, rollout: string): Promise<void> {
  const next = sql`case
    when ${operations.state} = 'needs_attention' then 'needs_attention'
    when ${operations.state} in ('succeeded') then 'succeeded'
    when ${operations.state} in ('failed', 'cancelled') then 'failed'
    else 'running' end`;
  await db.execute(sql`
    update ${rolloutItems} set state = now_is.state, message = now_is.message, ended_at = now_is.ended_at
    from (
      select ${rolloutItems.id} as id, ${next} as state, ${operations.endedAt} as ended_at,
        case when ${operations.state} = 'succeeded' then ''
          else coalesce(nullif(${operations.message}, ''), ${operations.attention} ->> 'message', '') end as message
      from ${rolloutItems} join ${operations} on ${operations.id} = ${rolloutItems.operation}
      where ${rolloutItems.rollout} = ${rollout} and ${rolloutItems.state} in ('running', 'needs_attention', 'failed')
    ) as now_is
    where ${rolloutItems.id} = now_is.id and ${rolloutItems.state} <> now_is.state`);
}

/** The next ones of a wave that may begin: a Server with as many as it may have is passed by. */
export async function listReady(
  db: Db,
  { rollout, wave, perServer, limit }: { rollout: string; wave: number; perServer: number | null; limit: number },
): Promise<RolloutItem[]> {
  if (limit <= 0) return [];
  const { rows } = await db.execute<{ id: string }>(sql`
    with busy as (
      select server, count(*) as count from ${rolloutItems}
      where rollout = ${rollout} and state = 'running' group by server
    ), ready as (
      select id, position, server, row_number() over (partition by server order by position) as place
      from ${rolloutItems} where rollout = ${rollout} and wave = ${wave} and state = 'pending'
    )
    select ready.id from ready left join busy on busy.server = ready.server
    where ${perServer}::int is null or ready.server is null or ready.place + coalesce(busy.count, 0) <= ${perServer}::int
    order by ready.position limit ${limit}`);
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  return db.select().from(rolloutItems).where(inArray(rolloutItems.id, ids)).orderBy(asc(rolloutItems.position));
}

export async function noteBegun(db: Db, item: RolloutItem, operation: string): Promise<void> {
  await db
    .update(rolloutItems)
    .set({ state: 'running', operation, attempt: item.attempt + 1, message: '', startedAt: sql`now()`, endedAt: null })
    .where(and(eq(rolloutItems.id, item.id), eq(rolloutItems.state, 'pending')));
}

/** It could not even be begun. */
export async function noteRefused(db: Db, item: RolloutItem, message: string): Promise<void> {
  await db
    .update(rolloutItems)
    .set({ state: 'failed', message, attempt: item.attempt + 1, operation: null, endedAt: sql`now()` })
    .where(and(eq(rolloutItems.id, item.id), eq(rolloutItems.state, 'pending')));
}

export interface RolloutChange {
  state?: RolloutState;
  wave?: number;
  message?: string;
  gate?: GateState | null;
  settings?: RolloutSettings;
  endedAt?: Date | null;
}

export interface RolloutStep {
  verb: string | null;
  from: readonly RolloutState[];
  change: RolloutChange;
  /** Nobody has asked for it: people are to hear of it. */
  byItself?: boolean;
}

/** By a person or by itself. @param from only while it is in one of these states: somebody else may have been quicker. */
export async function changeRollout(
  db: Database,
  actor: Actor,
  row: RolloutRow,
  { verb, from, change, byItself = false }: RolloutStep,
): Promise<boolean> {
  return db.transaction(async tx => {
    const changed = await tx
      .update(rollouts)
      .set(change)
      .where(and(eq(rollouts.id, row.id), inArray(rollouts.state, [...from])))
      .returning({ id: rollouts.id });
    if (changed.length === 0) return false;
    await noticeChange(tx, row, change, byItself);
    const { gate: _, ...after } = change;
    if (verb) await recordChange(tx, actor, { verb, object: objectOf(row), after });
    else await notify(tx, { kind: 'rollout', id: row.id, organisation: actor.organisation });
    return true;
  });
}

async function noticeChange(
  tx: Transaction,
  { id, organisation, title }: RolloutRow,
  { state, message = '' }: RolloutChange,
  byItself: boolean,
): Promise<void> {
  if (!state) return;
  const key = `rollout:${id}`;
  await endNotices(tx, { organisation, key });
  const event = ({ paused: 'rollout_paused', waiting: 'approval_wanted' } as const)[state as string];
  if (!event || !byItself) return;
  const [owner] = await tx.select().from(organisations).where(eq(organisations.id, organisation));
  const subject = { kind: 'organisation' as const, id: organisation, name: owner?.name ?? '' };
  const project = await projectOf(tx, id);
  await raiseNotice(tx, { organisation, event, subject, key, title, project, message, path: `rollouts/${id}` });
}

/** To which everything on its list belongs; null = to several, or to none. */
async function projectOf(tx: Transaction, rollout: string): Promise<string | null> {
  const { rows } = await tx.execute<{ project: string | null }>(sql`
    select distinct coalesce(p.id, r.project, of_environment.project) as project
    from ${rolloutItems} i
    left join ${projects} p on p.id = i.subject_id
    left join ${releases} r on r.id = i.subject_id
    left join ${environments} e on e.id = i.subject_id
    left join ${releases} of_environment on of_environment.id = e.release
    where i.rollout = ${rollout} limit 2`);
  return rows.length === 1 ? (rows[0]?.project ?? null) : null;
}

/** Those that are not begun yet. Answers how many. */
export async function removeItems(
  db: Database,
  actor: Actor,
  row: RolloutRow,
  { subjects, message }: { subjects: string[] | null; message: string },
): Promise<number> {
  return db.transaction(async tx => {
    const removed = await tx
      .update(rolloutItems)
      .set({ state: 'removed', message, endedAt: sql`now()` })
      .where(
        and(
          eq(rolloutItems.rollout, row.id),
          eq(rolloutItems.state, 'pending'),
          subjects
            ? or(inArray(rolloutItems.subjectId, subjects), inArray(rolloutItems.subjectName, subjects))
            : undefined,
        ),
      )
      .returning({ name: rolloutItems.subjectName });
    if (removed.length > 0 && subjects) {
      const after = { subjects: removed.map(({ name }) => name), message };
      await recordChange(tx, actor, { verb: 'remove', object: objectOf(row), after });
    }
    return removed.length;
  });
}

/** Failed ones whose Operation is over stand in line again. Answers how many, and the first wave that has one. */
export async function retryFailed(tx: Db, rollout: string): Promise<{ count: number; wave: number }> {
  const over = sql`not exists (select 1 from ${operations} where ${operations.id} = ${rolloutItems.operation}
    and ${inArray(operations.state, [...openStates])})`;
  const again = await tx
    .update(rolloutItems)
    .set({ state: 'pending', message: '', operation: null, endedAt: null })
    .where(and(eq(rolloutItems.rollout, rollout), eq(rolloutItems.state, 'failed'), over))
    .returning({ wave: rolloutItems.wave });
  return { count: again.length, wave: Math.min(...again.map(({ wave }) => wave)) };
}

/** States of Operations by their ids. */
export async function statesOf(db: Db, ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const { id, state } = operations;
  const rows = await db.select({ id, state }).from(operations).where(inArray(id, ids));
  return new Map(rows.map(row => [row.id, row.state]));
}
