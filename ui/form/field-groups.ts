// Fields under their headings: those without one first, then each heading where its first field stands.

import type { FieldSpec } from '../../model/fields.ts';

export interface FieldGroup {
  title: string;
  specs: FieldSpec[];
}

export function groupFields(specs: FieldSpec[], firstTitle: string): FieldGroup[] {
  const titles = new Set([firstTitle, ...specs.flatMap(spec => spec.group ?? [])]);
  return [...titles]
    .map(title => ({ title, specs: specs.filter(spec => (spec.group ?? firstTitle) === title) }))
    .filter(group => group.specs.length > 0);
}
