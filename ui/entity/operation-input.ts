// What a Schedule or a Rollout gives to its Operation: a dict, asked as the Operation asks it.

import type { FieldSpec } from '../../model/fields.ts';
import type { FormGroup } from '../../model/form.ts';
import { type Draft, type Drafts, draftsFor } from '../form/drafts.ts';

const inputField = 'input';

/** The dict has the Operation's fields as options; without any it is not shown. */
export function withOperationFields(specs: FieldSpec[], groups: FormGroup[] | undefined): FieldSpec[] {
  const options = groups?.flatMap(({ fields }) => fields).filter(({ secret }) => !secret) ?? [];
  return specs.flatMap(spec => {
    if (spec.name !== inputField) return [spec];
    return options.length > 0 ? [{ ...spec, help: '', options }] : [];
  });
}

/** What was typed stays where the field is still asked. */
export function inputDraft(specs: FieldSpec[], draft: Draft | undefined): Draft {
  const options = specs.find(({ name }) => name === inputField)?.options;
  if (!options) return draft ?? '';
  const known = asDrafts(draft);
  const values = typeof draft === 'string' ? parseText(draft) : {};
  return { ...draftsFor(options, values), ...known };
}

function asDrafts(draft: Draft | undefined): Drafts {
  const isNamed = typeof draft === 'object' && !Array.isArray(draft) && !('secret' in draft);
  return isNamed ? (draft as Drafts) : {};
}

function parseText(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
