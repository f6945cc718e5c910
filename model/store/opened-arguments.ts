// Arguments that stand for an entity and give a Task all of its fields: what is read when the Task begins.

import { entities } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { Input } from '../plan.ts';
import type { Argument } from '../task-type.ts';
import type { Db } from './database.ts';
import { loadRoot } from './roots.ts';

/** Fields by name for each such argument, without empty ones; references as ids, secrets as references to them. */
export async function openedArguments(
  db: Db,
  specs: Argument[],
  inputs: Record<string, Input>,
): Promise<Record<string, Record<string, unknown>>> {
  const opened: Record<string, Record<string, unknown>> = {};
  for (const { name, to, opened: isOpened } of specs) {
    const input = inputs[name];
    if (!isOpened || !to || !input) continue;
    // An output is the word of a Server: it must not choose whose secrets are opened.
    if (input.from !== 'value' || typeof input.value !== 'string')
      throw new AppError('invalid', `The argument ${name} must be given by a path to a ${entities[to].title}.`);
    const root = await loadRoot(db, to, input.value);
    const fields = [...entities[to].fields, ...entities[to].resultFields].filter(field => !field.to);
    opened[name] = Object.fromEntries(
      fields.map(field => [field.name, root[field.name]]).filter(([, value]) => value !== null && value !== undefined),
    );
  }
  return opened;
}
