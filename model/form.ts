// The form of an Operation: the fields of the Operation type and of all its Tasks that nothing fills, grouped by where they
// belong, each asked once.

import { changedFields } from './changed-fields.ts';
import type { Problem } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { addedFields, addedTitle } from './operation-checks.ts';
import type { OperationType } from './operation-type.ts';
import { askedOf } from './preset-fields.ts';
import { type Scope, sourceOf } from './step-values.ts';
import { type ResolvedStep, type ResolvedTask, resolvedOperations, resolvedTasks } from './walk-steps.ts';

export interface FormGroup {
  title: string;
  fields: FieldSpec[];
}

export interface Form {
  groups: FormGroup[];
  /** What no answer can mend: a missing hash, a Server that is not there. */
  problems: Problem[];
}

export function makeForm(type: OperationType, steps: ResolvedStep[], scope: Scope): Form {
  const asked = new Set<string>();
  const take = (fields: FieldSpec[]) => fields.filter(field => !asked.has(field.name) && asked.add(field.name));
  const groups: FormGroup[] = [
    { title: type.title, fields: take([...changedFields(type, scope.roots), ...askedOf(type.fields)]) },
  ];
  if (type.adds) groups.unshift({ title: addedTitle(type.adds), fields: take(addedFields(type.adds)) });
  for (const nested of resolvedOperations(steps)) {
    const open = askedOf(nested.type.fields).filter(field => !(field.name in nested.scope.given));
    groups.push({ title: nested.type.title, fields: take(open) });
  }
  for (const task of resolvedTasks(steps)) groups.push({ title: task.type.title, fields: take(askedFields(task)) });
  return { groups: groups.filter(group => group.fields.length > 0), problems: missingValues(steps, scope) };
}

/** Asked is what nothing fills, whether or not there is an answer already: the form goes on showing it. */
function askedFields({ type, step, scope, sources }: ResolvedTask): FieldSpec[] {
  return sources.flatMap(({ argument }) => {
    const source = sourceOf(type, argument, step.with, { ...scope, answers: {} });
    if (source.kind !== 'ask') return [];
    const { from: _from, remember: _remember, ask: _ask, missing: _missing, unless: _unless, ...field } = argument;
    const required = argument.required === true && source.default === undefined;
    return [{ ...field, required, ...(source.default === undefined ? {} : { default: source.default }) }];
  });
}

/** Of the steps that the answers leave in. */
export function missingValues(steps: ResolvedStep[], scope: Scope): Problem[] {
  const problems: Problem[] = [];
  for (const task of resolvedTasks(steps)) {
    for (const { argument, source } of task.sources) {
      if (source.kind === 'missing')
        problems.push({ path: argument.name, message: `${task.type.title}: ${source.message}` });
    }
    const path = task.type.server ?? 'server';
    const open = scope.openRoots.has(path.split('.')[0] ?? '');
    if (task.chosen.target === 'server' && !task.scope.roots.server && !open) {
      problems.push({ path, message: `${task.type.title} runs on a Server, and none is known here (${path}).` });
    }
  }
  return [...new Map(problems.map(problem => [problem.message, problem])).values()];
}
