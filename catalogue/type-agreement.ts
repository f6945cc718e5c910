// Whether a value of one shape may be given to another: paths to arguments, outputs to arguments and to entity fields.

import { type EntityKind, entities } from '../model/entities.ts';
import type { FieldSpec, FieldType } from '../model/fields.ts';
import { suggestName } from '../model/near-name.ts';
import { isEntityKind, resolvePathType } from '../model/paths.ts';

type Shape = Pick<FieldSpec, 'type'> & Partial<Pick<FieldSpec, 'elements' | 'to'>>;

/** Types whose values another type takes without asking, beside its own. */
const takes: Partial<Record<FieldType, FieldType[]>> = {
  str: ['path', 'int', 'float', 'json', 'jsonarg', 'bytes', 'bits', 'reference'],
  path: ['str'],
  float: ['int', 'bytes', 'bits'],
  int: ['bytes', 'bits'],
  bytes: ['int', 'str'],
  bits: ['int', 'str'],
  json: ['str', 'dict', 'list', 'jsonarg'],
  jsonarg: ['str', 'dict', 'list', 'json'],
  // A text that a Task reports may be an id.
  reference: ['str'],
};

/** Null, or a sentence. */
export function checkAgreement(from: Shape, to: Shape): string | null {
  if (from.type === 'raw' || to.type === 'raw') return null;
  if (from.type !== to.type && !takes[to.type]?.includes(from.type)) {
    return `gives a ${describe(from)}, but a ${describe(to)} is needed.`;
  }
  if (from.to && to.to && from.to !== to.to) return `names a ${from.to}, but a ${to.to} is needed.`;
  if (from.type === 'list' && from.elements && to.elements)
    return checkAgreement({ type: from.elements }, { type: to.elements });
  return null;
}

function describe({ type, elements, to }: Shape): string {
  if (type === 'list' && elements) return `list of ${elements}`;
  return to ? `reference to a ${to}` : type;
}

/** A path that an argument takes its value from. */
export function checkSource(path: string, argument: FieldSpec): string | null {
  if (path.split('.')[0] === 'presence')
    return 'a presence can be set, not read: bind the output of the Task that sets it.';
  const found = resolvePathType(path);
  if ('problem' in found) return found.problem;
  if (found.spec.secret && !argument.secret) return `"${path}" is a secret: the argument needs "no_log: true".`;
  const problem = checkAgreement(found.spec, argument);
  return problem && `"${path}" ${problem}`;
}

/** The entity field that an output sets: results, custom fields, and those of people that say so. */
export function checkTarget(path: string, type: FieldType): string | null {
  const [root = '', name = '', ...rest] = path.split('.');
  const found = resolvePathType(path);
  if ('problem' in found) return found.problem;
  if (root !== 'presence' && !found.custom) {
    const settable = isEntityKind(root) ? settableFields(root) : [];
    if (rest.length > 0 || !settable.includes(name)) {
      const list = [...settable, 'fields.<custom>'].map(field => `${root}.${field}`).join(', ');
      return `"${path}" cannot be set by an output.${suggestName(name, settable)} Outputs of a ${root} set ${list}.`;
    }
  } else if (found.custom && rest.length > 1) {
    return `"${path}" goes through another entity: begin it with that kind itself.`;
  }
  // An argument takes a number for a text; a column keeps what it is given.
  const isNumber = ['int', 'float', 'bytes', 'bits'].includes(type) && found.spec.type === 'str';
  const problem = isNumber ? `gives a ${type}, but a str is needed.` : checkAgreement({ type }, found.spec);
  return problem && `"${path}": the output ${problem}`;
}

const settableFields = (kind: EntityKind): string[] => [
  ...entities[kind].resultFields.map(field => field.name),
  ...(entities[kind].setByTasks ?? []),
];
