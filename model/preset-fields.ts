// Fields of an Operation type that the subject fills: what stands there when nobody answers, and what may be chosen.

import { isDict } from './coerce.ts';
import { entities } from './entities.ts';
import type { FieldSpec } from './fields.ts';
import type { OperationField, OperationType } from './operation-type.ts';
import { readPath } from './paths.ts';
import type { PathRoot, PathRoots } from './step-values.ts';

/** An id, or a plain value. Nothing where the path leads nowhere, or to what nobody may take any more. */
function presetOf({ from, except }: OperationField, roots: PathRoots): unknown {
  const value = from === undefined ? undefined : readPath(roots, from);
  if (value === null || value === undefined) return undefined;
  const id = idOf(value);
  if (isEntity(value) && (value.state === 'deleted' || value.locked === true)) return undefined;
  return except !== undefined && id === idOf(readPath(roots, except)) ? undefined : id;
}

const isEntity = (value: unknown): value is PathRoot => isDict(value) && 'id' in value && 'state' in value;

export function idOf(value: unknown): unknown {
  return isEntity(value) ? value.id : value;
}

/** The type with the values of the subject as defaults, and with ids in the place of paths. */
export function withPresets(type: OperationType, roots: PathRoots): OperationType {
  return { ...type, fields: type.fields.map(field => withPreset(field, roots)) };
}

function withPreset(field: OperationField, roots: PathRoots): OperationField {
  const preset = presetOf(field, roots);
  const { among, except, ...own } = field;
  return {
    ...own,
    ...(preset === undefined ? {} : { default: preset }),
    ...(among
      ? { among: Object.fromEntries(Object.entries(among).map(([name, path]) => [name, idAt(roots, path)])) }
      : {}),
    ...(except ? { except: idAt(roots, except) } : {}),
  };
}

const idAt = (roots: PathRoots, path: string) => String(idOf(readPath(roots, path)) ?? '');

/** Fields that people see, as the form knows them. */
export function askedOf(fields: OperationField[]): FieldSpec[] {
  return fields.flatMap(({ from: _from, ask, missing: _missing, ...field }) => (ask === false ? [] : [field]));
}

/** '' = everything that is not asked has a value. */
export function missingPreset({ fields }: OperationType, roots: PathRoots): string {
  const open = fields.find(
    field => field.ask === false && field.default === undefined && presetOf(field, roots) === undefined,
  );
  return open ? (open.missing ?? `${open.label ?? open.name} is not known yet.`) : '';
}

/** Why a choice does not fit; '' = it does. @param field of `withPresets`. @param chosen what it names. */
export function unfit(field: OperationField, chosen: { id: string; values: Record<string, unknown> }): string {
  if (!field.to) return '';
  const { title, fields } = entities[field.to];
  const named = `The ${title} ${String(chosen.values.name)}`;
  if (field.except === chosen.id) return `${named} is the present one: there is nothing to do.`;
  const other = Object.entries(field.among ?? {}).find(([name, id]) => chosen.values[name] !== id);
  if (!other) return '';
  const { label = other[0] } = fields.find(({ name }) => name === other[0]) ?? {};
  return `${named} is of another ${label}.`;
}
