// New values for fields of Tasks that have failed: checked like any form, with secrets put away.

import { readTaskTypeVersion } from '../catalogue/versions.ts';
import type { Principal } from '../dispatch/access.ts';
import { findReferences } from '../dispatch/entity-input.ts';
import { invalid, type Problem } from '../model/errors.ts';
import { isSecretReference } from '../model/fields.ts';
import type { Input, RunnableStep } from '../model/plan.ts';
import { validateFields } from '../model/validate.ts';
import type { ApiDependencies } from './dependencies.ts';

type Inputs = Record<string, Record<string, Input>>;

/** @throws AppError invalid with every mistake. */
export async function changedInputs(
  deps: ApiDependencies,
  principal: Principal,
  steps: RunnableStep[],
  given: Record<string, Record<string, unknown>>,
): Promise<Inputs> {
  const problems: Problem[] = [];
  const changed: Inputs = {};
  for (const [taskId, values] of Object.entries(given)) {
    const step = steps.find(each => each.taskId === taskId);
    if (step) changed[taskId] = await readInputs(deps, principal, { step, values: { ...values } }, problems);
    else problems.push({ path: taskId, message: 'This Task has not failed, so its fields stay as they are.' });
  }
  if (problems.length > 0) throw invalid(problems, 'These fields cannot be changed so.');
  return changed;
}

async function readInputs(
  deps: ApiDependencies,
  principal: Principal,
  { step, values }: { step: RunnableStep; values: Record<string, unknown> },
  problems: Problem[],
): Promise<Record<string, Input>> {
  const { arguments: specs } = await readTaskTypeVersion(deps.db, step.version);
  const path = step.taskId;
  await findReferences(deps, principal, { specs, values, path: `${path}.` }, problems);
  const checked = validateFields(specs, values, { path, partial: true });
  problems.push(...checked.problems);
  if (problems.length > 0) return {};
  const kept = await deps.vault.putFields(deps.db, principal.organisation.id, specs, checked.values);
  return Object.fromEntries(
    Object.entries(kept)
      .filter(([name]) => name in values)
      .map(([name, value]) => [
        name,
        isSecretReference(value) ? { from: 'secret', id: value.$secret } : { from: 'value', value },
      ]),
  );
}
