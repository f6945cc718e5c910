// Operations that give their subject other values (`changes:`): what the form asks, and what the subject becomes.

import { equalData } from './coerce.ts';
import { type EntityKind, entities } from './entities.ts';
import type { FieldSpec } from './fields.ts';
import { tidyNames, webNames } from './name-fields.ts';
import type { ChangedFields } from './operation-type.ts';
import { readPath } from './paths.ts';
import type { PathRoot, PathRoots } from './step-values.ts';

interface Changing {
  on: EntityKind;
  changes?: ChangedFields;
}

/** Of the fields that become others. */
export interface Changed {
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

/** Each stands there as it is; a secret that is not entered stays. */
export function changedFields({ on, changes }: Changing, roots: PathRoots): FieldSpec[] {
  const present = roots[on];
  return (changes?.asks ?? []).flatMap(name => {
    const field = entities[on].fields.find(entry => entry.name === name);
    if (!field) return [];
    const value = field.secret ? undefined : (present?.[name] ?? undefined);
    const { default: _default, ...rest } = field;
    return [{ ...rest, ...(value === undefined ? {} : { default: value }) }];
  });
}

/** @param answers of the form. Null: the type changes nothing so. */
export function changedValues(
  { on, changes }: Changing,
  roots: PathRoots,
  answers: Record<string, unknown>,
): Changed | null {
  const present = roots[on];
  if (!changes || !present) return null;
  const given = changes.asks.flatMap(name => {
    const answer = answers[name];
    return answer === undefined || answer === null ? [] : [[name, answer] as const];
  });
  const extended = Object.entries(changes.extends).flatMap(([name, { by, when }]) => {
    const list = present[name];
    return answers[when] === true ? [[name, [...(Array.isArray(list) ? list : []), readPath(roots, by)]] as const] : [];
  });
  const wanted = { ...present, ...Object.fromEntries([...given, ...extended]) };
  const next: Record<string, unknown> = on === 'environment' ? tidyNames(wanted) : wanted;
  const names = Object.keys(next).filter(name => !equalData(present[name] ?? null, next[name] ?? null));
  const pick = (from: Record<string, unknown>) => Object.fromEntries(names.map(name => [name, from[name] ?? null]));
  return { before: pick(present), after: pick(next) };
}

/** What the steps see. */
export function withChanged(roots: PathRoots, on: EntityKind, changed: Changed | null): PathRoots {
  const present = roots[on];
  if (!changed || !present) return roots;
  const next = { ...present, ...changed.after };
  const derived = on === 'environment' ? { web_names: webNames(next) } : {};
  return { ...roots, [on]: { ...next, ...derived } as PathRoot };
}
