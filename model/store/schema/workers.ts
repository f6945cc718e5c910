// Workers that live.

import { pgTable, text, timestamp } from 'drizzle-orm/pg-core';

export const workers = pgTable('workers', {
  /** One for each process. */
  id: text('id').primaryKey(),
  /** By the clock of the database. */
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull().defaultNow(),
});
