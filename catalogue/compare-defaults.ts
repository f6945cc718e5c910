// Holds the defaults of argument_specs.yml against defaults/main.yml: Ansible applies only the latter at role level, and two
// hand-kept copies drift.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { equalData } from '../model/coerce.ts';
import type { Argument } from '../model/task-type.ts';
import { locate, parseYaml, type YamlSource } from './yaml-source.ts';

export async function compareDefaults(
  folder: string,
  specs: YamlSource,
  known: Argument[],
): Promise<CatalogueProblem[]> {
  const file = await defaultsFile(folder);
  const parsed = parseYaml(file.path, file.text, '1.1');
  if ('problems' in parsed) return parsed.problems;
  const { source } = parsed;
  return known.flatMap(argument => compareOne(argument, specs, source));
}

function compareOne(argument: Argument, specs: YamlSource, defaults: YamlSource): CatalogueProblem[] {
  const { name } = argument;
  const isThere = Object.hasOwn(defaults.data, name);
  const value = defaults.data[name] ?? undefined;
  if (equalData(argument.default, value)) return [];
  if (argument.default === undefined) {
    return locate(defaults, [
      { path: name, message: 'argument_specs.yml has no default for this argument: write it there too.' },
    ]);
  }
  const here = isThere ? `defaults/main.yml has ${JSON.stringify(value ?? null)}` : 'defaults/main.yml has none';
  const message = `is ${JSON.stringify(argument.default)}, but ${here}: write the same in both.`;
  return locate(specs, [{ path: `argument_specs.main.options.${name}.default`, message }]);
}

async function defaultsFile(folder: string): Promise<{ path: string; text: string }> {
  for (const name of ['main.yml', 'main.yaml']) {
    const path = join(folder, 'defaults', name);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return { path, text };
  }
  return { path: join(folder, 'defaults', 'main.yml'), text: '' };
}
