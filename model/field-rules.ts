// Ansible's rules between the fields of one level (required_if, mutually_exclusive, ...). At role level Ansible ignores
// some of them, so they are checked here for every level.

import { equalData } from './coerce.ts';
import type { Problem } from './errors.ts';
import type { FieldRules } from './fields.ts';

export interface RuleInput {
  /** What was given, before defaults: two fields exclude each other only when a person gave both. */
  given: Map<string, unknown>;
  /** Converted values with defaults. */
  values: Map<string, unknown>;
  path: string;
  problems: Problem[];
  /** In an edit the fields that are not given have values that are not known here: only exclusions are checked. */
  partial: boolean;
}

export function checkRules(rules: FieldRules, input: RuleInput): void {
  const report = (message: string) => input.problems.push({ path: input.path, message });
  for (const fields of rules.mutually_exclusive ?? []) {
    const both = fields.filter(field => input.given.has(field));
    if (both.length > 1) report(`Only one of ${fields.join(', ')} may be given, not ${both.join(' and ')}.`);
  }
  if (input.partial) return;
  const has = (field: string) => isGiven(input, field);
  for (const fields of rules.required_one_of ?? []) {
    if (!fields.some(has)) report(`One of ${fields.join(', ')} is required.`);
  }
  for (const fields of rules.required_together ?? []) {
    const missing = fields.filter(field => !has(field));
    if (missing.length > 0 && missing.length < fields.length) {
      report(`${fields.join(', ')} are required together: ${missing.join(', ')} is missing.`);
    }
  }
  for (const [field, needed] of Object.entries(rules.required_by ?? {})) {
    const missing = has(field) ? [needed].flat().filter(name => !has(name)) : [];
    if (missing.length > 0) report(`${field} needs ${missing.join(', ')} as well.`);
  }
  checkRequiredIf(rules.required_if ?? [], input, report);
}

function checkRequiredIf(
  rules: NonNullable<FieldRules['required_if']>,
  input: RuleInput,
  report: (message: string) => void,
): void {
  for (const [field, value, needed, oneIsEnough = false] of rules) {
    if (!input.values.has(field) || !equalData(input.values.get(field), value)) continue;
    const missing = needed.filter(name => !isGiven(input, name));
    if (missing.length === 0 || (oneIsEnough && missing.length < needed.length)) continue;
    const when = `when ${field} is ${String(value)}`;
    if (oneIsEnough) report(`One of ${needed.join(', ')} is required ${when}.`);
    else
      for (const name of missing)
        input.problems.push({ path: joinPath(input.path, name), message: `is required ${when}.` });
  }
}

const joinPath = (path: string, name: string) => (path ? `${path}.${name}` : name);

/** A wrong value counts as given: its own mistake is reported already. */
function isGiven(input: RuleInput, field: string): boolean {
  const value = input.values.get(field);
  return (value !== undefined && value !== null) || input.given.has(field);
}
