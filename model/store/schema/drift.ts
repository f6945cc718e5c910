// Tables of drift: what was found to be different on a Server, and when each entity was last compared.

import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import type { NotCompared } from '../../drift.ts';
import type { EntityKind } from '../../entities.ts';
import { organisations } from './common.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });
const organisation = () =>
  text('organisation')
    .notNull()
    .references(() => organisations.id);

/** One row for each entity that was ever compared: lists ask nothing else. */
export const driftChecks = pgTable(
  'drift_checks',
  {
    entityKind: text('entity_kind').$type<EntityKind>().notNull(),
    entityId: text('entity_id').notNull(),
    organisation: organisation(),
    /** The last that came to its end. It may be gone: what runs leave is not kept for ever. */
    operation: text('operation'),
    /** null = something was found, and nothing has come to its end yet. */
    checkedAt: time('checked_at'),
    notCompared: jsonb('not_compared').$type<NotCompared[]>().notNull().default([]),
    open: integer('open').notNull().default(0),
    accepted: integer('accepted').notNull().default(0),
  },
  table => [
    primaryKey({ columns: [table.entityKind, table.entityId] }),
    index('drift_checks_open').on(table.entityKind, table.entityId).where(sql`open > 0`),
  ],
);

export const differences = pgTable(
  'differences',
  {
    id: text('id').primaryKey(),
    organisation: organisation(),
    entityKind: text('entity_kind').$type<EntityKind>().notNull(),
    entityId: text('entity_id').notNull(),
    /** Of the Operation that found it. */
    step: text('step').notNull(),
    taskType: text('task_type').notNull(),
    /** Of the step. */
    title: text('title').notNull(),
    /** The tool's own step, and what it is about. */
    task: text('task').notNull(),
    resource: text('resource').notNull(),
    /** Without secrets. */
    text: text('text').notNull(),
    /** Characters that were left out of it. */
    leftOut: integer('left_out').notNull(),
    /** Hash of the text: says whether it is what was accepted. */
    content: text('content').notNull(),
    firstSeen: time('first_seen').notNull().defaultNow(),
    changedAt: time('changed_at').notNull().defaultNow(),
    lastSeen: time('last_seen').notNull().defaultNow(),
    /** The last run that found it. */
    operation: text('operation').notNull(),
    acceptedBy: text('accepted_by'),
    acceptedAt: time('accepted_at'),
    acceptedReason: text('accepted_reason'),
    /** It counts again when its content is another one. */
    acceptedContent: text('accepted_content'),
  },
  table => [
    uniqueIndex('differences_same').on(table.entityKind, table.entityId, table.step, table.task, table.resource),
    index('differences_organisation').on(table.organisation, table.id),
  ],
);
