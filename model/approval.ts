// What waits until another person says yes, and who may say it.

import { hasRole, type Role } from './access.ts';

/** Three months: what waits for longer is asked for anew, as nothing is as it was. */
export const mostExpiryHours = 2160;

export interface ApprovalRule {
  name: string;
  /** None: every one that is marked as dangerous. */
  operationTypes: string[];
  /** Id of the step before which it is asked; null: before the Operation begins. */
  step: string | null;
  /** It touches an Environment of that kind; null: any, and what touches none. */
  environmentKind: string | null;
  /** Id. */
  project: string | null;
  role: Role;
  fourEyes: boolean;
  expiresHours: number;
}

/** What a plan has to be approved by: all rules that hold for it, as one question. */
export interface PlannedApproval {
  /** Names. */
  rules: string[];
  role: Role;
  fourEyes: boolean;
  expiresHours: number;
  /** Who cannot approve it by four eyes, by mail address. */
  requester: string;
  /** With what it is a part of: it is not asked again. */
  given?: boolean;
}

/** What somebody reads before it is started, and while it waits. */
export function approvalWords({ rules, role, fourEyes, expiresHours }: PlannedApproval): string {
  const names = rules.map(name => `“${name}”`).join(', ');
  const who = fourEyes ? `another person with the role ${role}` : `somebody with the role ${role}`;
  return `It waits until ${who} approves it (${names}); what nobody approves within ${expiresHours} hours is rejected.`;
}

/** Why somebody may not decide about it; '' = may. */
export function approvalRefusal(
  { role, fourEyes, requester, rules }: PlannedApproval,
  principal: { email: string; role: Role },
): string {
  if (!hasRole(principal.role, role)) return `This needs the role ${role}; yours is ${principal.role}.`;
  if (fourEyes && principal.email === requester)
    return `You have asked for it, and ${rules.map(name => `“${name}”`).join(', ')} wants four eyes: somebody else has to approve it.`;
  return '';
}
