// What an Operation makes of its subject (`changes:`), looked at before it is started.

import type { Changed } from '../model/changed-fields.ts';
import { entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { OperationType } from '../model/operation-type.ts';
import { idOf } from '../model/preset-fields.ts';
import { nameProblems } from '../model/store/environment-names.ts';
import type { Roots } from '../model/store/roots.ts';
import { validateFields } from '../model/validate.ts';
import type { DispatchDependencies } from './dependencies.ts';

/** What the subject becomes has to be right as a whole, and its names nobody else's. */
export async function findMisfits(
  deps: DispatchDependencies,
  { on }: OperationType,
  { id, roots, changed }: { id: string; roots: Roots; changed: Changed | null },
): Promise<Problem[]> {
  if (!changed) return [];
  const { fields, rules = {} } = entities[on];
  const next = Object.entries({ ...roots[on], ...changed.after }).map(([name, value]) => [name, idOf(value)]);
  const known = next.filter(([name]) => fields.some(field => field.name === name));
  const { problems } = validateFields(fields, Object.fromEntries(known), { rules });
  return on === 'environment' ? [...problems, ...(await nameProblems(deps.db, id, changed.after))] : problems;
}
