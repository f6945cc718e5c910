// Freezes an Operation: from the resolved steps and the answers to the plan that the workflow carries out.

import type { Changed } from './changed-fields.ts';
import { isDict } from './coerce.ts';
import { type EntityKind, entityKinds } from './entities.ts';
import type { Problem } from './errors.ts';
import type { OperationType } from './operation-type.ts';
import { readPath } from './paths.ts';
import type { Input, Plan, PlanStep, RunnableStep, SubjectReference, TaskStep, UndoStep } from './plan.ts';
import { planLocks } from './plan-locks.ts';
import type { PathRoots } from './step-values.ts';
import { keepWord } from './task-type.ts';
import { validateFields } from './validate.ts';
import {
  type ResolvedOperation,
  type ResolvedStep,
  type ResolvedTask,
  type ResolvedUndo,
  resolvedTasks,
} from './walk-steps.ts';

export interface PlanRequest {
  type: OperationType;
  subject: SubjectReference;
  roots: PathRoots;
  steps: ResolvedStep[];
  changed: Changed | null;
  organisation: string;
  startedBy: string;
  priority: number;
  /** Sortable unique ids: called in the order of the steps. */
  newId(): string;
  /** A person may skip each Task of this nested Operation. */
  skippable?: boolean;
}

export function makePlan(request: PlanRequest): Plan {
  const operationId = request.newId();
  const head = header(request.type, request, operationId);
  const preflightTaskId = request.newId();
  const steps = request.steps.map(step => planStep(step, request));
  const { changed } = request;
  const change = changed ? { before: changed.before, sets: { ...head.sets, ...changed.after } } : {};
  return { ...head, ...change, preflightTaskId, locks: planLocks(request), steps };
}

function header(
  type: OperationType,
  request: PlanRequest,
  operationId: string,
): Omit<Plan, 'preflightTaskId' | 'locks' | 'steps'> {
  const names = Object.fromEntries(
    entityKinds.flatMap(kind => (request.roots[kind] ? [[kind, String(request.roots[kind].name)]] : [])),
  );
  return {
    operationId,
    type: type.name,
    version: type.version,
    title: type.title,
    subject: request.subject,
    organisation: request.organisation,
    startedBy: request.startedBy,
    priority: request.priority,
    minimumRole: type.minimumRole,
    states: type.states,
    ...(Object.keys(type.sets).length > 0 ? { sets: valuesAt(type.sets, request.roots) } : {}),
    ...(type.exchanges && request.roots.target
      ? { side: { id: request.roots.target.id, added: type.adds?.side === true, exchanges: type.exchanges } }
      : {}),
    ...(type.touchesFrom ? { touchesFrom: type.touchesFrom } : {}),
    names,
    onFailure: type.onFailure ?? null,
  };
}

/** A path that ends at an entity means its id. */
function valuesAt(paths: Record<string, string>, roots: PathRoots): Record<string, unknown> {
  const resolve = (path: string) => {
    const value = readPath(roots, path);
    return isDict(value) && 'id' in value ? value.id : (value ?? null);
  };
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, resolve(path)]));
}

function planStep(step: ResolvedStep, request: PlanRequest): PlanStep {
  if (step.kind === 'task') return planTask(step, request);
  if (step.kind === 'parallel')
    return { kind: 'parallel', id: step.step.id, steps: step.steps.map(inner => planStep(inner, request)) };
  return { kind: 'operation', id: step.step.id, plan: planNested(step, request) };
}

function planNested(step: ResolvedOperation, request: PlanRequest): Plan {
  const { kind, root } = step.subject;
  const subject = { kind, id: root.id, name: String(root.name) };
  return {
    ...header(step.type, { ...request, subject, roots: step.scope.roots }, request.newId()),
    preflightTaskId: null,
    locks: [],
    steps: step.steps.map(inner =>
      planStep(inner, isSkippable(step, request) ? { ...request, skippable: true } : request),
    ),
  };
}

const isSkippable = ({ step }: ResolvedStep, { skippable = false }: PlanRequest) => step.skippable ?? skippable;

function planTask(resolved: ResolvedTask, request: PlanRequest): TaskStep {
  const { undo, step } = resolved;
  const task = planPlainTask(resolved, request);
  return {
    ...task,
    skippable: isSkippable(resolved, request),
    undo: undo && planUndo(undo, task, request),
    undoneBy: step.undoneBy ?? null,
    keeps: (step.undo ?? resolved.type.undo) === keepWord,
  };
}

/** null: what it needs to know is nowhere, so nothing can undo the step. */
function planUndo(
  resolved: ResolvedUndo,
  done: { taskId: string; title: string },
  request: PlanRequest,
): UndoStep | null {
  const isOpen = resolved.sources.some(
    ({ argument, source }) =>
      argument.required && (source.kind === 'missing' || (source.kind === 'ask' && source.default === undefined)),
  );
  if (isOpen) return null;
  const task = planPlainTask(resolved, request);
  const { when, states, failed } = resolved;
  const further =
    resolved.further && planUndo(resolved.further, { ...done, title: resolved.further.type.title }, request);
  // Of two each is called by what it does.
  const title = `Undo: ${further ? resolved.type.title : done.title}`;
  const more = { ...(failed ? { failed } : {}), ...(further ? { further } : {}) };
  return { ...task, title, undoes: done.taskId, when, states, ...more };
}

function planPlainTask(
  { step, type, sources, scope }: ResolvedTask | ResolvedUndo,
  request: PlanRequest,
): RunnableStep {
  const inputs: Record<string, Input> = {};
  for (const { argument, source } of sources) {
    if (source.kind === 'input') inputs[argument.name] = source.input;
    else if (source.kind === 'ask' && source.default !== undefined) inputs[argument.name] = asInput(source.default);
  }
  const server = scope.roots.server;
  const roots = Object.fromEntries(
    entityKinds.flatMap(kind => (scope.roots[kind] ? [[kind, scope.roots[kind].id]] : [])),
  );
  return {
    kind: 'task',
    id: step.id,
    taskId: request.newId(),
    taskType: type.name,
    version: type.version,
    title: step.title ?? type.title,
    // The catalogue refuses a Task type without a backend; the first one that it lists is its own choice.
    backend: type.backends[0] ?? 'ansible',
    target: type.target,
    server: type.target === 'server' && server ? { kind: 'server', id: server.id, name: String(server.name) } : null,
    inputs,
    outputs: type.outputs,
    roots: roots as Partial<Record<EntityKind, string>>,
    timeoutSeconds: type.timeoutSeconds,
    retry: type.retry,
    repeatable: type.repeatable,
  };
}

/** A remembered secret is still a reference. */
function asInput(value: unknown): Input {
  const secret = (value as { $secret?: unknown } | null)?.$secret;
  return typeof secret === 'string' ? { from: 'secret', id: secret } : { from: 'value', value };
}

/** Mistakes that show only when all values of a Task are together; values that come later are left out of the check. */
export function checkTaskValues(steps: ResolvedStep[]): Problem[] {
  return [...resolvedTasks(steps)].flatMap(({ type, sources, step }) => {
    const values: Record<string, unknown> = {};
    const later = new Set<string>();
    for (const { argument, source } of sources) {
      if (source.kind === 'input' && source.input.from === 'value') values[argument.name] = source.input.value;
      else if (source.kind === 'ask' && source.default !== undefined) values[argument.name] = source.default;
      else if (source.kind === 'input' && source.input.from === 'secret')
        values[argument.name] = { $secret: source.input.id };
      else if (source.kind !== 'none' && source.kind !== 'ask') later.add(argument.name);
    }
    const specs = type.arguments.filter(argument => !later.has(argument.name));
    const { problems } = validateFields(specs, values, later.size > 0 ? {} : { rules: type.rules });
    return problems.map(problem => ({ path: problem.path, message: `${type.title} (${step.id}): ${problem.message}` }));
  });
}
