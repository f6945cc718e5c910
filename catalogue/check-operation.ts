// Holds an Operation type against the others: its steps name types that exist, every required argument has a value, what
// `with:` binds is there, nested Operations end.

import { argumentsOn, chooseBackend } from '../model/backend-choice.ts';
import type { Problem } from '../model/errors.ts';
import type { FieldSpec } from '../model/fields.ts';
import { suggestName } from '../model/near-name.ts';
import { type OperationType, type StepType, verbOf } from '../model/operation-type.ts';
import { isEntityKind, isRelatedRoot, kindOfRoot, type RootName, resolvePathType } from '../model/paths.ts';
import { type Argument, keepWord, planningBackends, type TaskType } from '../model/task-type.ts';
import { joinPath } from '../model/validate.ts';
import { type BindingScope, checkBinding, checkRoot } from './check-bindings.ts';
import { checkForm } from './check-form.ts';
import {
  applicationsOf,
  flatSteps,
  givableFields,
  isReachable,
  isUnknown,
  type KnownTypes,
  reachableRoots,
  type TaskCandidate,
  taskCandidates,
} from './operation-scope.ts';
import type { ReadOperationType } from './read-operation-type.ts';

interface Check extends Omit<BindingScope, 'earlier'> {
  problems: Problem[];
  pathOf(step: StepType): string;
}

export function checkOperation(read: ReadOperationType, known: KnownTypes): Problem[] {
  const { type, stepPaths } = read;
  const pathOf = (step: StepType) => stepPaths.get(step) ?? 'steps';
  const check: Check = { operation: type, known, roots: reachableRoots(type), problems: [], pathOf };
  checkHead(check);
  checkSteps(type.steps, [], check);
  for (const { step, message } of checkForm(type, known)) {
    check.problems.push({ path: step ? pathOf(step) : 'fields', message });
  }
  return check.problems;
}

function checkHead(check: Check): void {
  const { operation, known, problems, roots } = check;
  for (const [index, name] of operation.for.application.entries()) {
    const problem = unknownType('Application type', name, known.applicationTypes, known.refused.applicationTypes);
    if (problem) problems.push({ path: `for.application.${index}`, message: problem });
  }
  const { takenBackBy = '' } = operation;
  const other = known.operationTypes.get(takenBackBy);
  const problem =
    takenBackBy && unknownType('Operation type', takenBackBy, known.operationTypes, known.refused.operationTypes);
  if (problem) problems.push({ path: 'taken_back_by', message: problem });
  else if (other && other.on !== operation.on)
    problems.push({ path: 'taken_back_by', message: `is of a ${other.on}, not of a ${operation.on}.` });
  for (const field of operation.fields) {
    if (isEntityKind(field.name) && field.to !== field.name) {
      const message = `is called like a root, so it must be a reference to a ${field.name}.`;
      problems.push({ path: `fields.${field.name}`, message });
    }
  }
  for (const { name, to, ask } of operation.fields.filter(field => isRelatedRoot(field.name))) {
    if (to !== 'environment')
      problems.push({ path: `fields.${name}`, message: 'must be a reference to an environment.' });
    // Else an answer could be any Environment.
    if (name === 'target' && ask !== false)
      problems.push({ path: 'fields.target', message: 'must have "ask: false".' });
  }
  const right = operation.putRightBy;
  if (right !== undefined) {
    const problem = unknownType('Operation type', right, known.operationTypes, known.refused.operationTypes);
    const on = known.operationTypes.get(right)?.on;
    if (problem) problems.push({ path: 'put_right_by', message: problem });
    else if (on !== operation.on)
      problems.push({ path: 'put_right_by', message: `"${right}" runs on a ${on}, not on a ${operation.on}.` });
  }
  for (const root of Object.keys(operation.locks)) {
    const problem = roots.has(root as RootName) ? null : checkRoot(root as RootName, check);
    if (problem) problems.push({ path: `locks.${root}`, message: problem });
  }
}

/** Answers the steps that are over after these. */
function checkSteps(steps: StepType[], before: StepType[], check: Check): StepType[] {
  let earlier = before;
  for (const step of steps) {
    checkNeeded(step, check, (key, message) =>
      check.problems.push({ path: joinPath(check.pathOf(step), key), message }),
    );
    if (step.parallel) {
      // Steps side by side do not see each other.
      for (const inner of step.parallel) checkSteps([inner], earlier, check);
    } else if (step.operation) checkNested(step, step.operation, earlier, check);
    else checkTaskStep(step, step.task ?? '', earlier, check);
    earlier = [...earlier, step];
  }
  return earlier;
}

function checkTaskStep(step: StepType, task: string, earlier: StepType[], outer: Check): void {
  // It is there only where its root is.
  const needed = broughtRoots(step);
  const check = needed.length > 0 ? { ...outer, roots: new Set([...outer.roots, ...needed]) } : outer;
  const report = (key: string, message: string) =>
    check.problems.push({ path: joinPath(check.pathOf(step), key), message });
  for (const message of checkTaskName(task, check, step.optional)) report('task', message);
  const candidates = taskCandidates(task, check.operation, check.known);
  const scope = { ...check, earlier };
  checkWith(
    step.with,
    candidates.flatMap(({ type }) => type.arguments),
    { scope, at: 'with', report, what: task },
  );
  if (step.on) reportIf(report, 'on', checkRoot(step.on, check));
  for (const candidate of candidates) checkNeeds(candidate, step, check, report);
  // Of an application's own it is told with each run.
  for (const { type, application } of candidates)
    if (check.operation.check && !application && type.changes && !type.preview)
      report('task', `"${type.name}" cannot be carried out without changing anything ("preview: false").`);
  for (const { type } of candidates)
    if (step.destroys && !type.backends.some(name => planningBackends.includes(name)))
      report(
        'destroy',
        `"${type.name}" keeps no state: only ${planningBackends.join(', ')} can destroy what it has made.`,
      );
  checkUndo(step, { ...scope, earlier: [...earlier, step] }, report);
}

/** Those of what the step needs that an outer Operation brings: Environments beside the subject, an archive. */
function broughtRoots({ needs = [] }: StepType): RootName[] {
  return needs.flatMap(path => {
    const [root] = path.split('.');
    return isRelatedRoot(root) || root === 'archive' ? [root] : [];
  });
}

function checkNeeded(step: StepType, { roots }: Check, report: Report): void {
  const known = new Set([...roots, ...broughtRoots(step)]);
  for (const path of step.needs ?? []) {
    const type = resolvePathType(path);
    if ('problem' in type) report('needs', type.problem);
    else if (!isReachable(path, known)) report('needs', `"${path}" is not known here.`);
  }
}

function checkTaskName(task: string, { operation, known, roots }: Check, optional = false): string[] {
  const verb = verbOf(task);
  if (verb === undefined) {
    const problem = unknownType('Task type', task, known.taskTypes, known.refused.taskTypes);
    return problem ? [problem] : [];
  }
  if (!roots.has('project')) return [`An Operation on a ${operation.on} has no Project, hence no application.`];
  const applications = applicationsOf(operation, known);
  const without = applications.filter(type => !Object.hasOwn(type.verbs, verb)).map(type => type.name);
  if (without.length === applications.length) {
    const verbs = [...new Set(applications.flatMap(type => Object.keys(type.verbs)))];
    return [
      `No Application type has the verb "${verb}".${suggestName(verb, verbs)} Known: ${verbs.join(', ') || 'none'}.`,
    ];
  }
  const usable = applications.filter(
    type => !without.includes(type.name) && !known.refused.applicationTypes.has(type.name),
  );
  if (usable.length === 0) return [`Only Application types with mistakes have the verb "${verb}": mend them first.`];
  const chosen = operation.for.application.length > 0;
  return chosen && !optional && without.length > 0
    ? [`The Application types ${without.join(', ')} under "for" have no verb "${verb}".`]
    : [];
}

/** A required argument that can neither be filled nor asked, or a Server that is not there. */
function checkNeeds({ type, application }: TaskCandidate, step: StepType, check: Check, report: Report): void {
  const behind = application ? ` (${type.name} of ${application})` : '';
  const root = (type.server ?? 'server').split('.')[0];
  const [kind, other] = check.operation.for.cluster;
  // Of Operations for Clusters of one kind that kind's backend is known.
  const only = other === undefined ? kind : undefined;
  const target = only === undefined ? type.target : (chooseBackend(type, only)?.target ?? type.target);
  if (target === 'server' && isEntityKind(root) && !check.roots.has(root)) {
    report('task', `It runs on a Server${behind}. ${checkRoot(root, check)}`);
  }
  for (const argument of only === undefined ? type.arguments : argumentsOn(type, only)) {
    if (!argument.required || Object.hasOwn(step.with, argument.name) || canBeFilled(argument, check)) continue;
    // What it is part of gives it.
    if (broughtRoots(step).length > 0) continue;
    report('with', `The argument "${argument.name}"${behind} has no value here and is never asked: give it.`);
  }
}

function canBeFilled(argument: Argument, { roots, operation }: Check): boolean {
  const isAsked = operation.check ? argument.remember === true : argument.ask !== false;
  return isAsked || isFilledUnasked(argument, { roots });
}

function isFilledUnasked(argument: Argument, { roots }: Pick<Check, 'roots'>): boolean {
  if (argument.default !== undefined) return true;
  return (argument.from ?? []).some(path => isReachable(path, roots) && 'spec' in resolvePathType(path));
}

type Report = (key: string, message: string) => void;

function reportIf(report: Report, key: string, message: string | null): void {
  if (message) report(key, message);
}

interface WithPlace {
  scope: BindingScope;
  at: 'with' | 'undo_with' | 'undo_then_with';
  report: Report;
  what: string;
}

function checkWith(
  bindings: Record<string, unknown>,
  targets: FieldSpec[],
  { scope, at, report, what }: WithPlace,
): void {
  // Without a known type behind the step, that is the mistake to name.
  if (targets.length === 0 && !hasType(what, scope.known, scope.operation)) return;
  const names = [...new Set(targets.map(target => target.name))];
  for (const [name, value] of Object.entries(bindings)) {
    const same = targets.filter(target => target.name === name);
    if (same.length === 0) {
      report(
        `${at}.${name}`,
        `"${name}" is no argument of "${what}".${suggestName(name, names)} Known: ${names.join(', ') || 'none'}.`,
      );
    }
    for (const message of checkBinding(value, same, scope)) report(`${at}.${name}`, message);
  }
}

function hasType(what: string, known: KnownTypes, operation: OperationType): boolean {
  return known.operationTypes.has(what) || taskCandidates(what, operation, known).length > 0;
}

function checkUndo(step: StepType, scope: BindingScope & Check, report: Report): void {
  checkBeside(step, report);
  checkUndoneBy(step, scope, report);
  if (step.destroys && step.undo) report('undo', 'What was destroyed is not undone.');
  if (step.undo === undefined || step.undo === keepWord) return;
  const done = taskCandidates(step.task ?? '', scope.operation, scope.known).map(({ type }) => type);
  const outputs = done.flatMap(type => type.outputs.map(output => output.name));
  if (step.undoWhen !== undefined && done.length > 0 && !outputs.includes(step.undoWhen)) {
    report('undo_when', `"${step.undoWhen}" is no output of this step. Known: ${outputs.join(', ') || 'none'}.`);
  }
  const place = { done, scope, report };
  checkUndoTask('undo', step.undo, step.undoWith, place);
  if (step.undoThen !== undefined) checkUndoTask('undo_then', step.undoThen, step.undoThenWith, place);
}

function checkBeside(step: StepType, report: Report): void {
  const { undoWith: undo_with, undoWhen: undo_when, undoStates: undo_states, undoFailed: undo_failed } = step;
  const beside = { undo_with, undo_when, undo_states, undo_failed, undo_then: step.undoThen };
  for (const [key, given] of Object.entries(beside)) {
    if (given !== undefined && step.undo === undefined) report(key, 'has a meaning only beside "undo".');
  }
  if (step.undoThenWith && !step.undoThen) report('undo_then_with', 'has a meaning only beside "undo_then".');
}

interface UndoPlace {
  /** Task types that it takes back. */
  done: TaskType[];
  scope: BindingScope & Check;
  report: Report;
}

function checkUndoTask(
  key: 'undo' | 'undo_then',
  task: string,
  bindings: Record<string, unknown> = {},
  { done, scope, report }: UndoPlace,
): void {
  for (const message of checkTaskName(task, scope)) report(key, message);
  const candidates = taskCandidates(task, scope.operation, scope.known);
  const targets = candidates.flatMap(({ type }: { type: TaskType }) => type.arguments);
  checkWith(bindings, targets, { scope, at: `${key}_with`, report, what: task });
  const known = new Set([...Object.keys(bindings), ...namesOf(done)]);
  for (const { type } of candidates) {
    for (const argument of type.arguments) {
      if (!argument.required || known.has(argument.name) || isFilledUnasked(argument, scope)) continue;
      report(
        `${key}_with`,
        `The argument "${argument.name}" of "${type.name}" has no value here: an undo asks nobody.`,
      );
    }
  }
}

function checkUndoneBy({ undoneBy, undo }: StepType, { operation }: Check, report: Report): void {
  if (undoneBy === undefined) return;
  const step = [...flatSteps(operation.steps)].find(({ id }) => id === undoneBy);
  if (!step) report('undone_by', `There is no step "${undoneBy}".`);
  if (undo !== undefined) report('undone_by', 'has no meaning beside "undo".');
}

/** What an undo is given by name: what its step got and what it gave. */
function namesOf(types: TaskType[]): string[] {
  return types.flatMap(type => [...type.arguments, ...type.outputs].map(({ name }) => name));
}

function checkNested(step: StepType, name: string, earlier: StepType[], check: Check): void {
  const { known, operation } = check;
  const report = (key: string, message: string) =>
    check.problems.push({ path: joinPath(check.pathOf(step), key), message });
  reportIf(
    report,
    'operation',
    unknownType('Operation type', name, known.operationTypes, known.refused.operationTypes),
  );
  const nested = known.operationTypes.get(name);
  if (nested) {
    const cycle = findCycle(operation.name, nested, known);
    if (cycle) report('operation', `An Operation must not contain itself: ${[operation.name, ...cycle].join(' → ')}.`);
    reportIf(report, 'operation', checkRoot(nested.on, check));
    if (step.on) reportIf(report, 'on', checkRoot(step.on, check));
    const subject = step.on ? kindOfRoot(step.on) : operation.on;
    if (subject !== nested.on) {
      const hint = step.on ? `not on a ${step.on}` : `so this step needs "on: ${nested.on}"`;
      report('on', `"${name}" runs on a ${nested.on}, ${hint}.`);
    }
    const open = nested.steps.some(inner => isUnknown(inner, nested, known));
    if (!open)
      checkWith(step.with, givableFields(nested, known), {
        scope: { ...check, earlier },
        at: 'with',
        report,
        what: name,
      });
  }
  if (step.undo !== undefined) report('undo', 'An Operation is undone step by step: its own steps say how.');
}

/** Names from `type` on to `start`, when it leads back there. */
function findCycle(start: string, type: OperationType, known: KnownTypes, seen = new Set<string>()): string[] | null {
  if (type.name === start) return [start];
  if (seen.has(type.name)) return null;
  seen.add(type.name);
  for (const step of flatSteps(type.steps)) {
    const nested = step.operation === undefined ? undefined : known.operationTypes.get(step.operation);
    const cycle = nested && findCycle(start, nested, known, seen);
    if (cycle) return [type.name, ...cycle];
  }
  return null;
}

export function unknownType(
  what: string,
  name: string,
  known: ReadonlyMap<string, unknown>,
  refused: ReadonlySet<string>,
): string | null {
  if (refused.has(name)) return `The ${what} "${name}" is refused for mistakes of its own: mend them first.`;
  return known.has(name) ? null : `There is no ${what} "${name}".${suggestName(name, known.keys())}`;
}
