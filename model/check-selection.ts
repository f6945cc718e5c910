// Whether a selection says anything of what it is to take.

import { entities } from './entities.ts';
import type { Problem } from './errors.ts';
import { parseConditions, type SelectableKind, type Selection, selectionFields } from './selection.ts';

/** What each kind of subject can be narrowed by. */
const narrowings: Record<SelectableKind, readonly (keyof Selection)[]> = {
  environment: ['environment', 'environment_kind', 'project', 'release', 'cluster', 'server', 'where'],
  server: ['cluster', 'server', 'where'],
  cluster: ['cluster', 'where'],
  project: ['project', 'where'],
  release: ['project', 'release', 'where'],
};

/** @param custom names of the custom fields of this kind. */
export function checkSelection(kind: SelectableKind, selection: Selection, custom: string[]): Problem[] {
  const { title, fields, resultFields } = entities[kind];
  const allowed = narrowings[kind];
  const problems: Problem[] = [];
  for (const { name, label = name } of selectionFields) {
    const value = selection[name as keyof Selection];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined && value !== '';
    if (isGiven && !allowed.includes(name as keyof Selection))
      problems.push({
        path: name,
        message: `It runs on a ${title}, which “${label}” says nothing of: leave it empty.`,
      });
  }
  const known = [...fields, ...resultFields].filter(({ secret }) => !secret).map(({ name }) => name);
  for (const [index, text] of (selection.where ?? []).entries()) {
    const [condition] = parseConditions([text]);
    const path = `where.${index}`;
    if (!condition) problems.push({ path, message: `"${text}" is not of the form name=value or name!=value.` });
    else if (!(condition.isCustom ? custom : [...known, 'state']).includes(condition.field)) {
      const there = condition.isCustom ? custom : [...known, 'state'];
      const list = there.length > 0 ? ` There are: ${there.join(', ')}.` : '';
      problems.push({
        path,
        message: `A ${title} has no ${condition.isCustom ? 'custom ' : ''}field "${condition.field}".${list}`,
      });
    }
  }
  return problems;
}
