// One YAML file with the line of everything in it, so that a mistake can be named by file and line.

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  parseDocument,
  type ScalarTag,
  type Tags,
} from 'yaml';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { checkData, isDict } from '../model/coerce.ts';
import { errorText, type Problem } from '../model/errors.ts';

export interface YamlSource {
  file: string;
  data: Record<string, unknown>;
  /** Line of a dotted path (`steps.2.with.path`), or of the nearest part of it that exists. */
  lineOf(path: string): number;
}

export type ParsedYaml = { source: YamlSource } | { problems: CatalogueProblem[] };

/** A type is written by hand; more is a mistake, or made to use up memory. */
const longestFile = 1024 * 1024;
/** Anchors save some repetition; aliases of aliases of aliases grow without end. */
const mostAliases = 100;

/** `version`: 1.1 for what Ansible reads as well (yes = true, 0644 = 420), 1.2 for files that only Aegir reads (`on:` is a word). */
export function parseYaml(file: string, text: string, version: '1.1' | '1.2'): ParsedYaml {
  const fail = (message: string) => ({ problems: [{ file, line: 1, message }] });
  if (text.length > longestFile) return fail(tooLong);
  const lines = new LineCounter();
  const document = parseDocument(text, optionsOf(version, lines));
  return readDocument(file, document, lines);
}

const tooLong = 'is longer than 1 MiB.';

/** Of a file with several documents; empty ones are left out. */
export function parseYamlDocuments(file: string, text: string): ParsedYaml[] {
  if (text.length > longestFile) return [{ problems: [{ file, line: 1, message: tooLong }] }];
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, optionsOf('1.2', lines));
  if (!Array.isArray(documents)) return [];
  return documents
    .filter(document => document.contents !== null || document.errors.length > 0)
    .map(document => readDocument(file, document, lines));
}

function optionsOf(version: '1.1' | '1.2', lineCounter: LineCounter) {
  return {
    version,
    lineCounter,
    uniqueKeys: true,
    prettyErrors: false,
    stringKeys: true,
    ...(version === '1.1' && { customTags: readAsPython }),
  };
}

function readDocument(file: string, document: Document.Parsed, lines: LineCounter): ParsedYaml {
  const fail = (message: string, line = 1) => ({ problems: [{ file, line, message }] });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  // A warning is an unknown tag (!vault, !unsafe): its value would not be what its author means.
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    return {
      problems: mistakes.map(error => ({ file, line: lineAt(error.pos[0]), message: sentence(error.message) })),
    };
  }
  try {
    const data: unknown = document.toJS({ maxAliasCount: mostAliases }) ?? {};
    if (!isDict(data)) return fail('must hold keys and values.');
    const odd = checkData(data);
    if (odd) return fail(`holds something that ${odd}`);
    const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
    return { source: { file, data, lineOf: path => lineAt(offsetOf(document.contents, path, resolve)) } };
  } catch (error) {
    return fail(sentence(errorText(error)));
  }
}

/** What PyYAML takes for numbers and booleans, where the package's YAML 1.1 differs: `.`, `1e5` and `y` are texts there. */
const pythonScalars: [tag: string, example: string, test: RegExp][] = [
  ['tag:yaml.org,2002:float', '1.5', /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/],
  ['tag:yaml.org,2002:float', '1.5e+3', /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/],
  ['tag:yaml.org,2002:bool', 'yes', /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/],
  ['tag:yaml.org,2002:bool', 'no', /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/],
];

function readAsPython(tags: Tags): Tags {
  return tags.map(tag => {
    if (typeof tag === 'string' || !('test' in tag)) return tag;
    const same = pythonScalars.find(([name, example]) => name === tag.tag && tag.test?.test(example));
    return same ? ({ ...tag, test: same[2] } as ScalarTag) : tag;
  });
}

function offsetOf(root: unknown, path: string, resolve: (node: unknown) => unknown): number {
  let node = resolve(root);
  let offset = startOf(node);
  for (const name of path === '' ? [] : path.split('.')) {
    if (isSeq(node)) {
      node = resolve(node.items[Number(name)]);
      if (node === undefined) return offset;
      offset = startOf(node);
      continue;
    }
    const pair = isMap(node) ? findPair(node.items, name) : undefined;
    if (!pair) return offset;
    offset = startOf(pair.key);
    node = resolve(pair.value);
  }
  return offset;
}

function findPair(pairs: Pair[], name: string): Pair | undefined {
  return pairs.find(pair => isScalar(pair.key) && String(pair.key.value) === name);
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

function sentence(text: string): string {
  const line = text.split('\n')[0]?.trim() ?? '';
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

export function locate(source: YamlSource, problems: Problem[]): CatalogueProblem[] {
  return problems.map(({ path, message }) => ({
    file: source.file,
    line: path === '' ? 1 : source.lineOf(path),
    message: path === '' ? message : `${path}: ${message}`,
  }));
}
