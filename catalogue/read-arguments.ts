// Arguments as Ansible's argument_specs write them → field specs. Every mistake is named with its path in the file.

import { isDict } from '../model/coerce.ts';
import type { EntityKind } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { FieldFormat, FieldRules, FieldSpec, FieldType } from '../model/fields.ts';
import { suggestName } from '../model/near-name.ts';
import { joinPath, validateFields } from '../model/validate.ts';
import { definedOnly } from './defined-only.ts';
import { checkWord, reservedArguments } from './formats.ts';

interface Place {
  path: string;
  /** argumentKeys or fieldKeys. */
  keys: FieldSpec[];
  problems: Problem[];
}

export function readArguments(options: unknown, place: Place): FieldSpec[] {
  if (!isDict(options)) return [];
  const specs = Object.entries(options).flatMap(([name, raw]) =>
    readArgument(name, raw, { ...place, path: joinPath(place.path, name) }),
  );
  checkAliases(specs, place);
  return specs;
}

function readArgument(name: string, raw: unknown, place: Place): FieldSpec[] {
  const { path, problems } = place;
  const wrongName =
    checkWord(name) ?? (isReserved(name) ? 'has a meaning of its own in Ansible or Aegir: choose another name.' : null);
  if (wrongName) problems.push({ path, message: wrongName });
  if (!isDict(raw)) {
    problems.push({ path, message: 'must be a dictionary with "type" and "description".' });
    return [];
  }
  const { values, problems: mistakes } = validateFields(place.keys, raw, { path });
  problems.push(...mistakes);
  // A wrong type makes no sense of the rest; the mistake itself is reported above.
  if (typeof values.type !== 'string') return [];
  const spec = makeSpec(name, values, place);
  checkShape(spec, place);
  return [spec];
}

function isReserved(name: string): boolean {
  return reservedArguments.has(name) || name.startsWith('ansible_');
}

function makeSpec(name: string, values: Record<string, unknown>, place: Place): FieldSpec {
  const options =
    values.options === undefined
      ? undefined
      : readArguments(values.options, { ...place, path: joinPath(place.path, 'options') });
  const spec = definedOnly<FieldSpec>({
    name,
    type: values.type as FieldType,
    label: (values.label as string | undefined) ?? labelOf(name),
    help: joinText(values.description),
    required: values.required as boolean | undefined,
    default: values.default ?? undefined,
    choices: values.choices as unknown[] | undefined,
    elements: values.elements as FieldType | undefined,
    to: values.to as EntityKind | undefined,
    secret: values.no_log === true ? true : undefined,
    format: values.format as FieldFormat | undefined,
    aliases: values.aliases as string[] | undefined,
    options,
  });
  const rules = readRules(values, { known: options ?? [], path: place.path, problems: place.problems });
  return Object.keys(rules).length > 0 ? { ...spec, rules } : spec;
}

/** `site_name` → `Site name`. */
function labelOf(name: string): string {
  const spaced = name.replaceAll('_', ' ');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** Ansible allows a description to be a list of sentences. */
export function joinText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return (Array.isArray(value) ? value.map(String).join(' ') : String(value)).trim();
}

function checkShape(spec: FieldSpec, { path, problems }: Place): void {
  const report = (key: string, message: string) => problems.push({ path: joinPath(path, key), message });
  const isList = spec.type === 'list';
  if (spec.elements && !isList) report('elements', 'belongs to the type list only.');
  if (spec.options && spec.type !== 'dict' && !(isList && spec.elements === 'dict')) {
    report('options', 'belong to a dict, or to a list with "elements: dict".');
  }
  if (spec.to && spec.type !== 'reference' && spec.elements !== 'reference')
    report('to', 'belongs to the type reference.');
  if (!spec.to && (spec.type === 'reference' || spec.elements === 'reference'))
    report('type', 'a reference needs "to": the kind that it names.');
  const { choices, default: preset, required: _required, ...bare } = spec;
  const shape = { ...bare, name: 'choice', type: isList ? (spec.elements ?? 'raw') : spec.type };
  for (const choice of choices ?? []) {
    const wrong = isList ? [] : validateFields([shape], { choice }).problems;
    for (const problem of wrong) report('choices', `${String(choice)}: ${problem.message}`);
  }
  if (preset !== undefined) checkDefault(spec, preset, report);
}

function checkDefault(spec: FieldSpec, preset: unknown, report: (key: string, message: string) => void): void {
  const { default: _default, required: _required, ...bare } = spec;
  for (const problem of validateFields([bare], { [spec.name]: preset }).problems) {
    report(
      'default',
      `is no value of this argument: ${problem.path === spec.name ? 'it ' : `${problem.path} `}${problem.message}`,
    );
  }
  if (JSON.stringify(preset).includes('{{')) {
    report(
      'default',
      'is a template, but values reach a role as plain characters: leave it out and give it a value in a task.',
    );
  }
}

function checkAliases(specs: FieldSpec[], { path, problems }: Place): void {
  const taken = new Set(specs.map(spec => spec.name));
  for (const spec of specs) {
    for (const alias of spec.aliases ?? []) {
      if (taken.has(alias))
        problems.push({ path: joinPath(path, `${spec.name}.aliases`), message: `"${alias}" is taken.` });
      taken.add(alias);
    }
  }
}

interface RulesPlace {
  known: FieldSpec[];
  path: string;
  problems: Problem[];
}

/** The rules beside `options`, in Ansible's form; a single group may stand without its outer list. */
export function readRules(values: Record<string, unknown>, place: RulesPlace): FieldRules {
  const rules: FieldRules = {};
  for (const key of ['required_one_of', 'required_together', 'mutually_exclusive'] as const) {
    if (values[key] !== undefined) rules[key] = readGroups(key, values[key], place);
  }
  if (values.required_if !== undefined) rules.required_if = readRequiredIf(values.required_if, place);
  if (isDict(values.required_by)) rules.required_by = readRequiredBy(values.required_by, place);
  return rules;
}

function readGroups(key: string, value: unknown, place: RulesPlace): string[][] {
  const groups: unknown[] =
    Array.isArray(value) && value.every(item => typeof item === 'string') ? [value] : [value].flat();
  return groups.map(group => {
    if (isWords(group)) return knownFields(key, group, place);
    place.problems.push({ path: joinPath(place.path, key), message: 'must be a list of lists of argument names.' });
    return [];
  });
}

function readRequiredIf(value: unknown, place: RulesPlace): NonNullable<FieldRules['required_if']> {
  return [value].flat().flatMap((rule): NonNullable<FieldRules['required_if']> => {
    const [field, wanted, needed, oneIsEnough] = Array.isArray(rule) ? (rule as unknown[]) : [];
    if (
      typeof field === 'string' &&
      isWords(needed) &&
      (oneIsEnough === undefined || typeof oneIsEnough === 'boolean')
    ) {
      knownFields('required_if', [field, ...needed], place);
      return [oneIsEnough ? [field, wanted, needed, true] : [field, wanted, needed]];
    }
    const message =
      'each rule must be [argument, value, [arguments that are needed], true when one of them is enough].';
    place.problems.push({ path: joinPath(place.path, 'required_if'), message });
    return [];
  });
}

function readRequiredBy(value: Record<string, unknown>, place: RulesPlace): Record<string, string[]> {
  const entries = Object.entries(value).map(([field, needed]): [string, string[]] => {
    const names = typeof needed === 'string' ? [needed] : needed;
    if (isWords(names)) return [field, knownFields('required_by', [field, ...names], place).slice(1)];
    place.problems.push({
      path: joinPath(place.path, `required_by.${field}`),
      message: 'must be a list of argument names.',
    });
    return [field, []];
  });
  return Object.fromEntries(entries);
}

function knownFields(key: string, names: string[], { known, path, problems }: RulesPlace): string[] {
  const all = known.map(spec => spec.name);
  for (const name of names.filter(entry => !all.includes(entry))) {
    problems.push({
      path: joinPath(path, key),
      message: `"${name}" is not one of the options beside it.${suggestName(name, all)}`,
    });
  }
  return names;
}

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}
