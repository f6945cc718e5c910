// The last run of each site's periodic jobs: one row for each Environment that ever had one, or was left out.

import { sql } from 'drizzle-orm';
import { index, integer, pgTable, real, text, timestamp } from 'drizzle-orm/pg-core';
import type { CronState } from '../../cron-run.ts';
import { organisation } from './common.ts';
import { environments } from './entities.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });

export const environmentCron = pgTable(
  'environment_cron',
  {
    environment: text('environment')
      .primaryKey()
      .references(() => environments.id),
    organisation: organisation(),
    /** Begin of the last run; null = it was only left out so far. */
    at: time('at'),
    seconds: real('seconds'),
    state: text('state').$type<CronState>(),
    /** Without secrets. */
    words: text('words').notNull().default(''),
    /** In a row. */
    failures: integer('failures').notNull().default(0),
    failingSince: time('failing_since'),
    /** Since the last run. */
    skippedAt: time('skipped_at'),
    skippedBecause: text('skipped_because').notNull().default(''),
  },
  table => [index('environment_cron_failing').on(table.organisation).where(sql`failures > 0`)],
);
