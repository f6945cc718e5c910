// Turns a value as forms, the command line and YAML give it into the value of a type, by Ansible's own conversions
// (ansible.module_utils.common.validation) as far as they cannot surprise: what is ambiguous is refused with a sentence.

import type { FieldType } from './fields.ts';

export type Coerced = { value: unknown } | { problem: string };

/** A value is stored in one row, sealed into payloads and kept in a plan: 1 MiB is half of what Temporal takes in one payload. */
export const longestString = 1024 * 1024;
/** Deeper data than anybody writes by hand; it keeps the walk off the end of the stack. */
const deepest = 64;

const truths = ['y', 'yes', 'on', '1', 'true', 't', '1.0'];
const untruths = ['n', 'no', 'off', '0', 'false', 'f', '0.0'];

/** Whether there is something: an empty text stands for nothing, as a form leaves it. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

export function coerce(type: FieldType, value: unknown): Coerced {
  const problem = checkData(value);
  return problem ? { problem } : coercions[type](value);
}

const coercions: Record<FieldType, (value: unknown) => Coerced> = {
  str: coerceString,
  path: coerceString,
  int: coerceInteger,
  float: coerceFloat,
  bool: coerceBoolean,
  list: coerceList,
  dict: coerceDict,
  raw: value => ({ value }),
  json: coerceJson,
  jsonarg: coerceJson,
  bytes: value => coerceSize(value, 'byte'),
  bits: value => coerceSize(value, 'bit'),
  reference: value =>
    typeof value === 'string' && value.trim() !== '' ? { value } : { problem: 'must name an entity (its id or name).' },
};

function coerceString(value: unknown): Coerced {
  if (typeof value === 'string') return { value };
  if (typeof value === 'number') return { value: String(value) };
  // Ansible would write "True": nobody means that.
  if (typeof value === 'boolean') return { problem: `is a boolean, not a text: put it in quotes ("${value}").` };
  return { problem: `must be a text, not ${kindOf(value)}.` };
}

function coerceInteger(value: unknown): Coerced {
  const number = typeof value === 'string' && /^\s*[+-]?[0-9]+(\.0*)?\s*$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number))
    return { problem: `must be a whole number, not ${show(value)}.` };
  if (!Number.isSafeInteger(number)) return { problem: 'is too large: at most 9007199254740991.' };
  return { value: number === 0 ? 0 : number };
}

function coerceFloat(value: unknown): Coerced {
  const decimal = /^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?\s*$/i;
  const number = typeof value === 'string' && decimal.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number)
    ? { value: number }
    : { problem: `must be a number, not ${show(value)}.` };
}

function coerceBoolean(value: unknown): Coerced {
  if (typeof value === 'boolean') return { value };
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim().toLowerCase() : '';
  if (truths.includes(word)) return { value: true };
  if (untruths.includes(word)) return { value: false };
  return { problem: `must be yes or no (true or false), not ${show(value)}.` };
}

/** A text is a JSON array, or words between commas; unlike Ansible, spaces around a comma do not count. */
function coerceList(value: unknown): Coerced {
  if (Array.isArray(value)) return { value: [...value] };
  if (typeof value === 'number') return { value: [String(value)] };
  if (typeof value !== 'string') return { problem: `must be a list, not ${kindOf(value)}.` };
  if (value.trim() === '') return { value: [] };
  if (!value.trim().startsWith('[')) return { value: value.split(',').map(word => word.trim()) };
  const parsed = parseJson(value);
  return Array.isArray(parsed) ? { value: parsed } : { problem: 'begins with "[" but is not a list in JSON.' };
}

/** A text is a JSON object, or `key=value, key=value` without quotes. */
function coerceDict(value: unknown): Coerced {
  if (isDict(value)) return { value };
  if (typeof value !== 'string') return { problem: `must be a dictionary, not ${kindOf(value)}.` };
  if (value.trim().startsWith('{')) {
    const parsed = parseJson(value);
    return isDict(parsed) ? { value: parsed } : { problem: 'begins with "{" but is not an object in JSON.' };
  }
  const pairs = value.split(',').map(pair => /^\s*([^\s=]+)\s*=\s*([^'"\\]*?)\s*$/.exec(pair));
  if (!pairs.every(pair => pair !== null))
    return { problem: 'must be an object in JSON, or key=value pairs between commas.' };
  return { value: Object.fromEntries(pairs.map(pair => [pair[1], pair[2]])) };
}

/** Ansible gives such an argument to the module as JSON text, whatever came in. */
function coerceJson(value: unknown): Coerced {
  if (typeof value === 'object' && value !== null) return { value: JSON.stringify(value) };
  if (typeof value !== 'string') return { problem: `must be JSON, not ${kindOf(value)}.` };
  return parseJson(value) === undefined ? { problem: 'is not JSON.' } : { value: value.trim() };
}

/** Ansible's human_to_bytes: 10M, 1.5 GB, 2048; powers of 1024; B is byte and b is bit when it follows another letter. */
function coerceSize(value: unknown, unit: 'byte' | 'bit'): Coerced {
  const example = unit === 'byte' ? '10M or 10MB' : '10M or 10Mb';
  const wrong = { problem: `must be a size such as ${example}, not ${show(value)}.` };
  if (typeof value !== 'string' && typeof value !== 'number') return wrong;
  const parts = /^([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$/.exec(String(value).trim());
  if (!parts) return wrong;
  const factor = parts[2] === undefined ? 1 : factorOf(parts[2], unit);
  const size = factor === undefined ? Number.NaN : Math.round(Number(parts[1]) * factor);
  if (Number.isNaN(size)) return wrong;
  return Number.isSafeInteger(size) ? { value: size } : { problem: 'is too large: at most 8191T.' };
}

function factorOf(unit: string, kind: 'byte' | 'bit'): number | undefined {
  const names = ['', 'kilo', 'mega', 'giga', 'tera', 'peta'];
  const power = 'BKMGTP'.indexOf(unit.charAt(0).toUpperCase());
  if (power < 0) return undefined;
  const letter = kind === 'byte' ? 'B' : 'b';
  const short = power === 0 ? letter : unit.charAt(0).toUpperCase() + letter;
  const known = unit.length === 1 || unit === short || unit.toLowerCase() === `${names[power]}${kind}`;
  return known ? 1024 ** power : undefined;
}

/** Null when it is data that can be stored as JSON: no NUL, not too long, not too deep. */
export function checkData(value: unknown, depth = 0): string | null {
  if (depth > deepest) return `is nested deeper than ${deepest} levels.`;
  if (typeof value === 'string') return checkString(value);
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'is not a finite number.';
  if (!Array.isArray(value) && !isDict(value)) return `is ${kindOf(value)}, which is not data.`;
  for (const [key, item] of Object.entries(value)) {
    const problem = checkString(key) ?? checkData(item, depth + 1);
    if (problem) return problem;
  }
  return null;
}

function checkString(value: string): string | null {
  if (value.includes('\0')) return 'contains a NUL character: remove it.';
  return value.length > longestString ? 'is longer than 1 MiB: keep large data in a file of the repository.' : null;
}

/** An object as JSON or YAML make it: no class, no date, no function. */
export function isDict(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm (Temporal's sandbox, JSDOM) have another Object.prototype, which has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Equal as data, whatever the order of keys. */
export function equalData(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equalData(item, right[index]));
  }
  if (!isDict(left) || !isDict(right)) return Object.is(left, right) || left === right;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every(key => Object.hasOwn(right, key) && equalData(left[key], right[key]))
  );
}

function parseJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    // JSON may hide a NUL or depth behind escapes.
    return checkData(parsed) === null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return isDict(value) ? 'a dictionary' : 'an object';
  return (
    { string: 'a text', number: 'a number', boolean: 'a boolean' }[typeof value as 'string'] ?? `a ${typeof value}`
  );
}

function show(value: unknown): string {
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : kindOf(value);
  return `"${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
}
