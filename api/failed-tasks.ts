// Failed Tasks with the fields that a retry may change.

import { readTaskTypeVersion } from '../catalogue/versions.ts';
import { type Input, type Plan, runnablesOf } from '../model/plan.ts';
import type { FailedTaskView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

export async function failedTasksOf(
  deps: ApiDependencies,
  plan: Plan | null,
  ids: string[],
): Promise<FailedTaskView[]> {
  const steps = plan ? [...runnablesOf(plan)].filter(({ taskId }) => ids.includes(taskId)) : [];
  return Promise.all(
    steps.map(async step => {
      const { arguments: specs } = await readTaskTypeVersion(deps.db, step.version);
      // What comes from an earlier step is not a person's to change.
      const fields = specs
        .filter(spec => step.inputs[spec.name]?.from !== 'output')
        .map(spec => ({ ...spec, ...presentValue(step.inputs[spec.name]) }));
      return { id: step.taskId, title: step.title, fields };
    }),
  );
}

/** What it has now stands in `default`, as in every form. */
function presentValue(input: Input | undefined): { default?: unknown } {
  if (input?.from === 'value') return { default: input.value };
  return input?.from === 'secret' ? { default: { $secret: input.id } } : {};
}
