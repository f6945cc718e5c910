// The inputs of an Operation for a new one, and what has changed in its types since: the new one would do that.

import { type Plan, tasksOf } from '../model/plan.ts';
import type { OperationRow } from '../model/store/operations.ts';
import type { AgainView } from './contract.ts';
import { outermostOf } from './decide.ts';
import type { ApiDependencies } from './dependencies.ts';

export async function againViewOf(deps: ApiDependencies, row: OperationRow): Promise<AgainView> {
  const { type, plan, input, subjectKind, subjectId, subjectName } = await outermostOf(deps, row);
  const subject = { kind: subjectKind, id: subjectId, name: subjectName };
  // Of a dry run: what it was one of.
  return { type: plan?.check?.dryRunOf ?? type, subject, input, changes: plan ? await changesSince(deps, plan) : [] };
}

async function changesSince(deps: ApiDependencies, plan: Plan): Promise<string[]> {
  const catalogue = await deps.catalogue.current();
  const now = catalogue.operationTypes.get(plan.check?.dryRunOf ?? plan.type);
  if (!now) return [`There is no Operation type “${plan.title}” any more.`];
  const changes = now.version === plan.version ? [] : [`The Operation type “${plan.title}” has changed.`];
  const seen = new Set<string>();
  for (const { step } of tasksOf(plan)) {
    if (seen.has(step.taskType)) continue;
    seen.add(step.taskType);
    const type = catalogue.taskTypes.get(step.taskType);
    if (!type) changes.push(`There is no Task type “${step.title}” (${step.taskType}) any more.`);
    else if (type.version !== step.version)
      changes.push(
        `The Task type “${type.title}” (${step.taskType}) has changed: ${step.version.slice(0, 12)} → ${type.version.slice(0, 12)}.`,
      );
  }
  return changes;
}
