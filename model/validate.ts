// Checks an input against field specs: the whole of Ansible's argument_specs, for forms, API, CLI, custom fields and Tasks
// alike. Lists every mistake with its path, never throws on odd input. Conversions are in coerce.ts, formats in names.ts.

import { coerce, equalData, isDict } from './coerce.ts';
import type { Problem } from './errors.ts';
import { checkRules } from './field-rules.ts';
import { type FieldRules, type FieldSpec, isSecretReference } from './fields.ts';
import { checkFormat } from './names.ts';
import { suggestName } from './near-name.ts';

export interface ValidateOptions {
  rules?: FieldRules;
  /** Only some of the fields are given (an edit): nothing is required, no default applied; null empties a field. */
  partial?: boolean;
  /** Put before the path of each problem. */
  path?: string;
}

export interface Validated {
  /** Converted values by field name (never by alias). Fields without a value are absent; in an edit, null empties. */
  values: Record<string, unknown>;
  problems: Problem[];
}

export function validateFields(
  specs: FieldSpec[],
  input: Record<string, unknown>,
  options: ValidateOptions = {},
): Validated {
  const path = options.path ?? '';
  if (!isDict(input)) return { values: {}, problems: [{ path, message: 'must be a set of fields (an object).' }] };
  const problems: Problem[] = unknownFields(specs, input, path);
  const given = new Map<string, unknown>();
  const values = new Map<string, unknown>();
  for (const spec of specs) {
    const fieldPath = joinPath(path, spec.name);
    const raw = readField(spec, input, fieldPath, problems);
    if (raw !== undefined && raw !== null) given.set(spec.name, raw);
    const value = validateField(spec, raw, { path: fieldPath, problems, partial: options.partial ?? false });
    if (value !== undefined) values.set(spec.name, value);
  }
  checkRules(options.rules ?? {}, { given, values, path, problems, partial: options.partial ?? false });
  // fromEntries defines own properties, also for a field called __proto__.
  return { values: Object.fromEntries(values), problems };
}

interface Place {
  path: string;
  problems: Problem[];
  partial: boolean;
}

function unknownFields(specs: FieldSpec[], input: Record<string, unknown>, path: string): Problem[] {
  const names = specs.map(spec => spec.name);
  const known = new Set(specs.flatMap(spec => [spec.name, ...(spec.aliases ?? [])]));
  const list = names.length > 0 ? `Known: ${names.join(', ')}.` : 'There are none.';
  return Object.keys(input)
    .filter(key => !known.has(key))
    .map(key => ({
      path: joinPath(path, key),
      message: `"${key.slice(0, 100)}" is not a field${path ? ` of ${path}` : ''}.${suggestName(key, known)} ${list}`,
    }));
}

function readField(spec: FieldSpec, input: Record<string, unknown>, path: string, problems: Problem[]): unknown {
  const present = [spec.name, ...(spec.aliases ?? [])].filter(name => Object.hasOwn(input, name));
  if (present.length > 1)
    problems.push({ path, message: `is given more than once, as ${present.join(' and ')}: keep one.` });
  const [first] = present;
  return first === undefined ? undefined : emptyAsNull(spec, input[first]);
}

/** A form sends '' for a field that was left empty: for most types that means no value. */
function emptyAsNull(spec: FieldSpec, value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() !== '') return value;
  if (spec.type === 'list') return value;
  const keepsEmpty = (spec.type === 'str' || spec.type === 'path' || spec.type === 'raw') && !spec.required;
  return keepsEmpty && !spec.format && !spec.secret && !spec.choices ? value : null;
}

function validateField(spec: FieldSpec, raw: unknown, place: Place): unknown {
  if (raw !== undefined && raw !== null) return validateValue(spec, raw, place);
  const hasDefault = spec.default !== undefined && spec.default !== null;
  if (!place.partial && hasDefault) return validateValue(spec, spec.default, place);
  if (spec.required && (raw === null || !place.partial)) {
    place.problems.push({
      path: place.path,
      message: place.partial ? 'is required and cannot be emptied.' : 'is required.',
    });
    return undefined;
  }
  return place.partial ? raw : undefined;
}

/** The converted value, undefined after a mistake. */
function validateValue(spec: FieldSpec, raw: unknown, place: Place): unknown {
  if (spec.secret && isSecretReference(raw)) return checkSecretReference(raw, place);
  const result = coerce(spec.type, raw);
  if ('problem' in result) {
    place.problems.push({ path: place.path, message: result.problem });
    return undefined;
  }
  const before = place.problems.length;
  const value = validateInside(spec, result.value, place);
  if (place.problems.length > before) return undefined;
  return checkValue(spec, value, place) ? value : undefined;
}

function checkSecretReference(raw: { $secret: string }, place: Place): unknown {
  if (raw.$secret !== '' && raw.$secret.length <= 100 && Object.keys(raw).length === 1) return { $secret: raw.$secret };
  place.problems.push({ path: place.path, message: 'is not a reference to a secret.' });
  return undefined;
}

function validateInside(spec: FieldSpec, value: unknown, place: Place): unknown {
  if (spec.type === 'dict' && isDict(value)) return validateOptions(spec, value, place);
  if (spec.type !== 'list' || !Array.isArray(value)) return value;
  const element = elementSpec(spec);
  if (!element) return value;
  return value.map((item, index) =>
    validateValue(element, item, { ...place, path: joinPath(place.path, String(index)) }),
  );
}

function validateOptions(spec: FieldSpec, value: Record<string, unknown>, place: Place): unknown {
  if (!spec.options) return value;
  const { path, problems } = place;
  const nested = validateFields(spec.options, value, { path, ...(spec.rules ? { rules: spec.rules } : {}) });
  problems.push(...nested.problems);
  return nested.values;
}

/** Choices and formats of a list are those of its elements, as in Ansible. */
function elementSpec(list: FieldSpec): FieldSpec | undefined {
  const type = list.elements ?? (list.options ? 'dict' : undefined);
  const { name, choices, format, options, rules, to, secret } = list;
  if (!type && !choices && !format) return undefined;
  return {
    name,
    type: type ?? (format ? 'str' : 'raw'),
    ...(choices && { choices }),
    ...(format && { format }),
    ...(options && { options }),
    ...(rules && { rules }),
    ...(to && { to }),
    ...(secret && { secret }),
  };
}

function checkValue(spec: FieldSpec, value: unknown, place: Place): boolean {
  if (spec.type === 'list') return true;
  if (spec.choices && !spec.choices.some(choice => isChoice(spec, choice, value))) {
    place.problems.push({ path: place.path, message: `must be one of ${spec.choices.map(String).join(', ')}.` });
    return false;
  }
  // A default is right by itself: '' may be that of an address which need not be there.
  const isChecked = typeof value === 'string' && value !== spec.default;
  const problem = spec.format && isChecked ? checkFormat(spec.format, value) : null;
  if (problem) place.problems.push({ path: place.path, message: problem });
  return problem === null;
}

/** Choices are written in YAML and may lack the type: `1` for a text. */
function isChoice(spec: FieldSpec, choice: unknown, value: unknown): boolean {
  if (equalData(choice, value)) return true;
  const converted = coerce(spec.type, choice);
  return 'value' in converted && equalData(converted.value, value);
}

export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
