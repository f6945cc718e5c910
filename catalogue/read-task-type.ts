// Reads one Task type from its folder: meta/argument_specs.yml (what Ansible reads too), meta/aegir.yml and the files that
// its backends run.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isForClusters } from '../model/backend-choice.ts';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { isDict } from '../model/coerce.ts';
import type { EntityKind } from '../model/entities.ts';
import { errorText, type Problem } from '../model/errors.ts';
import type { FieldRules } from '../model/fields.ts';
import { isEntityKind, resolvePathType } from '../model/paths.ts';
import {
  type Argument,
  type BackendName,
  destroyWord,
  madeOutput,
  type Output,
  planningBackends,
  type TaskTarget,
  type TaskType,
} from '../model/task-type.ts';
import { validateFields } from '../model/validate.ts';
import { addBindings } from './argument-bindings.ts';
import { checkTerraform } from './check-terraform.ts';
import { compareDefaults } from './compare-defaults.ts';
import { definedOnly } from './defined-only.ts';
import { typeName } from './find-types.ts';
import { type FolderFile, hashFiles, readFolder } from './folder-files.ts';
import { argumentKeys, checkWord, entryPointKeys, outputKeys, taskKeys } from './formats.ts';
import { joinText, readArguments, readRules } from './read-arguments.ts';
import { checkManifests, manifestFiles, manifestPattern } from './read-manifests.ts';
import { checkTarget } from './type-agreement.ts';
import { locate, parseYaml, type YamlSource } from './yaml-source.ts';

export interface ReadTaskType {
  type: TaskType;
  /** meta/aegir.yml, for the lines of later checks. */
  source: YamlSource;
  folder: string;
}

/** The type when it could be made out at all, and every mistake in its own files. */
export async function readTaskType(folder: string): Promise<{ read?: ReadTaskType; problems: CatalogueProblem[] }> {
  const problems: CatalogueProblem[] = [];
  const name = typeName(folder);
  const wrongName = checkWord(name);
  if (wrongName) problems.push({ file: folder, line: 1, message: `The name "${name}" ${wrongName}` });
  const found = await readFolder(folder).catch(error => ({
    files: [],
    mistakes: [{ path: '', message: errorText(error) }],
  }));
  for (const { path, message } of found.mistakes)
    problems.push({ file: path ? join(folder, path) : folder, line: 1, message });
  const specs = await readYaml(folder, 'meta/argument_specs.yml', '1.1', problems);
  const aegir = await readYaml(folder, 'meta/aegir.yml', '1.2', problems);
  if (!specs || !aegir) return { problems };
  const main = readEntryPoint(specs, problems);
  const task = readTask(aegir, { name, files: found.files, main }, problems);
  problems.push(...checkManifests(folder, found.files, task));
  if (task.backends.includes('ansible')) problems.push(...(await compareDefaults(folder, specs, main.arguments)));
  if (task.backends.includes('terraform')) problems.push(...checkTerraform(folder, found.files, task));
  return { read: { type: { ...task, version: hashFiles(found.files) }, source: aegir, folder }, problems };
}

async function readYaml(
  folder: string,
  path: string,
  version: '1.1' | '1.2',
  problems: CatalogueProblem[],
): Promise<YamlSource | undefined> {
  const file = join(folder, path);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    problems.push({ file, line: 1, message: `This file is missing or cannot be read; every Task type has a ${path}.` });
    return undefined;
  }
  const parsed = parseYaml(file, text, version);
  if ('source' in parsed) return parsed.source;
  problems.push(...parsed.problems);
  return undefined;
}

interface EntryPoint {
  title: string;
  description: string;
  arguments: Argument[];
  rules: FieldRules;
}

function readEntryPoint(source: YamlSource, problems: CatalogueProblem[]): EntryPoint {
  const path = 'argument_specs.main';
  const specs = source.data.argument_specs;
  const main = isDict(specs) ? specs.main : undefined;
  if (!isDict(main)) {
    problems.push(
      ...locate(source, [{ path: 'argument_specs', message: 'The entry point argument_specs.main is missing.' }]),
    );
    return { title: '', description: '', arguments: [], rules: {} };
  }
  const { values, problems: mistakes } = validateFields(entryPointKeys, main, { path });
  const options = readArguments(values.options, { path: `${path}.options`, keys: argumentKeys, problems: mistakes });
  const rules = readRules(values, { known: options, path, problems: mistakes });
  problems.push(...locate(source, mistakes));
  const title = typeof values.short_description === 'string' ? values.short_description.trim().replace(/\.$/, '') : '';
  return { title, description: joinText(values.description) ?? '', arguments: options, rules };
}

function readTask(
  source: YamlSource,
  from: { name: string; files: FolderFile[]; main: EntryPoint },
  problems: CatalogueProblem[],
): Omit<TaskType, 'version'> {
  const { values, problems: mistakes } = validateFields(taskKeys, source.data);
  const target = values.target as TaskTarget | undefined;
  const backends = findBackends(values.backends as BackendName[] | undefined, from.files, mistakes);
  checkTargetOf(backends, target, mistakes);
  const allArguments = addBindings(from.main.arguments, values.arguments, mistakes);
  const outputs = readOutputs(values.outputs, mistakes);
  if (plans(backends)) addMade(outputs, values, mistakes);
  const server = readServer(values.server as string | undefined, target, mistakes);
  const serves = readServes(values.serves as TaskType['serves'], allArguments, mistakes);
  const undoWhen = readUndoWhen(values, { outputs, backends }, mistakes);
  const retry = (values.retry ?? {}) as { attempts?: number; delay?: number };
  const needs = rootsOf(allArguments, outputs, target, server);
  if (values.archive === 'read' && !needs.includes('archive'))
    mistakes.push({
      path: 'archive',
      message: '"read" needs an argument with a path of the archive, such as archive.sha256.',
    });
  checkNumbers({ ...values, ...retry }, mistakes);
  problems.push(...locate(source, mistakes));
  return definedOnly<Omit<TaskType, 'version'>>({
    name: from.name,
    title: from.main.title,
    description: from.main.description,
    target: target ?? 'worker',
    server,
    backends,
    serves,
    namespace: values.namespace as TaskType['namespace'],
    archive: values.archive as TaskType['archive'],
    arguments: allArguments,
    rules: from.main.rules,
    outputs,
    timeoutSeconds: values.timeout as number,
    retry: { attempts: retry.attempts ?? 1, firstDelaySeconds: retry.delay ?? 0 },
    repeatable: values.repeatable as boolean,
    changes: values.changes as boolean,
    preview:
      (values.preview as boolean | undefined) ??
      (backends.includes('ansible') || plans(backends) || isForClusters(backends)),
    facts: values.facts as boolean,
    undo: values.undo as string | undefined,
    undoWhen,
    undoStates: values.undo_states as string[] | undefined,
    needs,
    templates: [
      ...from.files
        .filter(file => file.path.startsWith('templates/'))
        .map(file => file.path.slice('templates/'.length)),
      ...manifestFiles(from.files),
    ],
  });
}

function readServes(serves: TaskType['serves'], known: Argument[], mistakes: Problem[]): TaskType['serves'] {
  const { folder, name: repository } = serves ?? {};
  for (const [key, name] of Object.entries(definedOnly({ folder, name: repository }))) {
    if (!known.some(argument => argument.name === name))
      mistakes.push({ path: `serves.${key}`, message: `"${name}" is no argument of this Task type.` });
  }
  return serves;
}

const plans = (backends: BackendName[]) => planningBackends.some(name => backends.includes(name));

function addMade(outputs: Output[], { preview }: Record<string, unknown>, mistakes: Problem[]): void {
  const { name } = madeOutput;
  if (outputs.some(output => output.name === name))
    mistakes.push({ path: `outputs.${name}`, message: 'is given by every Task type of this backend: take it away.' });
  if (preview === false)
    mistakes.push({ path: 'preview', message: 'cannot be false: this backend shows a plan of everything.' });
  outputs.push(madeOutput);
}

function readUndoWhen(
  values: Record<string, unknown>,
  { outputs, backends }: Pick<TaskType, 'outputs' | 'backends'>,
  mistakes: Problem[],
): string | undefined {
  const when = values.undo_when as string | undefined;
  if (values.undo === destroyWord) {
    const named = `"${destroyWord}"`;
    if (!plans(backends))
      mistakes.push({ path: 'undo', message: `${named} is for the backends ${planningBackends.join(', ')} only.` });
    if (when !== undefined)
      mistakes.push({
        path: 'undo_when',
        message: `has no meaning beside ${named}: only what it has made is removed.`,
      });
    return madeOutput.name;
  }
  if (when === undefined) return undefined;
  const path = 'undo_when';
  if (values.undo === undefined) mistakes.push({ path, message: 'has a meaning only beside "undo".' });
  if (!outputs.some(output => output.name === when)) {
    const known = outputs.map(output => output.name).join(', ') || 'none';
    mistakes.push({ path, message: `"${when}" is no output of this Task type. Known: ${known}.` });
  }
  return when;
}

function checkNumbers(values: Record<string, unknown>, mistakes: Problem[]): void {
  const limits: [key: string, path: string, least: number, most: number, what: string][] = [
    ['timeout', 'timeout', 1, 7 * 24 * 3600, 'seconds, at most a week'],
    ['attempts', 'retry.attempts', 1, 100, 'attempts in all, at most 100'],
    ['delay', 'retry.delay', 0, 3600, 'seconds, at most an hour'],
  ];
  for (const [key, path, least, most, what] of limits) {
    const value = values[key];
    if (typeof value === 'number' && (value < least || value > most))
      mistakes.push({ path, message: `must be ${least} or more ${what}.` });
  }
}

/** By which files a folder has a backend; the name is for messages. */
const backendFiles: Record<BackendName, { named: string; pattern: RegExp }> = {
  ansible: { named: 'tasks/main.yml', pattern: /^tasks\/main\.ya?ml$/ },
  shell: { named: 'shell/run', pattern: /^shell\/run$/ },
  terraform: { named: 'terraform/main.tf', pattern: /^terraform\/[^/]+\.tf$/ },
  kubernetes: { named: 'kubernetes/*.yml', pattern: manifestPattern },
};

function checkTargetOf(backends: BackendName[], target: TaskTarget | undefined, mistakes: Problem[]): void {
  const path = 'target';
  if (isForClusters(backends) && target !== undefined && target !== 'cluster')
    mistakes.push({ path, message: `must be "cluster": it has only ${backends.join(' and ')}.` });
  if (target === 'cluster' && backends.length > 0 && !isForClusters(backends))
    mistakes.push({
      path,
      message: `must say where ${backends.join(' and ')} run, "server" or "worker"; on a Kubernetes Cluster it is the Cluster by itself.`,
    });
}

function findBackends(wanted: BackendName[] | undefined, files: FolderFile[], mistakes: Problem[]): BackendName[] {
  const fileOf = (backend: BackendName) => files.find(file => backendFiles[backend].pattern.test(file.path));
  const there = (Object.keys(backendFiles) as BackendName[]).filter(fileOf);
  if (!wanted && there.length === 0)
    mistakes.push({
      path: '',
      message:
        'The folder has neither tasks/main.yml nor shell/run nor terraform/main.tf nor kubernetes/*.yml: there is nothing to run.',
    });
  if (wanted?.length === 0) mistakes.push({ path: 'backends', message: 'must name at least one backend.' });
  for (const backend of wanted ?? []) {
    if (!there.includes(backend))
      mistakes.push({ path: 'backends', message: `"${backend}" needs the file ${backendFiles[backend].named}.` });
  }
  const run = fileOf('shell');
  if (run && !run.executable) mistakes.push({ path: '', message: 'shell/run is not executable: chmod +x it.' });
  return wanted ?? there;
}

function readOutputs(raw: unknown, mistakes: Problem[]): Output[] {
  return Object.entries(isDict(raw) ? raw : {}).flatMap(([name, entry]) => {
    const path = `outputs.${name}`;
    const wrongName = checkWord(name);
    if (wrongName) mistakes.push({ path, message: wrongName });
    const { values, problems } = validateFields(outputKeys, entry as Record<string, unknown>, { path });
    mistakes.push(...problems);
    const { type, sets, creates, judges, removes, reports, help } = values as Partial<Output>;
    if (!type) return [];
    const wrongTarget = sets === undefined ? null : checkTarget(sets, type);
    if (wrongTarget) mistakes.push({ path: `${path}.sets`, message: wrongTarget });
    if (creates && type !== 'dict') mistakes.push({ path: `${path}.creates`, message: 'needs "type: dict".' });
    if (judges && type !== 'dict') mistakes.push({ path: `${path}.judges`, message: 'needs "type: dict".' });
    if (removes && type !== 'list') mistakes.push({ path: `${path}.removes`, message: 'needs "type: list".' });
    if (reports && type !== 'list' && type !== 'bool')
      mistakes.push({ path: `${path}.reports`, message: 'needs "type: list" or "type: bool".' });
    return [definedOnly<Output>({ name, type, sets, creates, judges, removes, reports, help })];
  });
}

/** Roots that its paths start from; a Task on a Server needs that one. */
function rootsOf(
  specs: Argument[],
  outputs: Output[],
  target: TaskTarget | undefined,
  server: string | undefined,
): EntityKind[] {
  const paths = [...specs.flatMap(spec => spec.from ?? []), ...outputs.map(output => output.sets)];
  const names = paths.flatMap(path => (path === undefined ? [] : rootNames(path)));
  const place: Record<TaskTarget, EntityKind[]> = {
    worker: [],
    server: rootNames(server ?? 'server'),
    cluster: ['cluster'],
  };
  return [...new Set([...names, ...(target ? place[target] : [])])];
}

function readServer(path: string | undefined, target: TaskTarget | undefined, mistakes: Problem[]): string | undefined {
  if (path === undefined) return undefined;
  const found = resolvePathType(path);
  if (target !== 'server') mistakes.push({ path: 'server', message: 'has a meaning only beside "target: server".' });
  else if ('problem' in found) mistakes.push({ path: 'server', message: found.problem });
  else if (found.spec.to !== 'server') mistakes.push({ path: 'server', message: `"${path}" does not name a server.` });
  return path;
}

function rootNames(path: string): EntityKind[] {
  const root = path.split('.')[0];
  if (root === 'presence') return ['release', 'server'];
  return isEntityKind(root) ? [root] : [];
}
