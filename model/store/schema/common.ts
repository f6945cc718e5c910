// What all tables share: columns, names, and the two tables on which most others hang.

import { sql } from 'drizzle-orm';
import { type AnyPgColumn, check, jsonb, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';

export const time = (name: string) => timestamp(name, { withTimezone: true });

/** Columns that every entity has. */
export const common = {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  state: text('state').notNull().default('new'),
  custom: jsonb('custom').$type<Record<string, unknown>>().notNull().default({}),
  created_at: time('created_at').notNull().defaultNow(),
  updated_at: time('updated_at').notNull().defaultNow(),
};

export const organisation = () =>
  text('organisation')
    .notNull()
    .references(() => organisations.id);

export const secretOf = (name: string) => text(name).references((): AnyPgColumn => secrets.id);

export const validName = sql.raw(`name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'`);
export const live = sql.raw(`state <> 'deleted'`);

export const organisations = pgTable('organisations', common, table => [
  uniqueIndex('organisations_name').on(table.name).where(live),
  check('organisations_name_valid', validName),
]);

/** Sealed values. The clear text is never in the database. */
export const secrets = pgTable('secrets', {
  id: text('id').primaryKey(),
  /** Null = of the installation itself: no field can refer to it. */
  organisation: text('organisation').references(() => organisations.id),
  sealed: text('sealed').notNull(),
  created_at: time('created_at').notNull().defaultNow(),
});
