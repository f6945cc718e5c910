// What a person has typed, before it is a value: each field's draft, and the way there and back. The real check is the API's;
// here only what cannot be sent at all is refused.

import type { Problem } from '../../model/errors.ts';
import { type FieldSpec, isSecretReference } from '../../model/fields.ts';

/** Text of inputs, on/off of checkboxes, drafts of elements and of named options. */
export type Draft = string | boolean | Draft[] | { [name: string]: Draft } | SecretDraft;

/** `keep` sends nothing, `replace` sends the text, `remove` sends null. */
export interface SecretDraft {
  secret: 'keep' | 'replace' | 'remove';
  isSet: boolean;
  text: string;
}

export type Drafts = Record<string, Draft>;

export function isSecretDraft(draft: Draft | undefined): draft is SecretDraft {
  return typeof draft === 'object' && draft !== null && !Array.isArray(draft) && 'secret' in draft && 'isSet' in draft;
}

/** Drafts for a form: the value there is, else the default. */
export function draftsFor(specs: FieldSpec[], values: Record<string, unknown>): Drafts {
  return Object.fromEntries(specs.map(spec => [spec.name, draftOf(spec, values[spec.name] ?? spec.default)]));
}

export function draftOf(spec: FieldSpec, value: unknown): Draft {
  if (spec.secret)
    return { secret: isSecretReference(value) ? 'keep' : 'replace', isSet: isSecretReference(value), text: '' };
  if (spec.choices && spec.type !== 'list') return value === undefined || value === null ? '' : choiceKey(value);
  if (spec.type === 'bool') return value === true;
  if (spec.type === 'list') return Array.isArray(value) ? value.map(one => draftOf(elementSpec(spec), one)) : [];
  if (spec.type === 'dict' && spec.options) return draftsFor(spec.options, asRecord(value));
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

/** How an element of a list is asked: like a field of its own. */
export function elementSpec(spec: FieldSpec): FieldSpec {
  const { name, format, options, to, choices } = spec;
  return {
    name,
    type: spec.elements ?? 'str',
    ...(format ? { format } : {}),
    ...(options ? { options } : {}),
    ...(to ? { to } : {}),
    ...(choices ? { choices } : {}),
  };
}

/** Choices need not be texts; as values of a select they are. */
export function choiceKey(choice: unknown): string {
  return typeof choice === 'string' ? choice : JSON.stringify(choice);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export interface Parsed {
  values: Record<string, unknown>;
  problems: Problem[];
}

/**
 * Values to send. `before` are those that the form began with: what is empty and was empty is left out,
 * what has been emptied is sent as null.
 */
export function parseDrafts(
  specs: FieldSpec[],
  drafts: Drafts,
  before: Record<string, unknown> = {},
  prefix = '',
): Parsed {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const spec of specs) {
    const path = prefix + spec.name;
    const value = parseDraft(spec, drafts[spec.name] ?? '', path, problems);
    const had = before[spec.name] ?? spec.default;
    if (value !== undefined) values[spec.name] = value;
    else if (had !== undefined && had !== null && !isUntouchedSecret(drafts[spec.name])) values[spec.name] = null;
    if (spec.required && isMissing(value, drafts[spec.name])) problems.push({ path, message: 'This is needed.' });
  }
  return { values, problems: oncePerPath(problems) };
}

/** What differs from before: two people who edit different fields do not undo each other's changes. */
export function onlyChanges(values: Record<string, unknown>, before: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
  );
}

function isMissing(value: unknown, draft: Draft | undefined): boolean {
  if (isSecretDraft(draft) && draft.secret === 'keep') return false;
  return value === undefined || value === null;
}

function isUntouchedSecret(draft: Draft | undefined): boolean {
  return isSecretDraft(draft) && (draft.secret === 'keep' || (draft.secret === 'replace' && draft.text === ''));
}

function oncePerPath(problems: Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(problem => !seen.has(problem.path) && seen.add(problem.path));
}

/** Undefined = nothing was entered. */
function parseDraft(spec: FieldSpec, draft: Draft, path: string, problems: Problem[]): unknown {
  if (isSecretDraft(draft)) return parseSecret(draft);
  if (typeof draft === 'boolean') return draft;
  if (Array.isArray(draft)) return parseList(spec, draft, path, problems);
  if (typeof draft === 'object') return parseOptions(spec, draft, path, problems);
  return parseText(spec, draft, path, problems);
}

function parseSecret(draft: SecretDraft): unknown {
  if (draft.secret === 'remove') return null;
  return draft.secret === 'replace' && draft.text !== '' ? draft.text : undefined;
}

function parseList(spec: FieldSpec, drafts: Draft[], path: string, problems: Problem[]): unknown[] {
  return drafts
    .map((draft, index) => parseDraft(elementSpec(spec), draft, `${path}.${index}`, problems))
    .filter(value => value !== undefined);
}

function parseOptions(spec: FieldSpec, drafts: Drafts, path: string, problems: Problem[]): unknown {
  const parsed = parseDrafts(spec.options ?? [], drafts, {}, `${path}.`);
  problems.push(...parsed.problems);
  return parsed.values;
}

function parseText(spec: FieldSpec, text: string, path: string, problems: Problem[]): unknown {
  if (spec.choices) return spec.choices.find(choice => choiceKey(choice) === text);
  const isLongText = spec.format === 'text' && spec.type === 'str';
  const trimmed = isLongText ? text : text.trim();
  if (trimmed.trim() === '') return undefined;
  if (spec.type === 'int' || spec.type === 'float') return parseNumber(spec, trimmed, path, problems);
  if (spec.type === 'dict') return parseJson(trimmed, path, problems);
  if (spec.type === 'raw') return jsonOrText(trimmed);
  return trimmed;
}

function parseNumber(spec: FieldSpec, text: string, path: string, problems: Problem[]): number | undefined {
  const value = Number(text.replace(',', '.'));
  if (Number.isFinite(value) && (spec.type === 'float' || Number.isInteger(value))) return value;
  problems.push({ path, message: spec.type === 'int' ? 'A whole number is needed.' : 'A number is needed.' });
  return undefined;
}

function parseJson(text: string, path: string, problems: Problem[]): unknown {
  const value = jsonOrText(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  problems.push({ path, message: 'A JSON object is needed, such as {"key": "value"}.' });
  return undefined;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
