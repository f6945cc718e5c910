// The rules by which another person has to say yes.

import { and, asc, eq, ne } from 'drizzle-orm';
import type { ApprovalRule } from '../approval.ts';
import type { Db } from './database.ts';
import { approvalRules } from './schema/index.ts';

export async function listApprovalRules(db: Db, organisation: string): Promise<ApprovalRule[]> {
  const rows = await db
    .select()
    .from(approvalRules)
    .where(and(eq(approvalRules.organisation, organisation), ne(approvalRules.state, 'deleted')))
    .orderBy(asc(approvalRules.name));
  return rows.map(row => ({
    name: row.name,
    operationTypes: row.operation_types,
    step: row.step,
    environmentKind: row.environment_kind,
    project: row.project,
    role: row.role,
    fourEyes: row.four_eyes,
    expiresHours: row.expires_hours,
  }));
}
