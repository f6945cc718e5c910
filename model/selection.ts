// Which entities something is about: of a Schedule the ones it runs on. Each field narrows; none at all is every one there is.

import type { EntityKind } from './entities.ts';
import type { FieldSpec } from './fields.ts';

/** Kinds of subject that can be selected. */
export const selectableKinds = ['environment', 'server', 'cluster', 'project', 'release'] as const;
export type SelectableKind = (typeof selectableKinds)[number];

export function isSelectable(kind: EntityKind): kind is SelectableKind {
  return (selectableKinds as readonly string[]).includes(kind);
}

type Narrowing = keyof Selection;

const group = 'On what';
const one = (to: EntityKind & Narrowing, label: string, help?: string): FieldSpec => {
  return { name: to, group, type: 'reference', to, label, ...(help ? { help } : {}) };
};

export const selectionFields: FieldSpec[] = [
  one('project', 'Project', 'These fields narrow what it runs on. All empty: everything that there is of the kind.'),
  one('release', 'Release'),
  one('cluster', 'Cluster'),
  one('server', 'Server'),
  {
    name: 'environment_kind',
    group,
    type: 'str',
    label: 'Kind of Environment',
    choices: ['production', 'staging', 'development'],
  },
  one('environment', 'Environment'),
  {
    name: 'where',
    group,
    type: 'list',
    elements: 'str',
    label: 'Further fields',
    default: [],
    help: 'Each as name=value or name!=value, of custom fields as fields.name=value. All must hold.',
  },
];

/** Ids of references, as the entity has them. */
export interface Selection {
  environment?: string | null;
  environment_kind?: string | null;
  project?: string | null;
  release?: string | null;
  cluster?: string | null;
  server?: string | null;
  where?: string[] | null;
}

export interface Condition {
  /** Field of the subject. */
  field: string;
  isCustom: boolean;
  /** It must not be that. */
  isNot: boolean;
  value: string;
}

/** What cannot be read is left out: it is a problem of check-selection.ts. */
export function parseConditions(where: string[]): Condition[] {
  return where.flatMap(text => {
    const form = /^\s*(fields\.)?([a-z][a-z0-9_]*)\s*(!?=)\s*(.*?)\s*$/;
    const [, custom, field = '', sign, value = ''] = form.exec(text) ?? [];
    return field ? [{ field, isCustom: custom !== undefined, isNot: sign === '!=', value }] : [];
  });
}
