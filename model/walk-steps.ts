// Goes through the steps of an Operation type with everything resolved that does not depend on a run: which Task type
// stands behind `$application.<verb>`, which subject a nested Operation has. The form and the plan are both made from it.

import { argumentsOn, type ChosenBackend, chooseBackend, kindOfCluster, noBackendWords } from './backend-choice.ts';
import type { Catalogue } from './catalogue.ts';
import { isGiven } from './coerce.ts';
import type { EntityKind } from './entities.ts';
import { AppError } from './errors.ts';
import { missingVerb, type OperationType, type StepType, verbOf } from './operation-type.ts';
import { withOwners } from './owners.ts';
import { isRelatedRoot, type RootName, readPath } from './paths.ts';
import type { Input } from './plan.ts';
import { isNeedless, isSaid, type PathRoot, type PathRoots, type Scope, type Source, sourceOf } from './step-values.ts';
import { type Argument, destroyWord, keepWord, type TaskType } from './task-type.ts';

export interface ResolvedTask {
  kind: 'task';
  step: StepType;
  type: TaskType;
  chosen: ChosenBackend;
  sources: { argument: Argument; source: Source }[];
  scope: Scope;
  undo: ResolvedUndo | null;
  /** Why it cannot be compared; it is not part of the plan then. '' = it can. */
  notCompared: string;
}

export interface ResolvedUndo extends PlainTask {
  when: string | null;
  states: string[] | null;
  failed: boolean;
  further: ResolvedUndo | null;
}

export interface ResolvedOperation {
  kind: 'operation';
  step: StepType;
  type: OperationType;
  subject: { kind: EntityKind; root: PathRoot };
  steps: ResolvedStep[];
  scope: Scope;
}

export interface ResolvedParallel {
  kind: 'parallel';
  step: StepType;
  steps: ResolvedStep[];
}

export type ResolvedStep = ResolvedTask | ResolvedOperation | ResolvedParallel;

/** @throws AppError not_found for a type that the catalogue no longer has, conflict for a subject that is not there. */
export function resolveSteps(catalogue: Catalogue, steps: StepType[], scope: Scope): ResolvedStep[] {
  return steps.flatMap((step): ResolvedStep[] => {
    if (isLeftOut(step, scope)) return [];
    if (step.parallel) return [{ kind: 'parallel', step, steps: resolveSteps(catalogue, step.parallel, scope) }];
    if (step.operation) return isOpen(step, scope) ? [] : [resolveNested(catalogue, step, scope)];
    const task = resolveTask(catalogue, step, scope);
    return task ? [task] : [];
  });
}

function isLeftOut({ needs, unless, on, for: kind }: StepType, scope: Scope): boolean {
  const cluster = rootsOn(on, scope.roots).cluster?.kind;
  if (kind !== undefined && cluster !== undefined && cluster !== kind) return true;
  const isHere = needs === undefined || needs.some(path => isGiven(readPath(scope.roots, path)));
  return !isHere || (unless !== undefined && isSaid(unless, scope));
}

/** What it works on is still to be chosen. */
const isOpen = ({ on }: StepType, { roots, openRoots }: Scope) => on !== undefined && openRoots.has(on) && !roots[on];

/** Null: the step is optional, and nothing here has it. */
function resolveTask(catalogue: Catalogue, step: StepType, scope: Scope): ResolvedTask | null {
  const done = resolvePlainTask(catalogue, step, scope);
  if (done && scope.check) return { ...done, undo: null, notCompared: whyNotCompared(done) };
  return done && { ...done, undo: resolveUndo(catalogue, done, scope), notCompared: '' };
}

type PlainTask = Omit<ResolvedTask, 'undo' | 'notCompared'>;

/** What is not carried out gives nothing: what is made of it cannot be compared either. */
export function withoutUnknown(steps: ResolvedStep[], unknown = new Set<string>()): ResolvedStep[] {
  return steps.map(step => {
    if (step.kind !== 'task') return { ...step, steps: withoutUnknown(step.steps, unknown) };
    const isOpen = step.sources.some(
      ({ source }) =>
        source.kind === 'input' && source.input.from === 'output' && unknown.has(source.input.step.join('.')),
    );
    const notCompared = step.notCompared || (isOpen ? 'It works with what an earlier step would give.' : '');
    if (notCompared) unknown.add([...step.scope.within, step.step.id].join('.'));
    return { ...step, notCompared };
  });
}

function whyNotCompared({ type, chosen, sources, scope }: PlainTask): string {
  if (type.changes && !type.preview) return 'It cannot be carried out without changing anything.';
  if (chosen.target === 'server' && !scope.roots.server) return 'Its Server is not known.';
  const missing = sources.flatMap(({ source }) => (source.kind === 'missing' ? [source.message] : []));
  return missing.join(' ');
}

function resolvePlainTask(catalogue: Catalogue, step: StepType, scope: Scope): PlainTask | null {
  const name = taskTypeName(catalogue, step, scope);
  if (name === null) return null;
  const type = catalogue.taskTypes.get(name);
  if (!type) throw new AppError('not_found', `The catalogue has no Task type "${name}". Run ./aegir catalogue check.`);
  const own = { ...scope, roots: rootsOnServer(type, rootsOn(step.on, scope.roots)) };
  const kind = kindOfCluster(type, own.roots);
  const chosen = chooseBackend(type, kind);
  if (!chosen && step.optional) return null;
  if (!chosen) throw new AppError('conflict', noBackendWords(type, kind));
  if (step.optional && chosen.target === 'server' && !own.roots.server) return null;
  const specs = argumentsOn(type, kind).map(argument =>
    isNeedless(argument, own) ? { ...argument, required: false } : argument,
  );
  const sources = specs.map(argument => ({ argument, source: sourceOf(type, argument, step.with, own) }));
  return { kind: 'task', step, type: { ...type, arguments: specs }, chosen, sources, scope: own };
}

/** By name it is given what the step gave, then what the step got. Null: nothing can undo it. */
function resolveUndo(catalogue: Catalogue, done: PlainTask, scope: Scope): ResolvedUndo | null {
  const { step, type } = done;
  const task = step.undo ?? type.undo;
  if (!task || task === keepWord || step.destroys) return null;
  const destroys = task === destroyWord;
  const given: Record<string, Input> = {};
  for (const { argument, source } of done.sources) if (source.kind === 'input') given[argument.name] = source.input;
  for (const { name } of type.outputs) {
    // One that has failed gave nothing; what is destroyed is what was made with these values.
    if ((step.undoFailed || destroys) && given[name]) continue;
    given[name] = { from: 'output', step: [...scope.within, step.id], output: name };
  }
  const { title: _title, ...rest } = step;
  const resolve = (name: string, bindings: Record<string, unknown> = {}) =>
    resolvePlainTask(
      catalogue,
      { ...rest, task: name, with: bindings, optional: true, ...(destroys ? { destroys } : {}) },
      { ...scope, given },
    );
  const resolved = resolve(destroys ? type.name : task, step.undoWith);
  const { undoWhen, undoStates } = step.undo ? step : type;
  // The backend knows what a Task has made before it failed.
  const failed = step.undoFailed === true || destroys;
  const rules = { when: undoWhen ?? null, states: undoStates ?? null, failed };
  const further = step.undo && step.undoThen ? resolve(step.undoThen, step.undoThenWith) : null;
  return resolved && { ...resolved, ...rules, further: further && { ...further, ...rules, further: null } };
}

/** For a Task that runs on another Server than its Environment's web server, that one is `server`. */
function rootsOnServer(type: TaskType, roots: PathRoots): PathRoots {
  if (!type.server) return roots;
  const { server: _web, ...others } = roots;
  const server = readPath(roots, type.server) as PathRoot | null | undefined;
  return server ? { ...others, server } : others;
}

/** `$application.install` → the Task type that the Project's application names for it. */
function taskTypeName(catalogue: Catalogue, { task = '', optional }: StepType, scope: Scope): string | null {
  const verb = verbOf(task);
  if (verb === undefined) return task;
  const application = String(scope.roots.project?.application ?? '');
  const found = catalogue.applicationTypes.get(application)?.verbs[verb];
  if (!found && !optional) throw new AppError('conflict', missingVerb(application, verb));
  return found ?? null;
}

function resolveNested(catalogue: Catalogue, step: StepType, outer: Scope): ResolvedOperation {
  const type = catalogue.operationTypes.get(step.operation ?? '');
  if (!type)
    throw new AppError(
      'not_found',
      `The catalogue has no Operation type "${step.operation}". Run ./aegir catalogue check.`,
    );
  const roots = rootsOn(step.on, outer.roots);
  const root = roots[type.on];
  if (!root) throw new AppError('conflict', `“${type.title}” needs a ${type.on}, and there is none here.`);
  const given = Object.fromEntries(
    Object.keys(step.with).flatMap(name => {
      // A nested Operation is given values by name just as a Task is.
      const source = sourceOf(noTask, { name, type: 'raw' }, step.with, outer);
      return source.kind === 'input' ? [[name, source.input] as [string, Input]] : [];
    }),
  );
  const scope: Scope = { ...outer, roots, given, fields: type.fields, within: [...outer.within, step.id] };
  return {
    kind: 'operation',
    step,
    type,
    subject: { kind: type.on, root },
    scope,
    steps: resolveSteps(catalogue, type.steps, scope),
  };
}

/** What is seen from another Environment, by Tasks and nested Operations. Where data come from is known to all. */
function rootsOn(name: RootName | undefined, roots: PathRoots): PathRoots {
  if (!isRelatedRoot(name)) return roots;
  const { [name]: environment, source, backup, application } = roots;
  return {
    ...withOwners(environment ? { environment } : {}),
    ...(source && { source }),
    ...(backup && { backup }),
    ...(application && { application }),
  };
}

const noTask = { name: '' } as TaskType;

export function* resolvedTasks(steps: ResolvedStep[]): Generator<ResolvedTask> {
  for (const step of steps) {
    if (step.kind !== 'task') yield* resolvedTasks(step.steps);
    else if (!step.notCompared) yield step;
  }
}

/** Of an Operation that only compares. */
export function* notComparedTasks(steps: ResolvedStep[]): Generator<ResolvedTask> {
  for (const step of steps) {
    if (step.kind !== 'task') yield* notComparedTasks(step.steps);
    else if (step.notCompared) yield step;
  }
}

export function* resolvedOperations(steps: ResolvedStep[]): Generator<ResolvedOperation> {
  for (const step of steps) {
    if (step.kind === 'operation') yield step;
    if (step.kind !== 'task') yield* resolvedOperations(step.steps);
  }
}
