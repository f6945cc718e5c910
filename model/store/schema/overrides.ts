// Texts that lie over templates of roles.

import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { time } from './common.ts';

/** Versioned texts that lie over a role's template. The newest version counts; text null = removed. */
export const overrides = pgTable(
  'overrides',
  {
    entity_kind: text('entity_kind').notNull(),
    entity_id: text('entity_id').notNull(),
    task_type: text('task_type').notNull(),
    template: text('template').notNull(),
    version: integer('version').notNull(),
    text: text('text'),
    changed_by: text('changed_by').notNull(),
    changed_at: time('changed_at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.entity_kind, table.entity_id, table.task_type, table.template, table.version] }),
  ],
);
