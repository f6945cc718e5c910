// Tables of what runs by itself: Schedules and Blackouts (entities), the times of each Schedule on each of its subjects, and
// what became of them.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { type Overlap, type ScheduledRunState, scheduledRunStates, type Timing } from '../../schedule.ts';
import type { SelectableKind } from '../../selection.ts';
import { common, live, organisation, validName } from './common.ts';
import { clusters, environments, projects, releases, servers } from './entities.ts';
import { operations } from './runs.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });
const oneOf = (column: string, values: readonly string[]) =>
  sql.raw(`${column} in (${values.map(value => `'${value}'`).join(', ')})`);

export const schedules = pgTable(
  'schedules',
  {
    ...common,
    organisation: organisation(),
    operation_type: text('operation_type').notNull(),
    input: jsonb('input').$type<Record<string, unknown>>().notNull().default({}),
    project: text('project').references(() => projects.id),
    release: text('release').references(() => releases.id),
    cluster: text('cluster').references(() => clusters.id),
    server: text('server').references(() => servers.id),
    environment_kind: text('environment_kind'),
    environment: text('environment').references(() => environments.id),
    where: jsonb('where').$type<string[]>().notNull().default([]),
    cron: text('cron'),
    every: text('every'),
    time_zone: text('time_zone').notNull().default('UTC'),
    overlap: text('overlap').$type<Overlap>().notNull().default('skip'),
    catch_up_minutes: integer('catch_up_minutes').notNull(),
    paused: boolean('paused').notNull().default(false),
    pause_note: text('pause_note'),
    role: text('role'),
    saved_by: text('saved_by'),
  },
  table => [
    uniqueIndex('schedules_name').on(table.organisation, table.name).where(live),
    check('schedules_name_valid', validName),
    check('schedules_one_timing', sql.raw(`(cron is null) <> (every is null)`)),
    check('schedules_catch_up_valid', sql.raw('catch_up_minutes between 0 and 44640')),
  ],
);

export const blackouts = pgTable(
  'blackouts',
  {
    ...common,
    organisation: organisation(),
    note: text('note').notNull(),
    project: text('project').references(() => projects.id),
    begins: text('begins'),
    ends: text('ends'),
    cron: text('cron'),
    lasts_minutes: integer('lasts_minutes'),
    time_zone: text('time_zone').notNull().default('UTC'),
  },
  table => [
    uniqueIndex('blackouts_name').on(table.organisation, table.name).where(live),
    check('blackouts_name_valid', validName),
  ],
);

/** One for each Schedule and subject: it has a Schedule of the engine. */
export const scheduleEntries = pgTable(
  'schedule_entries',
  {
    id: text('id').primaryKey(),
    schedule: text('schedule')
      .notNull()
      .references((): AnyPgColumn => schedules.id),
    subjectKind: text('subject_kind').$type<SelectableKind>().notNull(),
    subjectId: text('subject_id').notNull(),
    /** What the Schedule was like when it was written to the engine; null = not yet. */
    version: text('version'),
    /** Of what the engine then had. */
    written: text('written'),
    timing: jsonb('timing').$type<Timing>(),
    /** When it was last compared with the engine. */
    checkedAt: time('checked_at'),
    /** Something had been changed in the engine: what, and when it was put right. */
    mended: text('mended'),
    mendedAt: time('mended_at'),
    /** null while it is paused. */
    nextAt: time('next_at'),
    lastDueAt: time('last_due_at'),
    lastState: text('last_state').$type<ScheduledRunState>(),
    lastReason: text('last_reason').notNull().default(''),
    lastOperation: text('last_operation').references(() => operations.id),
    /** It is not selected any more: it goes when the engine has given it up. */
    leaving: boolean('leaving').notNull().default(false),
  },
  table => [
    uniqueIndex('schedule_entries_subject').on(table.schedule, table.subjectId),
    index('schedule_entries_of').on(table.subjectKind, table.subjectId),
    index('schedule_entries_next').on(table.nextAt),
    index('schedule_entries_checked').on(table.checkedAt),
  ],
);

/** What became of each time. */
export const scheduledRuns = pgTable(
  'scheduled_runs',
  {
    id: text('id').primaryKey(),
    entry: text('entry').notNull(),
    schedule: text('schedule')
      .notNull()
      .references((): AnyPgColumn => schedules.id),
    subjectKind: text('subject_kind').$type<SelectableKind>().notNull(),
    subjectId: text('subject_id').notNull(),
    subjectName: text('subject_name').notNull(),
    dueAt: time('due_at').notNull(),
    state: text('state').$type<ScheduledRunState>().notNull(),
    reason: text('reason').notNull().default(''),
    operation: text('operation').references(() => operations.id),
    at: time('at').notNull().defaultNow(),
  },
  table => [
    uniqueIndex('scheduled_runs_due').on(table.entry, table.dueAt),
    index('scheduled_runs_schedule').on(table.schedule, table.id),
    index('scheduled_runs_subject').on(table.subjectId, table.id),
    index('scheduled_runs_at').on(table.at),
    check('scheduled_runs_state_known', oneOf('state', scheduledRunStates)),
  ],
);
