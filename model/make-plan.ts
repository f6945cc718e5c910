// Freezes an Operation: from the resolved steps and the answers to the plan that the workflow carries out.

import type { ApprovalRule } from './approval.ts';
import { approvalOf, approvalOfStep, type Touched } from './approval-rules.ts';
import type { Changed } from './changed-fields.ts';
import { isDict } from './coerce.ts';
import type { NotCompared } from './drift.ts';
import { type EntityKind, entityKinds } from './entities.ts';
import type { Problem } from './errors.ts';
import type { OperationType } from './operation-type.ts';
import { isRelatedRoot, readPath } from './paths.ts';
import type { Input, Plan, PlanStep, RunnableStep, SubjectReference, TaskStep, UndoStep } from './plan.ts';
import { planLocks } from './plan-locks.ts';
import type { PathRoots } from './step-values.ts';
import { keepWord, type Output, planningBackends, type TaskType } from './task-type.ts';
import { validateFields } from './validate.ts';
import {
  notComparedTasks,
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
  /** Nothing: it asks for none. */
  approvals?: {
    rules: ApprovalRule[];
    /** Who asks for it. */
    requester: string;
    /** It was approved with what it is a part of, before it begins. */
    given: boolean;
  };
  /** Sortable unique ids: called in the order of the steps. */
  newId(): string;
  /** The nested Operation whose steps these are. */
  within?: Touched;
  /** A person may skip each Task of this nested Operation. */
  skippable?: boolean;
}

export function makePlan(request: PlanRequest): Plan {
  const operationId = request.newId();
  const head = header(request.type, request, operationId);
  const preflightTaskId = request.newId();
  const steps = request.steps.flatMap(step => planStep(step, request));
  const { changed } = request;
  const change =
    changed && !request.type.check ? { before: changed.before, sets: { ...head.sets, ...changed.after } } : {};
  const notCompared = [...notComparedTasks(request.steps)].map(({ step, type, notCompared: reason }) => ({
    title: step.title ?? (step.destroys ? `Destroy: ${type.title}` : type.title),
    reason,
  }));
  const check = checkOf(request.type, notCompared);
  const { rules = [], requester = '', given = false } = request.approvals ?? {};
  const approval = request.type.check ? null : approvalOf(rules, request, request.steps, requester);
  const asked = approval ? { approval: { ...approval, ...(given ? { given } : {}) } } : {};
  return { ...head, ...change, ...check, ...asked, preflightTaskId, locks: planLocks(request), steps };
}

/** Of everything in an Operation that compares. */
function checkOf({ check, dryRunOf }: OperationType, notCompared: NotCompared[]): Pick<Plan, 'check'> {
  return check ? { check: { notCompared, ...(dryRunOf ? { dryRunOf } : {}) } } : {};
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
    ...(request.type.check ? { states: {} } : writtenBy(type, request)),
    names,
    onFailure: type.onFailure ?? null,
  };
}

/** What its begin and end write. */
function writtenBy(
  type: OperationType,
  { roots }: Pick<PlanRequest, 'roots'>,
): Pick<Plan, 'states' | 'sets' | 'side' | 'throwaway' | 'touchesFrom'> {
  return {
    states: type.states,
    ...(Object.keys(type.sets).length > 0 ? { sets: valuesAt(type.sets, roots) } : {}),
    ...(type.exchanges && roots.target
      ? { side: { id: roots.target.id, added: type.adds?.side === true, exchanges: type.exchanges } }
      : {}),
    ...(type.adds?.throwaway && roots.target ? { throwaway: roots.target.id } : {}),
    ...(type.touchesFrom ? { touchesFrom: type.touchesFrom } : {}),
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

function planStep(step: ResolvedStep, request: PlanRequest): PlanStep[] {
  if (step.kind === 'task' && step.notCompared) return [];
  const { rules = [], requester = '' } = request.approvals ?? {};
  const approval = request.type.check
    ? null
    : approvalOfStep(rules, request.within ?? request, step.step.id, requester);
  return [{ ...planPlainStep(step, request), ...(approval ? { approval } : {}) }];
}

function planPlainStep(step: ResolvedStep, request: PlanRequest): PlanStep {
  if (step.kind === 'task') return planTask(step, request);
  const { id, always } = step.step;
  if (step.kind === 'parallel')
    return { kind: 'parallel', id, steps: step.steps.flatMap(inner => planStep(inner, request)) };
  return { kind: 'operation', id, plan: planNested(step, request), ...(always ? { always } : {}) };
}

function planNested(step: ResolvedOperation, request: PlanRequest): Plan {
  const { kind, root } = step.subject;
  const subject = { kind, id: root.id, name: String(root.name) };
  const within = { type: step.type, roots: step.scope.roots };
  const inNested = { ...request, subject, within, ...(isSkippable(step, request) ? { skippable: true } : {}) };
  return {
    ...header(step.type, { ...request, subject, roots: step.scope.roots }, request.newId()),
    ...checkOf(request.type, []),
    preflightTaskId: null,
    locks: [],
    steps: step.steps.flatMap(inner => planStep(inner, inNested)),
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
  { step, type, chosen, sources, scope }: ResolvedTask | ResolvedUndo,
  request: PlanRequest,
): RunnableStep {
  const inputs: Record<string, Input> = {};
  for (const { argument, source } of sources) {
    if (source.kind === 'input') inputs[argument.name] = source.input;
    else if (source.kind === 'ask' && source.default !== undefined) inputs[argument.name] = asInput(source.default);
  }
  const { server, cluster } = scope.roots;
  const { backend, target } = chosen;
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
    backend,
    ...(planningBackends.includes(backend) ? stateOf(step, scope, request) : {}),
    target,
    server: target === 'server' && server ? { kind: 'server', id: server.id, name: String(server.name) } : null,
    ...(target === 'cluster' && cluster
      ? { cluster: { kind: 'cluster' as const, id: cluster.id, name: String(cluster.name) } }
      : {}),
    inputs,
    outputs: type.outputs,
    roots: roots as Partial<Record<EntityKind, string>>,
    timeoutSeconds: type.timeoutSeconds,
    retry: type.retry,
    repeatable: type.repeatable,
    ...(request.type.check ? checking(type) : {}),
    ...(request.type.dryRunOf ? { keepsDifferences: true } : {}),
  };
}

/** On `source` or `target` it is that Environment's, else the subject's. */
function stateOf(
  { on, destroys }: ResolvedTask['step'],
  { roots }: ResolvedTask['scope'],
  { subject }: PlanRequest,
): Pick<RunnableStep, 'state' | 'destroys'> {
  const { environment } = isRelatedRoot(on) ? roots : {};
  const state = environment
    ? { kind: 'environment' as const, id: environment.id, name: String(environment.name) }
    : subject;
  return { state, ...(destroys ? { destroys } : {}) };
}

/** What was carried out without changing anything sets nothing; what was read is as it was read. */
function checking(type: TaskType): Pick<RunnableStep, 'outputs' | 'repeatable' | 'check'> {
  const plain = ({ sets: _sets, creates: _creates, judges: _judges, reports: _reports, ...output }: Output) => output;
  return type.changes
    ? { check: 'dry_run', repeatable: true, outputs: type.outputs.map(plain) }
    : { check: 'look', repeatable: true, outputs: type.outputs };
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
