// Reads `changes:` of an Operation type: the fields of its subject that become others.

import { type EntityKind, entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { ChangedFields, OperationField } from '../model/operation-type.ts';
import { resolvePathType } from '../model/paths.ts';
import { validateFields } from '../model/validate.ts';
import { extensionKeys } from './formats.ts';

interface Place {
  on: EntityKind | undefined;
  fields: OperationField[];
  mistakes: Problem[];
}

export function readChanges(raw: unknown, { on, fields, mistakes }: Place): ChangedFields | undefined {
  if (!raw) return undefined;
  const { asks = [], extends: lists = {} } = raw as { asks?: string[]; extends?: Record<string, unknown> };
  const known = on ? entities[on].fields : [];
  const report = (path: string, message: string) => mistakes.push({ path: `changes.${path}`, message });
  for (const [index, name] of asks.entries()) {
    const field = known.find(each => each.name === name);
    if (!field) report(`asks.${index}`, `"${name}" is no field of a ${on}.`);
    else if (field.to)
      report(`asks.${index}`, `"${name}" is a reference, which steps could not follow: give it a field.`);
    if (fields.some(each => each.name === name)) report(`asks.${index}`, `"${name}" is a field here as well.`);
  }
  const read = Object.entries(lists).map(([name, entry]) => {
    const path = `extends.${name}`;
    if (known.find(each => each.name === name)?.type !== 'list') report(path, `"${name}" is no list of a ${on}.`);
    const { values, problems } = validateFields(extensionKeys, entry as Record<string, unknown>, {
      path: `changes.${path}`,
    });
    mistakes.push(...problems);
    const { by = '', when = '' } = values as { by?: string; when?: string };
    const found = by ? resolvePathType(by) : null;
    if (found && 'problem' in found) report(`${path}.by`, found.problem);
    if (when && fields.find(each => each.name === when)?.type !== 'bool')
      report(`${path}.when`, `"${when}" is no field of the type bool here.`);
    return [name, { by, when }] as const;
  });
  return { asks, extends: Object.fromEntries(read) };
}
