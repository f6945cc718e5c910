// Reads all types and keeps those without a mistake. A refused type names every mistake and harms nothing else, except the
// types that are made of it.

import type { ApplicationType } from '../model/application-type.ts';
import type { Catalogue, CatalogueProblem } from '../model/catalogue.ts';
import type { Problem } from '../model/errors.ts';
import type { TaskType } from '../model/task-type.ts';
import { destroyWord, keepWord } from '../model/task-type.ts';
import { checkOperation, unknownType } from './check-operation.ts';
import { type CataloguePaths, type FoundTypes, findTypes, typeName } from './find-types.ts';
import { flatSteps, type KnownTypes } from './operation-scope.ts';
import { type ReadApplicationType, readApplicationType } from './read-application-type.ts';
import { type ReadOperationType, readOperationType } from './read-operation-type.ts';
import { type ReadTaskType, readTaskType } from './read-task-type.ts';
import { locate, type YamlSource } from './yaml-source.ts';

/** A catalogue with the folder of each Task type's version, from which it can be packed. */
export interface LoadedCatalogue extends Catalogue {
  folders: Map<string, string>;
}

export async function readCatalogue(paths: CataloguePaths): Promise<LoadedCatalogue> {
  return readTypes(await findTypes(paths));
}

export async function readTypes(found: FoundTypes): Promise<LoadedCatalogue> {
  const tasks = await readAll(found.roles, readTaskType);
  checkUndos(tasks);
  const applications = await readAll(found.applications, readApplicationType);
  const taskTypes = accepted(tasks);
  for (const read of applications.reads.values())
    refer(applications, read, checkVerbs(read.type, taskTypes, tasks.refused));
  const operations = await readAll(found.operations, readOperationType);
  checkOperations(operations, { tasks, applications });
  const problems = [...found.problems, ...tasks.problems, ...applications.problems, ...operations.problems];
  return {
    taskTypes,
    applicationTypes: accepted(applications),
    operationTypes: accepted(operations),
    problems: problems.sort(byPlace),
    folders: new Map(usable(tasks).map(({ type, folder }) => [type.version, folder])),
  };
}

interface Read {
  type: { name: string };
  source: YamlSource;
}

interface Reads<R extends Read> {
  reads: Map<string, R>;
  /** Names with a mistake. */
  refused: Set<string>;
  problems: CatalogueProblem[];
}

type Reader<R> = (path: string) => Promise<{ read?: R; problems: CatalogueProblem[] }>;

async function readAll<R extends Read>(paths: string[], readOne: Reader<R>): Promise<Reads<R>> {
  const all: Reads<R> = { reads: new Map(), refused: new Set(), problems: [] };
  const places = new Map<string, string>();
  for (const path of paths) {
    const name = typeName(path);
    const earlier = places.get(name);
    if (earlier) {
      all.problems.push({
        file: path,
        line: 1,
        message: `"${name}" is a duplicate: ${earlier} comes first. Rename this one.`,
      });
      continue;
    }
    places.set(name, path);
    const { read, problems } = await readOne(path);
    if (read) all.reads.set(name, read);
    if (problems.length > 0) all.refused.add(name);
    all.problems.push(...problems);
  }
  return all;
}

/** Notes mistakes that show only beside other types. */
function refer<R extends Read>(all: Reads<R>, read: R, mistakes: Problem[]): void {
  if (mistakes.length === 0) return;
  all.refused.add(read.type.name);
  all.problems.push(...locate(read.source, mistakes));
}

function usable<R extends Read>({ reads, refused }: Reads<R>): R[] {
  return [...reads.values()].filter(({ type }) => !refused.has(type.name));
}

function accepted<R extends Read>(all: Reads<R>): Map<string, R['type']> {
  return new Map(usable(all).map(({ type }) => [type.name, type]));
}

function allTypes<R extends Read>({ reads }: Reads<R>): Map<string, R['type']> {
  return new Map([...reads].map(([name, { type }]) => [name, type]));
}

function checkUndos(tasks: Reads<ReadTaskType>): void {
  for (const read of tasks.reads.values()) {
    const { undo } = read.type;
    const message = undo === undefined || isWord(undo) ? null : unknownType('Task type', undo, tasks.reads, new Set());
    if (message) refer(tasks, read, [{ path: 'undo', message }]);
  }
  settle(tasks, 'Task type', ({ type }) =>
    type.undo === undefined || isWord(type.undo) ? [] : [{ path: 'undo', name: type.undo }],
  );
}

const isWord = (undo: string) => undo === keepWord || undo === destroyWord;

interface Reference {
  path: string;
  name: string;
}

/** What is made of a refused type is refused as well, and so on until nothing changes. */
function settle<R extends Read>(all: Reads<R>, kind: string, references: (read: R) => Reference[]): void {
  const refusedBefore = all.refused.size;
  for (const read of all.reads.values()) {
    if (all.refused.has(read.type.name)) continue;
    const mistakes = references(read)
      .filter(({ name }) => all.refused.has(name))
      .map(({ path, name }) => ({ path, message: unknownType(kind, name, all.reads, all.refused) ?? '' }));
    refer(all, read, mistakes);
  }
  if (all.refused.size > refusedBefore) settle(all, kind, references);
}

function checkVerbs(
  type: ApplicationType,
  known: ReadonlyMap<string, TaskType>,
  refused: ReadonlySet<string>,
): Problem[] {
  return Object.entries(type.verbs).flatMap(([verb, task]) => {
    const message = unknownType('Task type', task, known, refused);
    return message === null ? [] : [{ path: `verbs.${verb}`, message }];
  });
}

interface Others {
  tasks: Reads<ReadTaskType>;
  applications: Reads<ReadApplicationType>;
}

function checkOperations(operations: Reads<ReadOperationType>, { tasks, applications }: Others): void {
  const known: KnownTypes = {
    // Also those with mistakes: they are good enough to check others against.
    taskTypes: allTypes(tasks),
    applicationTypes: allTypes(applications),
    operationTypes: allTypes(operations),
    refused: {
      taskTypes: tasks.refused,
      applicationTypes: applications.refused,
      operationTypes: new Set([...operations.refused].filter(name => !operations.reads.has(name))),
    },
  };
  for (const read of operations.reads.values()) refer(operations, read, checkOperation(read, known));
  settle(operations, 'Operation type', nestedReferences);
}

function nestedReferences({ type, stepPaths }: ReadOperationType): Reference[] {
  return [...flatSteps(type.steps)].flatMap(step =>
    step.operation === undefined ? [] : [{ path: `${stepPaths.get(step)}.operation`, name: step.operation }],
  );
}

function byPlace(left: CatalogueProblem, right: CatalogueProblem): number {
  return left.file.localeCompare(right.file) || left.line - right.line;
}
