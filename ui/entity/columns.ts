// Which fields of a kind a list shows, and by which it can be narrowed. Made from the definitions alone.

import type { FieldSpec } from '../../model/fields.ts';
import type { FullDefinition } from '../app/session.tsx';

export interface Column {
  spec: FieldSpec;
  isCustom: boolean;
}

// With the name, the state and a time these fill a wide screen without scrolling sideways.
const builtInColumns = 4;
const customColumns = 3;

export function listColumns(definition: FullDefinition): Column[] {
  const shown = definition.fields.filter(spec => spec.name !== definition.nameField && isShort(spec));
  const byWeight = [...shown].sort((a, b) => weight(b) - weight(a)).slice(0, builtInColumns);
  const builtIn = shown.filter(spec => byWeight.includes(spec)).map(spec => ({ spec, isCustom: false }));
  const custom = definition.customFields.filter(isShort).slice(0, customColumns);
  return [...builtIn, ...custom.map(spec => ({ spec, isCustom: true }))];
}

function isShort(spec: FieldSpec): boolean {
  return !spec.secret && spec.format !== 'text' && spec.type !== 'list' && spec.type !== 'dict' && !isBecome(spec);
}

/** Yes or no alone says little in a list. */
function isBecome(spec: FieldSpec): boolean {
  return spec.type === 'bool' && !spec.required;
}

function weight(spec: FieldSpec): number {
  return (
    (spec.to ? 4 : 0) + (spec.required ? 2 : 0) + (spec.format === 'host_name' || spec.format === 'address' ? 1 : 0)
  );
}

/** Fields with few known values narrow a list by a select; `param` is their name in the address and in the API. */
export function listFilters(definition: FullDefinition): { spec: FieldSpec; param: string }[] {
  const isFilter = (spec: FieldSpec) => spec.type !== 'list' && !spec.secret && (spec.choices?.length ?? 0) > 1;
  return [
    ...definition.fields.filter(isFilter).map(spec => ({ spec, param: spec.name })),
    ...definition.customFields.filter(isFilter).map(spec => ({ spec, param: `fields.${spec.name}` })),
  ];
}
