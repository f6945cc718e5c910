// The plans that were made of an Operation for whoever is to approve it.

import { type Plan, tasksOf } from '../model/plan.ts';
import { listPlanned } from '../model/store/planned.ts';
import type { DoneStep } from '../model/undo.ts';
import type { AttentionView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

/** What is done already is not asked about. */
export async function plannedOf(
  deps: ApiDependencies,
  plan: Plan,
  done: DoneStep[],
): Promise<Pick<AttentionView, 'planned'>> {
  const all = await listPlanned(deps.db, plan.operationId);
  const isDone = (task: string) => done.some(({ step, failed }) => !failed && step.taskId === task);
  const found = [...tasksOf(plan)].flatMap(({ step, within }) => {
    const planned = all.find(({ task }) => task === step.taskId)?.planned;
    const title = [...within, step.title].join(' › ');
    return planned && !isDone(step.taskId) ? [{ task: step.taskId, title, ...planned }] : [];
  });
  if (found.length === 0) return {};
  return {
    planned: {
      steps: found
        .filter(({ problem }) => !problem)
        .map(({ task, title, differences }) => ({ task, title, differences })),
      notCompared: found.filter(({ problem }) => problem).map(({ title, problem }) => ({ title, reason: problem })),
    },
  };
}
