// Fields of failed Tasks as flags. Two Tasks with a field of one name get the same value, as in every form, unless one is named.

import type { FailedTaskView } from '../api/contract.ts';
import type { FieldSpec } from '../model/fields.ts';
import { usageError } from './exit.ts';
import { renderCell } from './table.ts';

/** Each name once. What is there now is not a demand of the flag. */
export function mergeFields(tasks: FailedTaskView[]): FieldSpec[] {
  const fields = new Map<string, FieldSpec>();
  for (const field of tasks.flatMap(task => task.fields)) if (!fields.has(field.name)) fields.set(field.name, field);
  return [...fields.values()];
}

/** New values under the Tasks that have such a field. @param only the id of the one Task that is meant. */
export function inputsOf(
  tasks: FailedTaskView[],
  values: Record<string, unknown>,
  only?: string,
): Record<string, Record<string, unknown>> {
  const meant = only === undefined ? tasks : tasks.filter(({ id }) => id === only);
  if (only !== undefined && meant.length === 0) {
    const known = tasks.map(({ id, title }) => ({ path: id, message: title }));
    throw usageError(`The Task ${only} has not failed here. These have:`, known);
  }
  const inputs = meant.map(({ id, fields }) => {
    const own = Object.entries(values).filter(([name]) => fields.some(field => field.name === name));
    return [id, Object.fromEntries(own)] as const;
  });
  return Object.fromEntries(inputs.filter(([, own]) => Object.keys(own).length > 0));
}

/** For the help: what each field is now. */
export function renderPresent(tasks: FailedTaskView[]): string {
  const fields = tasks.filter(task => task.fields.length > 0);
  if (fields.length === 0) return '';
  const lines = fields.flatMap(({ id, title, fields: specs }) => [
    `\nFields of ${title} (Task ${id}) now:`,
    ...specs.map(({ name, default: value }) => `  ${name}: ${renderCell(value)}`),
  ]);
  return lines.join('\n');
}
