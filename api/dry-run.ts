// What a dry run has found.

import type { NotCompared } from '../model/drift.ts';
import { plansOf } from '../model/plan.ts';
import type { OperationRow } from '../model/store/operations.ts';
import { listTasks } from '../model/store/tasks.ts';
import type { DryRunView } from './contract-attention.ts';
import { outermostOf } from './decide.ts';
import type { ApiDependencies } from './dependencies.ts';

export async function dryRunViewOf(deps: ApiDependencies, row: OperationRow): Promise<DryRunView> {
  const { plan } = await outermostOf(deps, row);
  if (!plan?.check?.dryRunOf) return { steps: [], notCompared: [] };
  const tasks = await listTasks(
    deps.db,
    [...plansOf(plan)].map(each => each.plan.operationId),
  );
  const titleOf = ({ within, title }: { within: string[]; title: string }) => [...within, title].join(' › ');
  const failed: NotCompared[] = tasks
    .filter(({ state, type }) => state === 'failed' && type !== 'preflight')
    .map(task => ({ title: titleOf(task), reason: task.message }));
  return {
    steps: tasks.flatMap(task =>
      task.differences ? [{ task: task.id, title: titleOf(task), differences: task.differences }] : [],
    ),
    notCompared: [...plan.check.notCompared, ...failed],
  };
}
