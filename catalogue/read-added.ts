// Which Environment an Operation type adds with its start (`adds:`): names of fields of an Environment.

import { type EntityKind, entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { AddedEnvironment } from '../model/operation-type.ts';
import { checkSource } from './type-agreement.ts';

const fieldOf = (name: string) => entities.environment.fields.find(each => each.name === name);

export function readAdded(
  on: EntityKind | undefined,
  added: Partial<AddedEnvironment> | undefined,
  mistakes: Problem[],
): AddedEnvironment | undefined {
  if (!added) return undefined;
  const report = (path: string, message: string) => mistakes.push({ path, message });
  const { side = false, throwaway = false, asks = [], takes = [], sets = {} } = added;
  // A Backup says which Environment it is like.
  if (on && on !== 'environment' && !(throwaway && on === 'backup'))
    report('adds', 'has a meaning only with "on: environment", or "on: backup" with "throwaway: true".');
  if (side && throwaway) report('adds', 'is either another side or a throwaway.');
  for (const [key, names] of Object.entries({ asks, takes })) {
    for (const [index, name] of names.entries()) {
      const field = fieldOf(name);
      if (!field) report(`adds.${key}.${index}`, `"${name}" is no field of an environment.`);
      else if (field.secret && key === 'takes') report(`adds.${key}.${index}`, `"${name}" is a secret of its own.`);
    }
  }
  for (const [name, value] of Object.entries(sets)) {
    const field = fieldOf(name);
    const path = typeof value === 'string' && value.startsWith('$') ? value.slice(1) : null;
    const wrong = field ? path && checkSource(path, field) : `"${name}" is no field of an environment.`;
    if (wrong) report(`adds.sets.${name}`, wrong);
  }
  return { side, throwaway, asks, takes, sets };
}
