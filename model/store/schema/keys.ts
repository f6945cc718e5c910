// What is known of the keys that seal; the keys themselves are never in the database.

import { pgTable, text, timestamp } from 'drizzle-orm/pg-core';

const time = (name: string) => timestamp(name, { withTimezone: true });

export const sealingKeys = pgTable('sealing_keys', {
  /** Derived from the key; tells nothing of it. */
  id: text('id').primaryKey(),
  /** When it was first seen to seal. */
  since: time('since').notNull().defaultNow(),
  /** After this nothing was sealed with it any more. */
  retiredAt: time('retired_at'),
});
