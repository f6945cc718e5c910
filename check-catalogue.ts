// Composition root of `./aegir catalogue check [--json] [folder…]`: names every mistake in the types, without a database or a
// running Aegir. Exit code 1 when there is one.

import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { type CataloguePaths, type FoundTypes, findTypes, type LoadedCatalogue, readTypes } from './catalogue/index.ts';
import { readConfig } from './config.ts';
import type { CatalogueProblem } from './model/catalogue.ts';
import { errorText } from './model/errors.ts';

const kinds = ['roles', 'operations', 'applications'] as const;

async function main(words: string[]): Promise<number> {
  const folders = words.filter(word => !word.startsWith('-'));
  const wrong = words.find(word => word.startsWith('-') && word !== '--json');
  if (wrong !== undefined) {
    process.stderr.write(`"${wrong}" is no option. Usage: ./aegir catalogue check [--json] [folder…]\n`);
    return 2;
  }
  const { paths } = readConfig(process.env, import.meta.dirname);
  const found = await findTypes(paths);
  for (const folder of folders) await addFolder(resolve(folder), paths, found);
  const catalogue = await readTypes(found);
  process.stdout.write(words.includes('--json') ? renderJson(catalogue) : renderText(catalogue));
  return catalogue.problems.length > 0 ? 1 : 0;
}

/** A folder may be one role, one Application type, or a set with roles/, operations/ and applications/. */
async function addFolder(folder: string, paths: CataloguePaths, found: FoundTypes): Promise<void> {
  const entries: string[] = await readdir(folder).catch(() => []);
  const sets = kinds.filter(kind => entries.includes(kind));
  if (sets.length > 0) {
    const only = (kind: keyof CataloguePaths) => (sets.includes(kind) ? [join(folder, kind)] : []);
    const set: CataloguePaths = {
      roles: only('roles'),
      operations: only('operations'),
      applications: only('applications'),
    };
    await merge(found, await findTypes(set));
  } else if (entries.includes('meta')) await merge(found, { ...nothing(), roles: [folder] });
  else if (entries.includes('application.yml')) await merge(found, { ...nothing(), applications: [folder] });
  else if (await isOperation(folder)) await merge(found, { ...nothing(), operations: [folder] });
  else if (!(await isConfigured(folder, paths))) {
    const message =
      'Neither a role (meta/), an application (application.yml), an operation (*.yml) nor a folder with roles/, operations/ or applications/.';
    found.problems.push({ file: folder, line: 1, message });
  }
}

const nothing = (): FoundTypes => ({ roles: [], operations: [], applications: [], problems: [] });

async function isOperation(file: string): Promise<boolean> {
  const stats = await stat(file).catch(() => null);
  return /\.ya?ml$/.test(file) && stats?.isFile() === true;
}

async function isConfigured(folder: string, paths: CataloguePaths): Promise<boolean> {
  const configured = await Promise.all(kinds.flatMap(kind => paths[kind]).map(realPath));
  return configured.includes(await realPath(folder));
}

/** What is among the configured ones already is not checked twice, which would call it a duplicate. */
async function merge(found: FoundTypes, more: FoundTypes): Promise<void> {
  for (const kind of kinds) {
    const known = new Set(await Promise.all(found[kind].map(realPath)));
    for (const path of more[kind]) if (!known.has(await realPath(path))) found[kind].push(path);
  }
  found.problems.push(...more.problems);
}

function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

function renderJson({ taskTypes, operationTypes, applicationTypes, problems }: LoadedCatalogue): string {
  const names = (types: ReadonlyMap<string, unknown>) => [...types.keys()].sort();
  const usable = {
    taskTypes: names(taskTypes),
    operationTypes: names(operationTypes),
    applicationTypes: names(applicationTypes),
  };
  return `${JSON.stringify({ ...usable, problems }, null, 2)}\n`;
}

function renderText({ taskTypes, operationTypes, applicationTypes, problems }: LoadedCatalogue): string {
  const counts = `${taskTypes.size} Task types, ${operationTypes.size} Operation types and ${applicationTypes.size} Application types are usable.`;
  const end =
    problems.length === 0 ? 'No mistakes.' : `${problems.length} ${problems.length === 1 ? 'mistake' : 'mistakes'}.`;
  return `${[...problems.map(renderProblem), `${counts} ${end}`].join('\n')}\n`;
}

function renderProblem({ file, line, message }: CatalogueProblem): string {
  const near = relative(process.cwd(), file);
  return `${near.startsWith('..') ? file : near || '.'}:${line}: ${message}`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
}
