// Flags made from field specs: one per field, kebab-case of its name.

import { type Command, Option } from 'commander';
import type { FieldSpec } from '../model/fields.ts';

export interface FieldFlag {
  field: FieldSpec;
  /** With the dashes. */
  flag: string;
  attribute: string;
}

const booleanWords = /^(true|false|yes|no|on|off|1|0)$/i;

/**
 * Adds a flag for each field. One whose name the command itself uses gets `--field-` in front.
 * @param demand says `required` in the help where the field is; a filter or an edit demands nothing.
 */
export function addFieldFlags(command: Command, fields: FieldSpec[], demand: boolean): FieldFlag[] {
  const taken = new Set(['--help', ...command.options.flatMap(option => (option.long ? [option.long] : []))]);
  return fields.map(field => {
    const plain = `--${field.name.replaceAll('_', '-')}`;
    const flag = taken.has(plain) ? plain.replace('--', '--field-') : plain;
    taken.add(flag);
    const option = fieldOption(flag, field, demand);
    command.addOption(option);
    const attribute = option.attributeName();
    if (field.type === 'bool') {
      command.addOption(new Option(flag.replace('--', '--no-')).hideHelp());
    }
    return { field, flag, attribute };
  });
}

/** The raw texts given for each field, in the order of the fields. */
export function readFieldFlags(command: Command, flags: FieldFlag[]): { flag: FieldFlag; texts: string[] }[] {
  const options = command.opts<Record<string, unknown>>();
  return flags.flatMap(flag => {
    const given = options[flag.attribute];
    if (given === undefined) return [];
    return [{ flag, texts: Array.isArray(given) ? given.map(String) : [String(given)] }];
  });
}

/**
 * `--web` and `--web true` become `--web=true`, so that a flag without a value does not swallow the word behind it.
 * Only commander's flags with an optional value are meant: those are the booleans.
 */
export function joinBooleanValues(words: readonly string[], command: Command): string[] {
  const flags = new Set(optionalValueFlags(command));
  const joined: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return [...joined, ...words.slice(i)];
    const next = words[i + 1];
    if (!flags.has(word)) joined.push(word);
    else if (next !== undefined && booleanWords.test(next)) {
      joined.push(`${word}=${next}`);
      i++;
    } else joined.push(`${word}=true`);
  }
  return joined;
}

function optionalValueFlags(command: Command): string[] {
  const own = command.options.flatMap(option => (option.optional && option.long ? [option.long] : []));
  return [...own, ...command.commands.flatMap(optionalValueFlags)];
}

function fieldOption(flag: string, field: FieldSpec, demand: boolean): Option {
  const option = new Option(`${flag} ${placeholder(field)}`, describe(field, demand));
  // A field may be called `no_cache`: its flag does not negate another one.
  option.negate = false;
  return option.argParser((text: string, earlier: unknown) => [...(Array.isArray(earlier) ? earlier : []), text]);
}

function placeholder(field: FieldSpec): string {
  if (field.type === 'bool') return '[true|false]';
  if (field.secret) return '<@file|->';
  if (field.type === 'dict') return '<json|@file>';
  if (field.type === 'reference') return `<${field.to ?? 'reference'}>`;
  return field.type === 'int' || field.type === 'float' ? '<number>' : '<value>';
}

function describe(field: FieldSpec, demand: boolean): string {
  const remarks = [
    ...(demand && field.required && isEmpty(field.default) ? ['required'] : []),
    ...(field.choices ? [`one of ${field.choices.join(', ')}`] : []),
    ...(field.type === 'list' ? ['repeat for more'] : []),
    ...(demand && !isEmpty(field.default) ? [`default ${JSON.stringify(field.default)}`] : []),
  ];
  const said = [field.label ?? field.name, field.help].filter(Boolean).join('. ');
  return remarks.length > 0 ? `${said} (${remarks.join('; ')})` : said;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
