// What must be so for an Operation to be started, as its type says it (`checks:`).

import { entities } from './entities.ts';
import type { Problem } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import type { AddedEnvironment, OperationCheck, OperationType } from './operation-type.ts';
import { readPath } from './paths.ts';
import type { PathRoots } from './step-values.ts';

export function failedChecks(
  { on, checks = [], changes, fields }: Pick<OperationType, 'on' | 'checks' | 'changes' | 'fields'>,
  roots: PathRoots,
  answers: Record<string, unknown>,
): Problem[] {
  return checks
    .filter(check => !holds(check, roots) && !(check.unless && answers[check.unless] === true))
    .map(({ that, unless, message }) => {
      const [root = '', field = ''] = that.split('.');
      const asked = root === on && changes?.asks.includes(field) ? field : '';
      const path = unless ?? (fields.some(({ name }) => name === root) ? root : asked);
      return { path, message };
    });
}

function holds({ that, is, isNot }: OperationCheck, roots: PathRoots): boolean {
  const value = readPath(roots, that);
  if (value === undefined || value === null) return true;
  const equals = (wanted: unknown) => wantedValue(wanted, roots) === value;
  return (is?.some(equals) ?? true) && !isNot?.some(equals);
}

function wantedValue(wanted: unknown, roots: PathRoots): unknown {
  return typeof wanted === 'string' && wanted.startsWith('$') ? readPath(roots, wanted.slice(1)) : wanted;
}

/** What the form asks about an Environment that is added: left empty, it is as the subject's where it may be. */
export const addedTitle = ({ side, throwaway }: AddedEnvironment) =>
  side || throwaway ? 'Where to' : 'The new Environment';

export function addedFields({ side, throwaway, asks, takes }: AddedEnvironment): FieldSpec[] {
  const help = side
    ? 'Empty: as here, or the one with most room in another Cluster.'
    : throwaway
      ? 'Empty: as the Cluster says, the one with most room.'
      : 'Empty: as here.';
  return asks.flatMap(name => {
    const field = entities.environment.fields.find(entry => entry.name === name);
    if (!field) return [];
    if (!side && !throwaway && !takes.includes(name)) return [field];
    const { default: _default, required: _required, help: _help, ...rest } = field;
    return [{ ...rest, help }];
  });
}
