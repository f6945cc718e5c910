// Which fields of a kind a list shows, and by which it can be narrowed. Made from the definitions alone.

import type { FieldSpec } from '../../model/fields.ts';
import type { FullDefinition } from '../app/session.tsx';

export interface Column {
  spec: FieldSpec;
  isCustom: boolean;
}

const customColumns = 3;

export function listColumns(definition: FullDefinition): Column[] {
  const builtIn = [...definition.fields, ...definition.resultFields].filter(spec =>
    definition.listed.includes(spec.name),
  );
  const custom = definition.customFields.filter(isShort).slice(0, customColumns);
  return [...builtIn.map(spec => ({ spec, isCustom: false })), ...custom.map(spec => ({ spec, isCustom: true }))];
}

function isShort(spec: FieldSpec): boolean {
  return !spec.secret && spec.format !== 'text' && !['list', 'dict', 'bool'].includes(spec.type);
}

/** Fields with few known values narrow a list by a select; `param` is their name in the address and in the API. */
export function listFilters(definition: FullDefinition): { spec: FieldSpec; param: string }[] {
  const isFilter = (spec: FieldSpec) => spec.type !== 'list' && !spec.secret && (spec.choices?.length ?? 0) > 1;
  return [
    ...definition.fields.filter(spec => isFilter(spec) && !spec.group).map(spec => ({ spec, param: spec.name })),
    ...definition.customFields.filter(isFilter).map(spec => ({ spec, param: `fields.${spec.name}` })),
  ];
}
