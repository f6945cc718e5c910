// Running an Action: the same checks as for an Operation, an audit row, and the answer of its one step. Nothing else is kept.

import { actorOf, type Principal } from '../dispatch/access.ts';
import { freezePlan, type OperationRequest } from '../dispatch/start-operation.ts';
import { type ActionPlan, actionLifeMs } from '../model/action.ts';
import { AppError } from '../model/errors.ts';
import { tasksOf } from '../model/plan.ts';
import { recordChange } from '../model/store/audit.ts';
import type { ActionView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

export async function runAction(
  deps: ApiDependencies,
  principal: Principal,
  request: OperationRequest,
): Promise<ActionView> {
  const { plan, answers } = await freezePlan(deps, principal, request, 'action');
  const [task] = tasksOf(plan);
  if (!task) throw new AppError('conflict', `“${plan.title}” has nothing to do here.`);
  const { operationId: id, type, title, subject, organisation, startedBy } = plan;
  const expiresAt = Date.now() + actionLifeMs;
  const action: ActionPlan = { id, type, title, subject, organisation, startedBy, expiresAt, step: task.step };
  // Before it runs: whoever signs in as somebody is known also when nothing is heard of it any more.
  await deps.db.transaction(tx =>
    recordChange(tx, actorOf(principal), { verb: type, object: subject, after: entriesOrNull(answers) }),
  );
  return deps.engine.runAction(action);
}

function entriesOrNull(answers: Record<string, unknown>): Record<string, unknown> | null {
  return Object.keys(answers).length > 0 ? answers : null;
}
