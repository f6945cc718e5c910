// What an Operation type can see: the roots of its subject, and the types behind its steps.

import type { ApplicationType } from '../model/application-type.ts';
import type { EntityKind } from '../model/entities.ts';
import type { FieldSpec } from '../model/fields.ts';
import { type OperationType, type StepType, verbOf } from '../model/operation-type.ts';
import { isEntityKind, isRootName, type RootName } from '../model/paths.ts';
import type { Output, TaskType } from '../model/task-type.ts';

export interface KnownTypes {
  taskTypes: ReadonlyMap<string, TaskType>;
  applicationTypes: ReadonlyMap<string, ApplicationType>;
  operationTypes: ReadonlyMap<string, OperationType>;
  /** Names of types with mistakes: they cannot be used. Those that could be made out are above too, to check others by. */
  refused: {
    taskTypes: ReadonlySet<string>;
    applicationTypes: ReadonlySet<string>;
    operationTypes: ReadonlySet<string>;
  };
}

/** Which root brings which others: the same way as model/store/roots.ts goes. */
const owners: Partial<Record<EntityKind, EntityKind[]>> = {
  backup: ['environment', 'release'],
  environment: ['release', 'server', 'cluster'],
  release: ['project'],
  server: ['cluster'],
  project: ['organisation'],
  cluster: ['organisation'],
};

/** The subject, what it belongs to, and what fields of the Operation that are called like a root bring. */
export function reachableRoots(type: Pick<OperationType, 'on' | 'fields' | 'adds' | 'changes'>): ReadonlySet<RootName> {
  const roots = new Set<RootName>();
  const add = (kind: EntityKind) => {
    if (roots.has(kind)) return;
    roots.add(kind);
    for (const owner of owners[kind] ?? []) add(owner);
  };
  add(type.on);
  for (const field of type.fields) if (isEntityKind(field.name) && field.type === 'reference') add(field.name);
  // A backup may be of another Environment.
  if (type.fields.some(({ name }) => name === 'source' || name === 'backup')) roots.add('source');
  if (type.changes && type.on === 'environment') roots.add('source');
  if (type.adds ?? type.fields.some(field => field.name === 'target')) roots.add('source').add('target');
  return roots;
}

/** An application is known where a Project is. */
export function isReachable(path: string, roots: ReadonlySet<RootName>): boolean {
  const root = path.split('.')[0];
  return root === 'application' ? roots.has('project') : isRootName(root) && roots.has(root);
}

export interface TaskCandidate {
  type: TaskType;
  /** Set for `$application.<verb>`: the Application type that names it. */
  application?: string;
}

/** The Task types that may stand behind a step. */
export function taskCandidates(task: string, operation: OperationType, known: KnownTypes): TaskCandidate[] {
  const verb = verbOf(task);
  if (verb === undefined) {
    const type = known.taskTypes.get(task);
    return type ? [{ type }] : [];
  }
  return applicationsOf(operation, known).flatMap(application => {
    const type = Object.hasOwn(application.verbs, verb)
      ? known.taskTypes.get(application.verbs[verb] ?? '')
      : undefined;
    return type ? [{ type, application: application.name }] : [];
  });
}

export function applicationsOf(operation: OperationType, known: KnownTypes): ApplicationType[] {
  const all = [...known.applicationTypes.values()];
  const { application } = operation.for;
  return application.length === 0 ? all : all.filter(type => application.includes(type.name));
}

/** Whether something behind a step cannot be made out: then nothing is said about its arguments and outputs. */
export function isUnknown(step: StepType, operation: OperationType, known: KnownTypes, within: string[] = []): boolean {
  if (step.parallel) return step.parallel.some(inner => isUnknown(inner, operation, known, within));
  if (step.task !== undefined) return taskCandidates(step.task, operation, known).length === 0;
  const nested = known.operationTypes.get(step.operation ?? '');
  if (!nested) return true;
  const inside = [...within, nested.name];
  return !within.includes(nested.name) && nested.steps.some(inner => isUnknown(inner, nested, known, inside));
}

/** Every step, the inner ones of `parallel` in its place. */
export function* flatSteps(steps: StepType[]): Generator<StepType> {
  for (const step of steps) {
    if (step.parallel) yield* flatSteps(step.parallel);
    else yield step;
  }
}

/** Fields that a nested Operation can be given by `with`: its own and the arguments of its Tasks. */
export function givableFields(nested: OperationType, known: KnownTypes): FieldSpec[] {
  const fields: FieldSpec[] = [...nested.fields];
  for (const step of flatSteps(nested.steps)) {
    if (step.task) fields.push(...taskCandidates(step.task, nested, known).flatMap(({ type }) => type.arguments));
  }
  return fields;
}

/**
 * The outputs behind `$steps.<id>.<name>`; several when Applications bring different Task types. One that has it is enough:
 * an Application type from another folder must not make our Operation types wrong.
 */
export function findOutputs(steps: StepType[], path: string[], operation: OperationType, known: KnownTypes): Output[] {
  const [id, ...rest] = path;
  const step = [...flatSteps(steps)].find(entry => entry.id === id);
  if (step?.operation) {
    const nested = known.operationTypes.get(step.operation);
    // A cycle is reported by itself; the path ends in any case.
    return nested ? findOutputs(nested.steps, rest, nested, known) : [];
  }
  if (!step?.task || rest.length !== 1) return [];
  return taskCandidates(step.task, operation, known).flatMap(({ type }) =>
    type.outputs.filter(output => output.name === rest[0]),
  );
}
