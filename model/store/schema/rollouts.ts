// Tables of Rollouts: one Operation type over many entities, whose list is frozen when it begins.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { Role } from '../../access.ts';
import {
  type GateState,
  openRolloutStates,
  type RolloutItemState,
  type RolloutSettings,
  type RolloutState,
  rolloutItemStates,
  rolloutStates,
} from '../../rollout.ts';
import type { SelectableKind, Selection } from '../../selection.ts';
import { organisation } from './common.ts';
import { operations } from './runs.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });
const listOf = (values: readonly string[]) => `(${values.map(value => `'${value}'`).join(', ')})`;

export const rollouts = pgTable(
  'rollouts',
  {
    id: text('id').primaryKey(),
    organisation: organisation(),
    operationType: text('operation_type').notNull(),
    title: text('title').notNull(),
    subjectKind: text('subject_kind').$type<SelectableKind>().notNull(),
    input: jsonb('input').$type<Record<string, unknown>>().notNull(),
    /** As it was asked for; the items are what counts. */
    selection: jsonb('selection').$type<Selection>().notNull(),
    settings: jsonb('settings').$type<RolloutSettings>().notNull(),
    state: text('state').$type<RolloutState>().notNull().default('running'),
    /** The one that is under way, from 0. */
    wave: integer('wave').notNull().default(0),
    waves: integer('waves').notNull(),
    /** Why it is in this state. */
    message: text('message').notNull().default(''),
    gate: jsonb('gate').$type<GateState>(),
    startedBy: text('started_by').notNull(),
    role: text('role').$type<Role>().notNull(),
    reason: text('reason').notNull().default(''),
    /** The Rollout whose successes it takes back. */
    undoes: text('undoes').references((): AnyPgColumn => rollouts.id),
    idempotencyKey: text('idempotency_key'),
    createdAt: time('created_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
  },
  table => [
    uniqueIndex('rollouts_idempotency').on(table.organisation, table.idempotencyKey),
    index('rollouts_organisation').on(table.organisation, table.id),
    index('rollouts_open')
      .on(table.state)
      .where(sql.raw(`state in ${listOf(openRolloutStates)}`)),
    check('rollouts_state_known', sql.raw(`state in ${listOf(rolloutStates)}`)),
  ],
);

export const rolloutItems = pgTable(
  'rollout_items',
  {
    id: text('id').primaryKey(),
    rollout: text('rollout')
      .notNull()
      .references(() => rollouts.id),
    position: integer('position').notNull(),
    wave: integer('wave').notNull(),
    subjectId: text('subject_id').notNull(),
    subjectName: text('subject_name').notNull(),
    /** Its web Server, or itself. */
    server: text('server'),
    state: text('state').$type<RolloutItemState>().notNull().default('pending'),
    /** How often it was begun. */
    attempt: integer('attempt').notNull().default(0),
    operation: text('operation').references(() => operations.id),
    message: text('message').notNull().default(''),
    startedAt: time('started_at'),
    endedAt: time('ended_at'),
  },
  table => [
    uniqueIndex('rollout_items_subject').on(table.rollout, table.subjectId),
    uniqueIndex('rollout_items_position').on(table.rollout, table.position),
    index('rollout_items_state').on(table.rollout, table.state, table.wave, table.position),
    index('rollout_items_operation').on(table.operation),
    check('rollout_items_state_known', sql.raw(`state in ${listOf(rolloutItemStates)}`)),
  ],
);
