// What the parts of an Operation's story share: its plan, what is finished, what has been changed on the way.

import { workflowInfo } from '@temporalio/workflow';
import type { Fence, FinishedTasks, RunOf, TaskArguments } from '../activities/index.ts';
import { type FailurePolicy, type Input, type Plan, type PlanStep, type RunnableStep, tasksOf } from '../model/plan.ts';
import type { Failure } from './failures.ts';

/** Outputs of finished steps by step id; those of a nested Operation are nested. */
export interface Outputs {
  [step: string]: Record<string, unknown> | Outputs;
}

export interface OperationArguments {
  plan: Plan;
  /** 1, and one more with each resume. */
  attempt: number;
  /** Id of the outermost Operation. */
  root: string;
  /** Outputs of the outer Operation so far; inputs may be bound to them. */
  outputs: Outputs;
  /** Step ids of nested Operations down to this one. */
  within: string[];
  /** Of the outermost one, for all that it contains. */
  onFailure: FailurePolicy | null;
  /** Locks that the outermost one holds; it takes them itself. */
  fences: Fence[];
  /** Of a run that goes on waiting for its locks: tokens of those that it has, by key. */
  granted?: Record<string, number>;
  /** Questions that it has asked so far. */
  questions?: number;
}

export interface Running {
  args: OperationArguments;
  /** Who acts, for everything that is written. */
  of: RunOf;
  fences: Fence[];
  /** It has its locks, and the row is its own. */
  hasBegun: boolean;
  finished: FinishedTasks;
  /** Steps of this plan, by id, that were begun. */
  begun: Set<string>;
  /** Inputs that a person has changed, by Task. */
  changed: Record<string, Record<string, Input>>;
  /** Of an Operation that only compares: why steps of it could not. */
  notCompared: Failure[];
  /** Questions asked so far. */
  questions: number;
  /** Counts the hints that there is an answer. */
  hints: number;
  /** Tokens of granted locks by key. */
  granted: Map<string, number>;
}

export function runningOf(args: OperationArguments): Running {
  const { plan, root, attempt, fences, granted = {}, questions = 0 } = args;
  // A run that was reset in the console, or waits on as another one, keeps the first id, and goes on writing.
  const engineRun = workflowInfo().firstExecutionRunId;
  const of: RunOf = { plan: { ...plan, steps: [] }, root, attempt, engineRun };
  return {
    args,
    of,
    fences: [...fences],
    hasBegun: false,
    finished: {},
    begun: new Set(),
    changed: {},
    notCompared: [],
    questions,
    hints: 0,
    granted: new Map(Object.entries(granted)),
  };
}

export const isOutermost = ({ args }: Running): boolean => args.plan.operationId === args.root;

/** Outputs of all steps of a plan that are finished. */
export function outputsOf(steps: PlanStep[], finished: FinishedTasks): Outputs {
  return Object.assign(
    {},
    ...steps.map((step): Outputs => {
      if (step.kind === 'parallel') return outputsOf(step.steps, finished);
      if (step.kind === 'operation') return { [step.id]: outputsOf(step.plan.steps, finished) };
      const done = finished[step.taskId];
      return done ? { [step.id]: done.outputs } : {};
    }),
  ) as Outputs;
}

/** The outer outputs with this Operation's own put at its place. */
export function outputsSoFar({ args, finished }: Running): Outputs {
  return putAt(args.outputs, args.within, outputsOf(args.plan.steps, finished));
}

function putAt(outputs: Outputs, within: string[], own: Outputs): Outputs {
  const [head, ...rest] = within;
  if (head === undefined) return { ...outputs, ...own };
  return { ...outputs, [head]: putAt((outputs[head] ?? {}) as Outputs, rest, own) };
}

/** Values of the inputs that are outputs of earlier steps. */
export function bindOutputs(inputs: Record<string, Input>, known: Outputs): Record<string, unknown> {
  const bound: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(inputs)) {
    if (input.from !== 'output') continue;
    let at: unknown = known;
    for (const id of input.step) at = (at as Outputs | undefined)?.[id];
    bound[name] = (at as Record<string, unknown> | undefined)?.[input.output] ?? null;
  }
  return bound;
}

/** For the activity of a step of this run. @param plan of which it is a step: a nested one, where it is only planned yet. */
export function argumentsOf(step: RunnableStep, running: Running, plan = running.args.plan): TaskArguments {
  const { operationId } = running.args.plan;
  const { organisation, startedBy, subject } = plan;
  const { root } = running.args;
  const { engineRun } = running.of;
  const operation = { id: operationId, root, organisation, startedBy, subject, engineRun };
  const inputs = { ...step.inputs, ...running.changed[step.taskId] };
  const bound = bindOutputs(inputs, outputsSoFar(running));
  return { operation, step: { ...withoutUndo(step), inputs }, bound, fences: running.fences };
}

/** The worker has no use for the way back. */
function withoutUndo(step: RunnableStep): RunnableStep {
  const { undo: _undo, further: _further, ...own } = step as RunnableStep & { undo?: unknown; further?: unknown };
  return own;
}

/** Nothing of it has to run any more. */
export function isFinished(step: PlanStep, finished: FinishedTasks): boolean {
  if (step.kind === 'task') return step.taskId in finished;
  if (step.kind === 'parallel') return step.steps.every(inner => isFinished(inner, finished));
  return [...tasksOf(step.plan)].every(({ step: inner }) => inner.taskId in finished);
}
