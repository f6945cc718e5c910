// Reads one Operation type from operations/<name>.yml. What it refers to is checked in check-operation.ts.

import type { Role } from '../model/access.ts';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { isDict } from '../model/coerce.ts';
import { type EntityKind, entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { AddedEnvironment, OperationCheck, OperationType, StepType } from '../model/operation-type.ts';
import { type RootName, resolvePathType } from '../model/paths.ts';
import type { FailurePolicy } from '../model/plan.ts';
import { placeFields } from '../model/sides.ts';
import { joinPath, validateFields } from '../model/validate.ts';
import { definedOnly } from './defined-only.ts';
import { typeName } from './find-types.ts';
import { checkKeys, checkWord, operationKeys, stepKeys } from './formats.ts';
import { readFields } from './operation-fields.ts';
import { flatSteps } from './operation-scope.ts';
import { readAdded } from './read-added.ts';
import { readChanges } from './read-changes.ts';
import { hashData, readYamlFile } from './read-file.ts';
import { checkSource } from './type-agreement.ts';
import { locate, type YamlSource } from './yaml-source.ts';

export interface ReadOperationType {
  type: OperationType;
  source: YamlSource;
  /** Where each step stands in the file: `steps.2.parallel.0`. */
  stepPaths: ReadonlyMap<StepType, string>;
}

export async function readOperationType(
  file: string,
): Promise<{ read?: ReadOperationType; problems: CatalogueProblem[] }> {
  const parsed = await readYamlFile(file);
  if ('problems' in parsed) return parsed;
  const { source } = parsed;
  const { values, problems: mistakes } = validateFields(operationKeys, source.data);
  const name = typeName(file);
  const wrongName = checkWord(name);
  if (wrongName) mistakes.push({ path: '', message: `The name "${name}" ${wrongName}` });
  const on = values.on as EntityKind | undefined;
  if (on) checkStates(on, values, mistakes);
  const stepPaths = new Map<StepType, string>();
  const scope = (values.for ?? {}) as { cluster?: string[]; application?: string[] };
  const fields = readFields(on, values.fields, mistakes);
  const type = definedOnly<OperationType>({
    action: values.action === true,
    check: values.check === true || undefined,
    putRightBy: values.put_right_by as string | undefined,
    opens: values.opens as string | undefined,
    name,
    title: String(values.title ?? name),
    description: String(values.description ?? ''),
    version: hashData(source.data),
    on: on ?? 'environment',
    when: (values.when ?? []) as string[],
    for: { cluster: scope.cluster ?? [], application: scope.application ?? [] },
    confirm: values.confirm as string | undefined,
    confirmedBy: values.confirmed_by as Record<string, string> | undefined,
    dangerous: values.dangerous === true,
    minimumRole: (values.minimum_role ?? 'operator') as Role,
    adds: readAdded(on, values.adds as Partial<AddedEnvironment> | undefined, mistakes),
    changes: readChanges(values.changes, { on, fields, mistakes }),
    checks: readChecks(values.checks, mistakes),
    fields,
    locks: (values.locks ?? {}) as OperationType['locks'],
    states: (values.states ?? {}) as OperationType['states'],
    sets: readSets(on, values.sets, mistakes),
    exchanges: values.exchanges as string[] | undefined,
    touchesFrom: values.touches_from as string | undefined,
    takenBackBy: values.taken_back_by as string | undefined,
    onFailure: readPolicy(values.on_failure, mistakes),
    steps: readSteps(values.steps, { path: 'steps', mistakes, ids: new Set(), stepPaths }),
  });
  checkConfirmed(type, mistakes);
  checkUnless(type, stepPaths, mistakes);
  checkTouches(type, mistakes);
  checkAlways(type, stepPaths, mistakes);
  checkExchanges(type, mistakes);
  checkAction(type, mistakes);
  checkComparing(type, mistakes);
  // Without its kind nothing else can be checked.
  return { ...(on && { read: { type, source, stepPaths } }), problems: locate(source, mistakes) };
}

function checkStates(on: EntityKind, values: Record<string, unknown>, mistakes: Problem[]): void {
  const known: readonly string[] = entities[on].states;
  const check = (path: string, state: unknown) => {
    if (typeof state !== 'string' || known.includes(state)) return;
    mistakes.push({ path, message: `"${state}" is no state of a ${on}; states: ${known.join(', ')}.` });
  };
  for (const [index, state] of ((values.when ?? []) as string[]).entries()) check(`when.${index}`, state);
  for (const [end, state] of Object.entries(isDict(values.states) ? values.states : {})) check(`states.${end}`, state);
}

/** Paths with a `$` in front, as in `with:`. */
function readSets(on: EntityKind | undefined, raw: unknown, mistakes: Problem[]): Record<string, string> {
  const fields = on ? [...entities[on].fields, ...entities[on].resultFields] : [];
  return Object.fromEntries(
    Object.entries(isDict(raw) ? raw : {}).flatMap(([name, value]) => {
      const path = `sets.${name}`;
      const field = fields.find(each => each.name === name);
      const source = typeof value === 'string' && value.startsWith('$') ? value.slice(1) : undefined;
      const wrong = field ? source && checkSource(source, field) : `"${name}" is no field of a ${on}.`;
      if (!source) mistakes.push({ path, message: 'must be a path with "$" in front, such as $backup.release.' });
      else if (wrong) mistakes.push({ path, message: wrong });
      return source ? [[name, source]] : [];
    }),
  );
}

function checkConfirmed({ on, fields, confirmedBy }: OperationType, mistakes: Problem[]): void {
  const states: readonly string[] = entities[on].states;
  for (const [state, name] of Object.entries(confirmedBy ?? {})) {
    const report = (message: string) => mistakes.push({ path: `confirmed_by.${state}`, message });
    if (!states.includes(state)) report(`"${state}" is no state of a ${on}; states: ${states.join(', ')}.`);
    if (fields.find(field => field.name === name)?.type !== 'bool')
      report(`"${name}" is no field of the type bool here.`);
  }
}

function readChecks(raw: unknown, mistakes: Problem[]): OperationCheck[] | undefined {
  if (!Array.isArray(raw) || raw.length === 0) return undefined;
  const listed = (value: unknown) => (value === undefined ? undefined : Array.isArray(value) ? value : [value]);
  return raw.map((entry, index) => {
    const path = `checks.${index}`;
    const { values, problems } = validateFields(checkKeys, entry as Record<string, unknown>, { path });
    mistakes.push(...problems);
    const { that = '', unless, message = '' } = values as Partial<OperationCheck>;
    const [is, isNot] = [listed(values.is), listed(values.is_not)];
    for (const value of [`$${that}`, ...(is ?? []), ...(isNot ?? [])]) {
      const found = typeof value === 'string' && value.startsWith('$') ? resolvePathType(value.slice(1)) : null;
      if (found && 'problem' in found) mistakes.push({ path, message: found.problem });
    }
    if (!is && !isNot) mistakes.push({ path, message: 'needs "is" or "is_not".' });
    return definedOnly<OperationCheck>({ that, is, isNot, unless, message });
  });
}

function checkUnless({ checks = [], fields }: OperationType, stepPaths: Map<StepType, string>, mistakes: Problem[]) {
  const places = [
    ...checks.map(({ unless }, index) => ({ unless, path: `checks.${index}` })),
    ...[...stepPaths].map(([{ unless }, path]) => ({ unless, path })),
  ];
  for (const { unless, path } of places) {
    if (unless === undefined || fields.find(field => field.name === unless)?.type === 'bool') continue;
    mistakes.push({ path: joinPath(path, 'unless'), message: `"${unless}" is no field of the type bool here.` });
  }
}

function checkTouches({ touchesFrom, steps }: OperationType, mistakes: Problem[]): void {
  if (touchesFrom === undefined || steps.some(({ id, task }) => id === touchesFrom && task !== undefined)) return;
  mistakes.push({ path: 'touches_from', message: `"${touchesFrom}" is no step with a task here.` });
}

/** It comes behind the step from which on it is carried out, in this order also where nothing fails. */
function checkAlways({ steps }: OperationType, stepPaths: Map<StepType, string>, mistakes: Problem[]): void {
  for (const [step, path] of stepPaths) {
    if (step.always === undefined) continue;
    const report = (message: string) => mistakes.push({ path: joinPath(path, 'always'), message });
    const index = steps.indexOf(step);
    if (index < 0 || !step.operation) report('belongs to an Operation that is no part of another step.');
    else if (!steps.slice(0, index).some(({ id }) => id === step.always))
      report(`"${step.always}" is no step before it.`);
  }
}

/** Only what is of a place: everything else is the same on both sides. */
function checkExchanges({ exchanges = [], adds, fields }: OperationType, mistakes: Problem[]): void {
  const hasSide = adds?.side === true || fields.some(({ name }) => name === 'target');
  if (exchanges.length > 0 && !hasSide)
    mistakes.push({
      path: 'exchanges',
      message: 'needs the other side: "adds" with "side: true", or a field "target".',
    });
  for (const [index, name] of exchanges.entries()) {
    if ((placeFields as readonly string[]).includes(name)) continue;
    const message = `"${name}" is not of a place. These are: ${placeFields.join(', ')}.`;
    mistakes.push({ path: `exchanges.${index}`, message });
  }
}

/** A year: what waits longer is forgotten, not decided. */
const mostHours = 365 * 24;

function readPolicy(raw: unknown, mistakes: Problem[]): FailurePolicy | undefined {
  if (!isDict(raw)) return undefined;
  const { choose, after_hours: afterHours } = raw as { choose?: FailurePolicy['choose']; after_hours?: number };
  if (typeof afterHours !== 'number' || afterHours < 0 || afterHours > mostHours) {
    mistakes.push({ path: 'on_failure.after_hours', message: `must be from 0 (at once) to ${mostHours} (a year).` });
    return undefined;
  }
  return choose && { choose, afterHours };
}

/** It is one Task, and leaves no run behind that could set states or hold locks. */
function checkAction(
  { action, opens, steps, states, sets, locks, onFailure }: OperationType,
  mistakes: Problem[],
): void {
  const report = (path: string, message: string) => mistakes.push({ path, message });
  if (!action) {
    if (opens !== undefined) report('opens', 'has a meaning only beside "action: true".');
    return;
  }
  if (steps.length !== 1 || !steps[0]?.task) report('steps', 'An Action has exactly one step, and that is a task.');
  if (Object.keys(states).length > 0) report('states', 'An Action sets no states.');
  if (Object.keys(sets).length > 0) report('sets', 'An Action sets no fields.');
  if (Object.keys(locks).length > 0) report('locks', 'An Action takes no locks.');
  if (onFailure) report('on_failure', 'An Action is over at once.');
}

/** It leaves everything as it is, in the model too. */
function checkComparing(type: OperationType, mistakes: Problem[]): void {
  const report = (path: string, message: string) => mistakes.push({ path, message });
  if (!type.check) {
    if (type.putRightBy !== undefined) report('put_right_by', 'has a meaning only beside "check: true".');
    return;
  }
  const { action, states, sets, adds, changes, exchanges, touchesFrom, onFailure, locks, steps } = type;
  const writes = { states, sets, adds: adds ?? {}, changes: changes ?? {}, exchanges: exchanges ?? {} };
  for (const [key, given] of Object.entries(writes))
    if (Object.keys(given).length > 0) report(key, 'What only compares ("check: true") changes nothing.');
  if (action) report('action', 'What compares is an Operation: its differences are kept.');
  if (touchesFrom !== undefined) report('touches_from', 'What only compares ("check: true") touches nothing.');
  if (onFailure) report('on_failure', 'What only compares never asks: it goes on with the next step.');
  for (const [kind, mode] of Object.entries(locks))
    if (mode === 'exclusive') report(`locks.${kind}`, 'What only compares takes shared locks.');
  for (const { id, operation, undo } of flatSteps(steps)) {
    if (operation) report('steps', `The step "${id}" is an Operation: only Tasks can be compared.`);
    if (undo) report('steps', `The step "${id}" changes nothing, so it needs no undo.`);
  }
}

interface Place {
  path: string;
  mistakes: Problem[];
  /** Of the whole Operation type: a step is addressed by its id alone, also inside of `parallel`. */
  ids: Set<string>;
  stepPaths: Map<StepType, string>;
}

function readSteps(raw: unknown, place: Place): StepType[] {
  if (!Array.isArray(raw)) return [];
  if (raw.length === 0) place.mistakes.push({ path: place.path, message: 'must hold at least one step.' });
  return raw.flatMap((step, index) => readStep(step, { ...place, path: joinPath(place.path, String(index)) }));
}

function readStep(raw: unknown, place: Place): StepType[] {
  const { path, mistakes, ids } = place;
  const { values, problems } = validateFields(stepKeys, raw as Record<string, unknown>, { path });
  mistakes.push(...problems);
  const { id, task, operation, parallel } = values as {
    id?: string;
    task?: string;
    operation?: string;
    parallel?: unknown[];
  };
  if (id !== undefined) {
    const wrong = checkWord(id) ?? (ids.has(id) ? `The id "${id}" is taken by another step.` : null);
    if (wrong) mistakes.push({ path: joinPath(path, 'id'), message: wrong });
    ids.add(id);
  }
  const what = [task, operation, parallel].filter(entry => entry !== undefined);
  if (isDict(raw) && what.length !== 1)
    mistakes.push({ path, message: 'must have exactly one of task, operation and parallel.' });
  if (parallel && Object.keys(values.with as object).length > 0) {
    mistakes.push({ path: joinPath(path, 'with'), message: 'belongs to the steps inside of parallel.' });
  }
  if (id === undefined || what.length !== 1) return [];
  const step = definedOnly<StepType>({
    id,
    task,
    operation,
    parallel: parallel && readSteps(parallel, { ...place, path: joinPath(path, 'parallel') }),
    title: values.title as string | undefined,
    with: (values.with ?? {}) as Record<string, unknown>,
    on: values.on as RootName | undefined,
    needs: values.needs as string[] | undefined,
    unless: values.unless as string | undefined,
    for: values.for as StepType['for'],
    optional: values.optional as boolean | undefined,
    skippable: values.skippable as boolean | undefined,
    destroys: values.destroy === true || undefined,
    undo: values.undo as string | undefined,
    undoWith: values.undo_with as Record<string, unknown> | undefined,
    undoWhen: values.undo_when as string | undefined,
    undoStates: values.undo_states as string[] | undefined,
    undoFailed: values.undo_failed as boolean | undefined,
    undoThen: values.undo_then as string | undefined,
    undoThenWith: values.undo_then_with as Record<string, unknown> | undefined,
    undoneBy: values.undone_by as string | undefined,
    always: values.always as string | undefined,
  });
  place.stepPaths.set(step, path);
  return [step];
}
