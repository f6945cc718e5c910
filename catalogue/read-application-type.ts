// Reads one Application type from applications/<name>/application.yml.

import { join } from 'node:path';
import type { ApplicationType } from '../model/application-type.ts';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { isDict } from '../model/coerce.ts';
import type { Problem } from '../model/errors.ts';
import { validateFields } from '../model/validate.ts';
import { typeName } from './find-types.ts';
import { applicationKeys, checkWord } from './formats.ts';
import { hashData, readYamlFile } from './read-file.ts';
import { locate, type YamlSource } from './yaml-source.ts';

export interface ReadApplicationType {
  type: ApplicationType;
  source: YamlSource;
}

export async function readApplicationType(
  folder: string,
): Promise<{ read?: ReadApplicationType; problems: CatalogueProblem[] }> {
  const parsed = await readYamlFile(join(folder, 'application.yml'));
  if ('problems' in parsed) return parsed;
  const { source } = parsed;
  const name = typeName(folder);
  const { values, problems: mistakes } = validateFields(applicationKeys, source.data);
  const wrongName = checkWord(name);
  if (wrongName) mistakes.push({ path: '', message: `The name "${name}" ${wrongName}` });
  const type: ApplicationType = {
    name,
    title: String(values.title ?? name),
    description: String(values.description ?? ''),
    version: hashData(source.data),
    recognisedBy: checkMarks((values.recognised_by ?? []) as string[], mistakes),
    values: readValues(values.values, mistakes),
    database: values.database as ApplicationType['database'],
    php: values.php === true,
    verbs: readVerbs(values.verbs, mistakes),
  };
  return { read: { type, source }, problems: locate(source, mistakes) };
}

function checkMarks(marks: string[], mistakes: Problem[]): string[] {
  for (const [index, mark] of marks.entries()) {
    const inside = mark !== '' && !mark.startsWith('/') && !mark.split('/').includes('..');
    if (!inside)
      mistakes.push({ path: `recognised_by.${index}`, message: `"${mark}" must be a path inside of the codebase.` });
  }
  return marks;
}

function readValues(raw: unknown, mistakes: Problem[]): Record<string, unknown> {
  const values = isDict(raw) ? raw : {};
  for (const name of Object.keys(values)) {
    const wrong = checkWord(name);
    if (wrong) mistakes.push({ path: `values.${name}`, message: wrong });
  }
  return values;
}

function readVerbs(raw: unknown, mistakes: Problem[]): Record<string, string> {
  const verbs = Object.entries(isDict(raw) ? raw : {}).flatMap(([verb, task]): [string, string][] => {
    const wrong = checkWord(verb);
    if (wrong) mistakes.push({ path: `verbs.${verb}`, message: wrong });
    if (typeof task === 'string') return [[verb, task]];
    mistakes.push({ path: `verbs.${verb}`, message: 'must name a Task type.' });
    return [];
  });
  return Object.fromEntries(verbs);
}
