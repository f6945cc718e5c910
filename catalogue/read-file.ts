// Reads a file of YAML 1.2 that only Aegir reads, and the hash of what it says.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { isDict } from '../model/coerce.ts';
import { type ParsedYaml, parseYaml } from './yaml-source.ts';

export async function readYamlFile(file: string): Promise<ParsedYaml> {
  try {
    return parseYaml(file, await readFile(file, 'utf8'), '1.2');
  } catch {
    const problem: CatalogueProblem = { file, line: 1, message: 'This file is missing or cannot be read.' };
    return { problems: [problem] };
  }
}

/** sha256 of the data with sorted keys: comments and layout make no new version. */
export function hashData(data: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(data)))
    .digest('hex');
}

function sortKeys(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(sortKeys);
  if (!isDict(data)) return data;
  const entries = Object.keys(data).sort();
  return Object.fromEntries(entries.map(key => [key, sortKeys(data[key])]));
}
