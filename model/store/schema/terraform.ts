// Tables of the backend terraform: what it has made for an entity, who works on it, plans that wait to be carried out.
// States and plans hold secrets in clear, so the rows name sealed ones.

import { bigint, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { EntityKind } from '../../entities.ts';
import { organisations, secrets } from './common.ts';
import { tasks } from './runs.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });
const organisation = () =>
  text('organisation')
    .notNull()
    .references(() => organisations.id);

const which = {
  entityKind: text('entity_kind').$type<EntityKind>().notNull(),
  entityId: text('entity_id').notNull(),
  taskType: text('task_type').notNull(),
};

const content = {
  /** Counts the writes of Terraform. */
  serial: bigint('serial', { mode: 'number' }).notNull(),
  /** How many things it manages. */
  resources: integer('resources').notNull(),
};

export const terraformStates = pgTable(
  'terraform_states',
  {
    ...which,
    ...content,
    organisation: organisation(),
    /** null = nothing was made yet, or it was destroyed. */
    secret: text('secret').references(() => secrets.id),
    /** Task that found nothing. */
    madeBy: text('made_by'),
    /** Task that wrote last. */
    changedBy: text('changed_by'),
    changedAt: time('changed_at').notNull().defaultNow(),
    /** Task that works on it, and which attempt; null = nobody. */
    heldBy: text('held_by'),
    heldAttempt: integer('held_attempt'),
    heldSince: time('held_since'),
  },
  table => [
    primaryKey({ columns: [table.entityKind, table.entityId, table.taskType] }),
    index('terraform_states_held').on(table.heldBy),
  ],
);

/** As they were before a Task changed them. */
export const terraformFormerStates = pgTable(
  'terraform_former_states',
  {
    id: text('id').primaryKey(),
    ...which,
    ...content,
    organisation: organisation(),
    secret: text('secret')
      .notNull()
      .references(() => secrets.id),
    replacedBy: text('replaced_by').notNull(),
    replacedAt: time('replaced_at').notNull().defaultNow(),
  },
  table => [index('terraform_former_states_which').on(table.entityKind, table.entityId, table.taskType, table.id)],
);

/** A plan that was shown: exactly this is carried out. It goes when its Operation is over. */
export const terraformPlans = pgTable('terraform_plans', {
  task: text('task')
    .primaryKey()
    .references(() => tasks.id, { onDelete: 'cascade' }),
  token: text('token').notNull(),
  secret: text('secret')
    .notNull()
    .references(() => secrets.id),
  madeAt: time('made_at').notNull().defaultNow(),
});
