// Fields of an Operation type: an argument, and what the subject says of it.

import { isDict } from '../model/coerce.ts';
import { type EntityKind, entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { FieldSpec } from '../model/fields.ts';
import type { OperationField } from '../model/operation-type.ts';
import { definedOnly } from './defined-only.ts';
import { fieldKeys } from './formats.ts';
import { readArguments } from './read-arguments.ts';
import { checkSource } from './type-agreement.ts';

export function readFields(on: EntityKind | undefined, raw: unknown, mistakes: Problem[]): OperationField[] {
  const specs = readArguments(raw, { path: 'fields', keys: fieldKeys, problems: mistakes });
  return specs.map(spec => {
    const given = isDict(raw) && isDict(raw[spec.name]) ? raw[spec.name] : {};
    const { from, ask, missing, among, except } = given as Partial<OperationField>;
    const field = definedOnly<OperationField>({ ...spec, from, ask, missing, among, except });
    if (on) checkField(field, on, mistakes);
    return field;
  });
}

function checkField(field: OperationField, on: EntityKind, mistakes: Problem[]): void {
  const { from, ask, missing, among, except, to } = field;
  const report = (key: string, message: string) => mistakes.push({ path: `fields.${field.name}.${key}`, message });
  const checkPath = (key: string, path: unknown, target: FieldSpec) => {
    const isOwn = typeof path === 'string' && path.split('.')[0] === on;
    const wrong = isOwn ? checkSource(path, target) : `must be a path of the subject: ${on}.<field>.`;
    if (wrong) report(key, wrong);
  };
  if (from !== undefined) checkPath('from', from, field);
  // One with a default is given by an outer Operation, or stays as it is.
  if (ask === false && from === undefined && field.default === undefined)
    report('ask', 'is false, so it needs "from" or "default".');
  if (missing !== undefined && ask !== false) report('missing', 'has a meaning only beside "ask: false".');
  if (!to && (among ?? except) !== undefined) report(among ? 'among' : 'except', 'belongs to the type reference.');
  if (except !== undefined) checkPath('except', except, field);
  for (const [name, path] of Object.entries(to ? (among ?? {}) : {})) {
    const target = to && entities[to].fields.find(each => each.name === name);
    if (target) checkPath(`among.${name}`, path, target);
    else report(`among.${name}`, `"${name}" is no field of a ${to}.`);
  }
}
