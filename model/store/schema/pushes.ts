// What git servers have said by their webhooks, and what came of it.

import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { type GitProvider, type PushState, pushStates } from '../../pushes.ts';
import { organisations, time } from './common.ts';
import { projects } from './entities.ts';

/** Of one Environment: its Operation, or why there is none. */
export interface PushUpdate {
  environment: string;
  name: string;
  operation: string | null;
  reason: string;
}

/** An Operation that puts the code on one Server. */
export interface PushBuild {
  server: string;
  operation: string;
}

export const pushes = pgTable(
  'pushes',
  {
    id: text('id').primaryKey(),
    organisation: text('organisation')
      .notNull()
      .references(() => organisations.id),
    project: text('project')
      .notNull()
      .references(() => projects.id),
    provider: text('provider').$type<GitProvider>().notNull(),
    /** The git server's own id of it; '' = all those that were refused unread. */
    delivery: text('delivery').notNull(),
    /** How often it came. */
    count: integer('count').notNull().default(1),
    event: text('event').notNull(),
    branch: text('branch').notNull().default(''),
    commit: text('commit').notNull().default(''),
    pusher: text('pusher').notNull().default(''),
    state: text('state').$type<PushState>().notNull(),
    message: text('message').notNull().default(''),
    /** The Operation that looks what the branch really points to, and what that was. */
    look: text('look'),
    tip: text('tip'),
    release: text('release'),
    builds: jsonb('builds').$type<PushBuild[]>().notNull().default([]),
    updates: jsonb('updates').$type<PushUpdate[]>().notNull().default([]),
    receivedAt: time('received_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
  },
  table => [
    uniqueIndex('pushes_delivery').on(table.project, table.provider, table.delivery),
    index('pushes_project').on(table.project, table.id),
    index('pushes_open').on(table.state).where(sql`state in ('received', 'looking', 'building', 'updating')`),
    check('pushes_state_known', sql.raw(`state in (${pushStates.map(state => `'${state}'`).join(', ')})`)),
  ],
);
