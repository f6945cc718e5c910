// Custom fields that people define.

import { sql } from 'drizzle-orm';
import { check, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { time } from './common.ts';

export const fieldDefinitions = pgTable(
  'field_definitions',
  {
    id: text('id').primaryKey(),
    entity_kind: text('entity_kind').notNull(),
    name: text('name').notNull(),
    spec: jsonb('spec').$type<Record<string, unknown>>().notNull(),
    created_at: time('created_at').notNull().defaultNow(),
  },
  table => [
    uniqueIndex('field_definitions_name').on(table.entity_kind, table.name),
    check('field_definitions_name_valid', sql.raw(`name ~ '^[a-z][a-z0-9_]{0,62}$'`)),
  ],
);
