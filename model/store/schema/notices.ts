// Tables of what people are told: who is told (receivers, an entity like the others), what happened (notices), and each
// message on its way (deliveries).

import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { EntityKind } from '../../entities.ts';
import { type DeliveryState, deliveryStates, type NoticeEvent } from '../../notices.ts';
import { common, live, organisation, organisations, secretOf, time, validName } from './common.ts';
import { projects } from './entities.ts';

export const receivers = pgTable(
  'receivers',
  {
    ...common,
    organisation: organisation(),
    type: text('type').notNull(),
    url: secretOf('url'),
    signing_secret: secretOf('signing_secret'),
    addresses: jsonb('addresses').$type<string[]>().notNull().default([]),
    project: text('project').references(() => projects.id),
    events: jsonb('events').$type<string[]>().notNull().default([]),
    environment_kinds: jsonb('environment_kinds').$type<string[]>().notNull().default([]),
    repeat_hours: integer('repeat_hours'),
    quiet_from: text('quiet_from'),
    quiet_until: text('quiet_until'),
    time_zone: text('time_zone').notNull().default('UTC'),
    urgent_passes: boolean('urgent_passes').notNull().default(true),
    trouble: text('trouble'),
  },
  table => [
    uniqueIndex('receivers_name').on(table.organisation, table.name).where(live),
    check('receivers_name_valid', validName),
    check('receivers_type_known', sql.raw(`type in ('webhook', 'email', 'chat')`)),
    check(
      'receivers_place',
      sql.raw(`case type when 'email' then jsonb_array_length(addresses) > 0 else url is not null end`),
    ),
    check('receivers_repeat_hours_valid', sql.raw('repeat_hours between 1 and 8760')),
  ],
);

/** Written in the transaction in which it happens, and looked at by the dispatcher afterwards. */
export const notices = pgTable(
  'notices',
  {
    id: text('id').primaryKey(),
    organisation: text('organisation')
      .notNull()
      .references(() => organisations.id),
    event: text('event').$type<NoticeEvent>().notNull(),
    key: text('key').notNull(),
    subjectKind: text('subject_kind').$type<EntityKind>().notNull(),
    subjectId: text('subject_id').notNull(),
    subjectName: text('subject_name').notNull(),
    project: text('project').references(() => projects.id),
    environmentKind: text('environment_kind'),
    operation: text('operation'),
    /** Page that says more, such as `rollouts/01K…`; '' = that of the Operation or the subject. */
    path: text('path').notNull().default(''),
    title: text('title').notNull(),
    message: text('message').notNull(),
    at: time('at').notNull().defaultNow(),
    /** It does not last any more; null also for what never lasts. */
    overAt: time('over_at'),
    /** Whoever is to hear of it has a delivery with it; null = nobody has looked yet. */
    dispatchedAt: time('dispatched_at'),
  },
  table => [
    index('notices_new').on(table.id).where(sql`dispatched_at is null`),
    index('notices_lasting').on(table.organisation, table.key).where(sql`over_at is null`),
    index('notices_operation').on(table.operation),
    index('notices_at').on(table.at),
  ],
);

/** One message to one receiver. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: text('id').primaryKey(),
    organisation: text('organisation')
      .notNull()
      .references(() => organisations.id),
    receiver: text('receiver')
      .notNull()
      .references(() => receivers.id),
    state: text('state').$type<DeliveryState>().notNull().default('collecting'),
    /** It passes quiet hours. */
    urgent: boolean('urgent').notNull().default(false),
    /** Who asked for this test message; '' = it is none. */
    testBy: text('test_by').notNull().default(''),
    attempts: integer('attempts').notNull().default(0),
    /** What the receiver said, or why there was no saying. */
    answer: text('answer').notNull().default(''),
    createdAt: time('created_at').notNull().defaultNow(),
    /** The patience with the receiver counts from here. */
    firstTriedAt: time('first_tried_at'),
    triedAt: time('tried_at'),
    /** When the next attempt is due, as far as it is known. */
    nextAt: time('next_at'),
    endedAt: time('ended_at'),
    /** The engine was last asked to carry it out; null = it is to be asked. */
    engineAt: time('engine_at'),
  },
  table => [
    index('deliveries_receiver').on(table.receiver, table.id),
    index('deliveries_open').on(table.state).where(sql`state in ('collecting', 'sending')`),
    index('deliveries_ended').on(table.endedAt),
    // What comes in the same moment is added to the one that collects.
    uniqueIndex('deliveries_collecting').on(table.receiver, table.urgent).where(sql`state = 'collecting'`),
    check('deliveries_state_known', sql.raw(`state in (${deliveryStates.map(state => `'${state}'`).join(', ')})`)),
  ],
);

export const deliveryNotices = pgTable(
  'delivery_notices',
  {
    delivery: text('delivery')
      .notNull()
      .references(() => deliveries.id, { onDelete: 'cascade' }),
    notice: text('notice')
      .notNull()
      .references(() => notices.id, { onDelete: 'cascade' }),
    /** It was told before, and lasts. */
    again: boolean('again').notNull().default(false),
  },
  table => [primaryKey({ columns: [table.delivery, table.notice] }), index('delivery_notices_notice').on(table.notice)],
);
