// Whether an approval rule names what there is, said when it is saved.

import type { Catalogue } from '../model/catalogue.ts';
import { entities } from '../model/entities.ts';
import { invalid } from '../model/errors.ts';
import type { OperationType } from '../model/operation-type.ts';
import type { Completion } from '../model/store/entities.ts';

/** Those that change something, one after the other. An Action is over before anybody could look. */
export function approvableTypes({ operationTypes }: Pick<Catalogue, 'operationTypes'>): OperationType[] {
  return [...operationTypes.values()].filter(({ action, check }) => !action && !check);
}

/** For `createEntity` and `updateEntity`. @param before nothing: it is new. */
export function checkedApprovalRule(
  { operationTypes }: Pick<Catalogue, 'operationTypes'>,
  before?: { values: Record<string, unknown> },
): Completion {
  return async (_tx, written) => {
    const { step, operation_types } = { ...before?.values, ...written };
    if (!step) return written;
    const [name = ''] = operation_types as string[];
    const ids = (operationTypes.get(name)?.steps ?? [])
      .flatMap(each => [each, ...(each.parallel ?? [])])
      .map(({ id }) => id);
    if (ids.includes(String(step))) return written;
    const message = `“${name}” has no step “${String(step)}”. There are: ${ids.join(', ')}.`;
    throw invalid([{ path: 'values.step', message }], `This ${entities.approval_rule.title} cannot be saved.`);
  };
}
