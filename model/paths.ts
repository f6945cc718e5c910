// Value paths: `environment.release.project.name`, `server.facts.system`, `project.fields.contact`. What a path may name is
// known from the table of entities (for the catalogue), its value from the roots of a run (for the plan).

import { type EntityKind, entities, entityKinds } from './entities.ts';
import type { FieldSpec } from './fields.ts';
import { suggestName } from './near-name.ts';

/** Environments beside the subject: where data come from, and the one that an Operation adds. */
export const relatedRoots = ['source', 'target'] as const;
export type RelatedRoot = (typeof relatedRoots)[number];
export type RootName = EntityKind | RelatedRoot;

/** `presence` is the row that says where a Release lies on a Server; `application` what the Application type says of itself. */
export const pathRoots = [...entityKinds, ...relatedRoots, 'presence', 'application'] as const;

/** What an entity belongs to without naming it itself: the way there. */
const shortcuts: Partial<Record<EntityKind, Record<string, string>>> = {
  environment: {
    server: 'web_server',
    project: 'release.project',
    organisation: 'release.project.organisation',
  },
  release: { organisation: 'project.organisation' },
  server: { organisation: 'cluster.organisation' },
};

const presenceFields: FieldSpec[] = [{ name: 'path', type: 'str', label: 'Folder', format: 'absolute_path' }];

export type PathType = { spec: FieldSpec; custom: boolean } | { problem: string };

/** The shape of what a path names. A custom field may be anything, as its definition is a row. */
export function resolvePathType(path: string): PathType {
  const [root = '', ...names] = path.split('.');
  if (root === 'presence') return resolvePresence(path, names);
  if (root === 'application') return resolveApplication(path, names);
  const kind = kindOfRoot(root);
  if (!kind) {
    return {
      problem: `"${path}" begins with "${root}", which is no root.${suggestName(root, pathRoots)} Roots: ${pathRoots.join(', ')}.`,
    };
  }
  return resolveInEntity(path, kind, names);
}

function resolvePresence(path: string, names: string[]): PathType {
  const spec = names.length === 1 ? presenceFields.find(field => field.name === names[0]) : undefined;
  return spec ? { spec, custom: false } : { problem: `"${path}" does not exist: a presence has only "presence.path".` };
}

/** Application types say what they like under `values:`, so it may be anything. */
function resolveApplication(path: string, names: string[]): PathType {
  const [name] = names;
  if (names.length !== 1 || !name) return { problem: `"${path}" must name one value: application.<name>.` };
  return { spec: { name, type: 'raw' }, custom: true };
}

function resolveInEntity(path: string, kind: EntityKind, names: string[]): PathType {
  const [name, ...rest] = names;
  if (name === undefined) return { spec: { name: kind, type: 'reference', to: kind }, custom: false };
  if (name === 'fields') return resolveCustom(path, rest);
  const spec = fieldOf(kind, name);
  if (!spec) return { problem: unknownField(path, kind, name) };
  if (spec.type === 'reference' && spec.to && rest.length > 0) return resolveInEntity(path, spec.to, rest);
  if (rest.length === 0) return { spec, custom: false };
  if (spec.type !== 'dict')
    return { problem: `"${path}" goes on behind "${name}", which is a single value (${spec.type}).` };
  return { spec: { name: rest.at(-1) ?? name, type: 'raw' }, custom: false };
}

function resolveCustom(path: string, names: string[]): PathType {
  const [name] = names;
  if (names.length !== 1 || !name) return { problem: `"${path}" must name one custom field: <kind>.fields.<name>.` };
  return { spec: { name, type: 'raw' }, custom: true };
}

function fieldOf(kind: EntityKind, name: string): FieldSpec | undefined {
  const { fields, resultFields, derivedFields = [], states } = entities[kind];
  if (name === 'id') return { name: 'id', type: 'str' };
  if (name === 'state') return { name: 'state', type: 'str', choices: [...states] };
  const own = [...fields, ...resultFields, ...derivedFields].find(field => field.name === name);
  if (own) return own;
  const way = shortcutOf(kind, name);
  const type = way === undefined ? undefined : resolvePathType(`${kind}.${way}`);
  return type && 'spec' in type ? type.spec : undefined;
}

function unknownField(path: string, kind: EntityKind, name: string): string {
  const { fields, resultFields, derivedFields = [] } = entities[kind];
  const known = [
    'id',
    'state',
    'fields',
    ...[...fields, ...resultFields, ...derivedFields].map(field => field.name),
    ...Object.keys(shortcuts[kind] ?? {}),
  ];
  return `"${path}" does not exist: ${kind} has no "${name}".${suggestName(name, known)} Known: ${known.join(', ')}.`;
}

/**
 * The value at a path, undefined where there is none. `roots` are plain nested objects: fields by name, references as the
 * objects that they name, custom fields in `fields`.
 */
export function readPath(roots: Readonly<Record<string, unknown>>, path: string): unknown {
  const [root = '', ...names] = path.split('.');
  let kind = kindOfRoot(root);
  let value = ownValue(roots, root);
  for (const name of names) {
    const direct = ownValue(value, name);
    const way = direct === undefined && kind ? shortcutOf(kind, name) : undefined;
    value = way === undefined || !isObject(value) || !kind ? direct : readPath({ [kind]: value }, `${kind}.${way}`);
    kind = kind && fieldOf(kind, name)?.to;
  }
  return value;
}

/** Only what the object itself has: a path never reaches `constructor` or `__proto__`. */
function ownValue(object: unknown, name: string): unknown {
  return isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

function shortcutOf(kind: EntityKind, name: string): string | undefined {
  const ways = shortcuts[kind];
  return ways && Object.hasOwn(ways, name) ? ways[name] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isEntityKind(value: unknown): value is EntityKind {
  return entityKinds.some(kind => kind === value);
}

export function isRelatedRoot(value: unknown): value is RelatedRoot {
  return relatedRoots.some(root => root === value);
}

export function isRootName(value: unknown): value is RootName {
  return isEntityKind(value) || isRelatedRoot(value);
}

/** Of which kind is what stands there. */
export function kindOfRoot(root: string): EntityKind | undefined {
  if (isEntityKind(root)) return root;
  return isRelatedRoot(root) ? 'environment' : undefined;
}
