// The table of the rules by which another person has to say yes (an entity).

import { sql } from 'drizzle-orm';
import { boolean, check, doublePrecision, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { Role } from '../../access.ts';
import { mostExpiryHours } from '../../approval.ts';
import { common, live, organisation, validName } from './common.ts';
import { projects } from './entities.ts';

export const approvalRules = pgTable(
  'approval_rules',
  {
    ...common,
    organisation: organisation(),
    operation_types: jsonb('operation_types').$type<string[]>().notNull().default([]),
    step: text('step'),
    environment_kind: text('environment_kind'),
    project: text('project').references(() => projects.id),
    role: text('role').$type<Role>().notNull().default('operator'),
    four_eyes: boolean('four_eyes').notNull().default(true),
    expires_hours: doublePrecision('expires_hours').notNull(),
  },
  table => [
    uniqueIndex('approval_rules_name').on(table.organisation, table.name).where(live),
    check('approval_rules_name_valid', validName),
    check('approval_rules_expiry_valid', sql.raw(`expires_hours > 0 and expires_hours <= ${mostExpiryHours}`)),
  ],
);
