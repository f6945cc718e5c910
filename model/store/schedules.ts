// The times of each Schedule on each of its subjects, and what became of them.

import { and, asc, desc, eq, gt, inArray, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { openStates } from '../run.ts';
import type { ScheduledRunState, Timing } from '../schedule.ts';
import type { Database, Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { endNotices, raiseUnlessTold } from './notices.ts';
import { operations, scheduledRuns, scheduleEntries, schedules } from './schema/index.ts';
import { type SelectionQuery, selectedRows } from './selection.ts';

export type ScheduleRow = typeof schedules.$inferSelect;
export type ScheduleEntry = typeof scheduleEntries.$inferSelect;
export type ScheduledRun = typeof scheduledRuns.$inferSelect;

export async function listLiveSchedules(db: Db): Promise<ScheduleRow[]> {
  return db.select().from(schedules).where(ne(schedules.state, 'deleted')).orderBy(asc(schedules.id));
}

export async function findSchedule(db: Db, id: string): Promise<ScheduleRow | undefined> {
  const [row] = await db.select().from(schedules).where(eq(schedules.id, id));
  return row;
}

/** Every subject has an entry from now on; those of others are leaving. @param query null = no subject at all. */
export async function syncEntries(db: Database, schedule: string, query: SelectionQuery | null): Promise<void> {
  const chosen = query ? selectedRows(query) : sql`select null as id, null as name, null as project where false`;
  const kind = query?.kind ?? 'environment';
  await db.transaction(async tx => {
    await tx.execute(sql`
      insert into ${scheduleEntries} (id, schedule, subject_kind, subject_id)
      select gen_random_uuid()::text, ${schedule}, ${kind}, chosen.id from (${chosen}) as chosen
      on conflict (schedule, subject_id) do update set leaving = false
      where ${scheduleEntries.leaving}`);
    await tx.execute(sql`
      update ${scheduleEntries} set leaving = true
      where schedule = ${schedule} and not leaving
        and (subject_kind <> ${kind} or subject_id not in (select chosen.id from (${chosen}) as chosen))`);
  });
}

/** Entries of Schedules that are deleted leave, too. */
export async function leaveDeleted(db: Db): Promise<void> {
  await db.execute(sql`
    update ${scheduleEntries} set leaving = true
    where not leaving and schedule in (select id from ${schedules} where state = 'deleted')`);
}

export async function listLeaving(db: Db, limit: number): Promise<ScheduleEntry[]> {
  return db.select().from(scheduleEntries).where(eq(scheduleEntries.leaving, true)).limit(limit);
}

/** Nobody waits for its next time any more. */
export async function removeEntry(db: Database, id: string): Promise<void> {
  await db.transaction(async tx => {
    const [entry] = await tx
      .delete(scheduleEntries)
      .where(and(eq(scheduleEntries.id, id), eq(scheduleEntries.leaving, true)))
      .returning();
    const schedule = entry && (await findSchedule(tx, entry.schedule));
    if (schedule) await endNotices(tx, { organisation: schedule.organisation, key: runKey(entry) });
  });
}

/** Those that the engine does not know as the Schedule is now. */
export async function listUnwritten(
  db: Db,
  schedule: string,
  version: string,
  limit: number,
): Promise<ScheduleEntry[]> {
  const isOther = or(isNull(scheduleEntries.version), ne(scheduleEntries.version, version));
  return db
    .select()
    .from(scheduleEntries)
    .where(and(eq(scheduleEntries.schedule, schedule), eq(scheduleEntries.leaving, false), isOther))
    .limit(limit);
}

export interface WrittenEntry {
  version: string;
  written: string;
  timing: Timing;
  nextAt: Date | null;
}

export async function noteWritten(db: Db, id: string, written: WrittenEntry): Promise<void> {
  await db
    .update(scheduleEntries)
    .set({ ...written, checkedAt: sql`now()` })
    .where(eq(scheduleEntries.id, id));
}

/** Those that were compared longest ago. */
export async function listToCheck(db: Db, limit: number): Promise<ScheduleEntry[]> {
  return db
    .select()
    .from(scheduleEntries)
    .where(and(eq(scheduleEntries.leaving, false), sql`${scheduleEntries.written} is not null`))
    .orderBy(asc(scheduleEntries.checkedAt))
    .limit(limit);
}

export async function noteChecked(db: Db, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.update(scheduleEntries).set({ checkedAt: sql`now()` }).where(inArray(scheduleEntries.id, ids));
}

/** It is written anew in the next round. */
export async function noteMended(db: Db, id: string, mended: string): Promise<void> {
  await db
    .update(scheduleEntries)
    .set({ mended, mendedAt: sql`now()`, version: null })
    .where(eq(scheduleEntries.id, id));
}

export async function knownEntries(db: Db, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .select({ id: scheduleEntries.id })
    .from(scheduleEntries)
    .where(inArray(scheduleEntries.id, ids));
  return new Set(rows.map(({ id }) => id));
}

export async function findEntry(db: Db, id: string): Promise<ScheduleEntry | undefined> {
  const [row] = await db.select().from(scheduleEntries).where(eq(scheduleEntries.id, id));
  return row;
}

export async function findRun(db: Db, entry: string, dueAt: Date): Promise<ScheduledRun | undefined> {
  const [row] = await db
    .select()
    .from(scheduledRuns)
    .where(and(eq(scheduledRuns.entry, entry), eq(scheduledRuns.dueAt, dueAt)));
  return row;
}

/** The Operation that an earlier time of this entry has started and that is not over. */
export async function findOpenRun(db: Db, entry: string) {
  const [row] = await db
    .select({ dueAt: scheduledRuns.dueAt, id: operations.id, state: operations.state })
    .from(scheduledRuns)
    .innerJoin(operations, eq(operations.id, scheduledRuns.operation))
    .where(and(eq(scheduledRuns.entry, entry), inArray(operations.state, [...openStates])))
    .orderBy(desc(scheduledRuns.dueAt))
    .limit(1);
  return row;
}

export interface RunNote {
  organisation: string;
  dueAt: Date;
  subjectName: string;
  state: ScheduledRunState;
  reason: string;
  operation: string | null;
  nextAt: Date | null;
}

/** The first word counts, should it be said twice. */
export async function noteRun(db: Database, entry: ScheduleEntry, note: RunNote): Promise<void> {
  const { dueAt, state, reason, operation, subjectName, nextAt } = note;
  await db.transaction(async tx => {
    const { id, schedule, subjectKind, subjectId } = entry;
    const run = {
      id: ulid(),
      entry: id,
      schedule,
      subjectKind,
      subjectId,
      subjectName,
      dueAt,
      state,
      reason,
      operation,
    };
    const fresh = await tx.insert(scheduledRuns).values(run).onConflictDoNothing().returning({ id: scheduledRuns.id });
    if (fresh.length === 0) return;
    const last = { lastDueAt: dueAt, lastState: state, lastReason: reason, lastOperation: operation };
    const isNewest = or(isNull(scheduleEntries.lastDueAt), lt(scheduleEntries.lastDueAt, dueAt));
    await tx
      .update(scheduleEntries)
      .set(last)
      .where(and(eq(scheduleEntries.id, id), isNewest));
    await noticeRun(tx, entry, note);
    await notify(tx, { kind: 'entity', entityKind: 'schedule', id: schedule, organisation: note.organisation });
    const isLater = or(isNull(scheduleEntries.nextAt), lt(scheduleEntries.nextAt, nextAt ?? dueAt));
    if (nextAt)
      await tx
        .update(scheduleEntries)
        .set({ nextAt })
        .where(and(eq(scheduleEntries.id, id), isLater));
  });
}

/** People hear of what was missed or refused, and of the next that was started. */
async function noticeRun(tx: Transaction, entry: ScheduleEntry, note: RunNote): Promise<void> {
  const { subjectKind: kind, subjectId: id } = entry;
  const { organisation, state, reason: message, subjectName: name } = note;
  const key = runKey(entry);
  if (state === 'started') await endNotices(tx, { organisation, key, recovered: 'Its Schedule has started it again.' });
  if (state !== 'missed' && state !== 'refused') return;
  const [schedule] = await tx.select({ name: schedules.name }).from(schedules).where(eq(schedules.id, entry.schedule));
  const notice = { organisation, event: 'schedule_missed' as const, subject: { kind, id, name }, key, message };
  // A mistake in its fields is the same every quarter of an hour.
  await raiseUnlessTold(tx, { ...notice, title: schedule?.name ?? '', path: `schedules/${entry.schedule}` });
}

const runKey = ({ schedule, subjectKind, subjectId }: ScheduleEntry) =>
  `schedule:${schedule}:${subjectKind}:${subjectId}`;

/** Entries whose time came and went: `now` is past it by more than their Schedule makes up for. */
export async function listOverdue(db: Db, graceSeconds: number, limit: number) {
  const latest = sql`now() - make_interval(mins => ${schedules.catch_up_minutes}, secs => ${graceSeconds})`;
  return db
    .select({ entry: scheduleEntries, schedule: schedules })
    .from(scheduleEntries)
    .innerJoin(schedules, eq(schedules.id, scheduleEntries.schedule))
    .where(and(eq(scheduleEntries.leaving, false), eq(schedules.paused, false), lt(scheduleEntries.nextAt, latest)))
    .limit(limit);
}

export interface EntryQuery {
  organisation: string;
  schedule?: string;
  subjectId?: string;
  /** Those that come next, soonest first; else in the order of their ids. */
  upcoming?: boolean;
  after?: string;
  limit: number;
}

export async function listEntries(db: Db, query: EntryQuery) {
  const conditions: (SQL | undefined)[] = [
    eq(schedules.organisation, query.organisation),
    eq(scheduleEntries.leaving, false),
    query.schedule ? eq(scheduleEntries.schedule, query.schedule) : undefined,
    query.subjectId ? eq(scheduleEntries.subjectId, query.subjectId) : undefined,
    query.upcoming ? sql`${scheduleEntries.nextAt} is not null` : undefined,
    query.after ? gt(scheduleEntries.id, query.after) : undefined,
  ];
  return db
    .select({ entry: scheduleEntries, schedule: schedules, operationState: operations.state })
    .from(scheduleEntries)
    .innerJoin(schedules, eq(schedules.id, scheduleEntries.schedule))
    .leftJoin(operations, eq(operations.id, scheduleEntries.lastOperation))
    .where(and(...conditions))
    .orderBy(asc(query.upcoming ? scheduleEntries.nextAt : scheduleEntries.id))
    .limit(query.limit);
}

export async function countEntries(db: Db, schedule: string): Promise<number> {
  const { rows } = await db.execute<{ count: string }>(
    sql`select count(*) as count from ${scheduleEntries} where schedule = ${schedule} and not leaving`,
  );
  return Number(rows[0]?.count ?? 0);
}

export interface RunQuery {
  organisation: string;
  schedule?: string;
  subjectId?: string;
  state?: ScheduledRunState;
  after?: string;
  limit: number;
}

/** Newest first. */
export async function listRuns(db: Db, query: RunQuery) {
  return db
    .select({ run: scheduledRuns, scheduleName: schedules.name, operationState: operations.state })
    .from(scheduledRuns)
    .innerJoin(schedules, eq(schedules.id, scheduledRuns.schedule))
    .leftJoin(operations, eq(operations.id, scheduledRuns.operation))
    .where(
      and(
        eq(schedules.organisation, query.organisation),
        query.schedule ? eq(scheduledRuns.schedule, query.schedule) : undefined,
        query.subjectId ? eq(scheduledRuns.subjectId, query.subjectId) : undefined,
        query.state ? eq(scheduledRuns.state, query.state) : undefined,
        query.after ? lt(scheduledRuns.id, query.after) : undefined,
      ),
    )
    .orderBy(desc(scheduledRuns.id))
    .limit(query.limit);
}

/** A few thousand at a time. */
export async function forgetRunsBefore(db: Db, days: number): Promise<void> {
  await db.execute(sql`
    delete from ${scheduledRuns} where id in (
      select id from ${scheduledRuns} where at < now() - make_interval(days => ${days}) limit 5000)`);
}
