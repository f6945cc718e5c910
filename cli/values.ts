// From the texts of flags to values of fields: files, standard input, JSON, numbers, names of entities. What a field allows
// is the API's to judge; here is only what cannot be read at all, every mistake of it.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { EntityKind } from '../model/entities.ts';
import { errorText, type Problem } from '../model/errors.ts';
import type { FieldSpec, FieldType } from '../model/fields.ts';
import { usageError } from './exit.ts';
import type { FieldFlag } from './flags.ts';

/** The id of an entity given by name or id. */
export type FindId = (kind: EntityKind, nameOrId: string) => Promise<string>;

type Given = { flag: FieldFlag; texts: string[] }[];

/**
 * Values by field name. An empty text empties its field.
 * @param findId only where the API itself does not take names for ids.
 */
export async function readValues(given: Given, findId: FindId = asGiven): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  const readStdin = stdinReader();
  for (const { flag, texts } of given) {
    try {
      values[flag.field.name] = await readField(flag, texts, findId, readStdin);
    } catch (error) {
      problems.push({ path: flag.flag, message: errorText(error) });
    }
  }
  if (problems.length > 0) throw usageError('These flags cannot be read.', problems);
  return values;
}

/** Text of `@file`, `-` (standard input) or the argument itself; `@@x` is the text `@x`. */
export function readText(text: string, readStdin: () => string = stdinReader()): string {
  if (text === '-') return readStdin();
  if (text.startsWith('@@')) return text.slice(1);
  if (!text.startsWith('@')) return text;
  // The shell replaces ~ at the beginning of a word only, where our @ stands.
  const path = text.slice(1).replace(/^~(?=\/)/, homedir());
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`The file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`);
  }
}

/** The API finds entities by their names, and tells of unknown ones together with all other mistakes. */
const asGiven: FindId = async (_kind, nameOrId) => nameOrId;

async function readField(flag: FieldFlag, texts: string[], findId: FindId, readStdin: () => string): Promise<unknown> {
  const { field } = flag;
  const contents = texts.map(text => readContent(flag, text, readStdin));
  if (field.type === 'list') return readList(field, contents, findId);
  if (contents.length > 1) throw new Error('It is given more than once.');
  return readOne(field, contents[0] ?? '', findId);
}

function readContent({ field, flag }: FieldFlag, text: string, readStdin: () => string): string {
  const isDirect = text !== '-' && !/^@[^@]/.test(text);
  if (field.secret && isDirect && text !== '') {
    throw new Error(`Whoever lists the processes sees it there: use ${flag} @file, or ${flag} - and standard input.`);
  }
  const content = readText(text, readStdin);
  // Files end with a line feed; only texts of several lines (keys) need it.
  return isDirect || field.format === 'text' ? content : content.replace(/\r?\n$/, '');
}

async function readList(field: FieldSpec, contents: string[], findId: FindId): Promise<unknown[]> {
  const element: FieldSpec = { ...field, type: field.elements ?? 'str' };
  const [first = ''] = contents;
  if (contents.length === 1 && first === '') return [];
  if (contents.length === 1 && first.trimStart().startsWith('[')) {
    const whole = parseJson(first);
    if (Array.isArray(whole)) return whole;
  }
  return Promise.all(contents.map(content => readOne(element, content, findId)));
}

async function readOne(field: FieldSpec, content: string, findId: FindId): Promise<unknown> {
  if (content === '') return null;
  if (field.type === 'reference') return field.to === undefined ? content : findId(field.to, content);
  return readScalar(field.type, content);
}

/** Also for defaults and choices of custom fields, which are written as texts. */
export function readScalar(type: FieldType, text: string): unknown {
  switch (type) {
    case 'bool':
      return readBoolean(text);
    case 'int':
      if (!/^[+-]?\d+$/.test(text)) throw new Error(`"${text}" is not a whole number.`);
      return Number(text);
    case 'float':
      if (text.trim() === '' || !Number.isFinite(Number(text))) throw new Error(`"${text}" is not a number.`);
      return Number(text);
    case 'dict':
    case 'list':
      return parseJson(text);
    default:
      return text;
  }
}

function readBoolean(text: string): boolean {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  throw new Error(`"${text}" is neither true nor false.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`It is not JSON (${errorText(error)}).`);
  }
}

/** Standard input can be read once: a second flag that asks for it is a mistake. */
function stdinReader(): () => string {
  let isRead = false;
  return () => {
    if (isRead) throw new Error('Standard input is used by another flag already.');
    isRead = true;
    return readFileSync(0, 'utf8');
  };
}
