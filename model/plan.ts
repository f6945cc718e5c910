// The plan of an Operation: everything that will be done, frozen when it is started. The workflow interprets it, the
// pages show it. How it is made is in make-plan.ts.

import type { EntityKind } from './entities.ts';
import type { BackendName, Output, RetryPolicy, TaskTarget } from './task-type.ts';

/** Where an argument gets its value when the step runs. Values of people never turn into the other two. */
export type Input =
  | { from: 'value'; value: unknown }
  | { from: 'secret'; id: string }
  /** `step`: path of step ids, through nested Operations. */
  | { from: 'output'; step: string[]; output: string };

export interface SubjectReference {
  kind: EntityKind;
  id: string;
  name: string;
}

export interface TaskStep {
  kind: 'task';
  id: string;
  taskId: string;
  taskType: string;
  version: string;
  title: string;
  backend: BackendName;
  target: TaskTarget;
  /** Server on which it runs. */
  server: SubjectReference | null;
  inputs: Record<string, Input>;
  outputs: Output[];
  /** Entities that it may set fields of, by root. */
  roots: Partial<Record<EntityKind, string>>;
  timeoutSeconds: number;
  retry: RetryPolicy;
  repeatable: boolean;
}

export interface OperationStep {
  kind: 'operation';
  id: string;
  plan: Plan;
}

export interface ParallelStep {
  kind: 'parallel';
  id: string;
  steps: PlanStep[];
}

export type PlanStep = TaskStep | OperationStep | ParallelStep;

export interface Plan {
  operationId: string;
  type: string;
  version: string;
  title: string;
  subject: SubjectReference;
  organisation: string;
  startedBy: string;
  states: { begin?: string; succeeded?: string; failed?: string; cancelled?: string };
  /** Search attributes of the run: names of what it touches. */
  names: Partial<Record<EntityKind, string>>;
  /** Task of the pre-flight; null in nested Operations, whose steps the outer one has checked. */
  preflightTaskId: string | null;
  steps: PlanStep[];
}

/** Every Task of a plan in order, nested and parallel ones included. */
export function* tasksOf(
  plan: Plan,
  within: string[] = [],
): Generator<{ step: TaskStep; plan: Plan; within: string[] }> {
  yield* tasksOfSteps(plan.steps, plan, within);
}

function* tasksOfSteps(
  steps: PlanStep[],
  plan: Plan,
  within: string[],
): Generator<{ step: TaskStep; plan: Plan; within: string[] }> {
  for (const step of steps) {
    if (step.kind === 'task') yield { step, plan, within };
    else if (step.kind === 'parallel') yield* tasksOfSteps(step.steps, plan, within);
    else yield* tasksOf(step.plan, [...within, step.plan.title]);
  }
}

/** Nested plans in order, the given one first. */
export function* plansOf(plan: Plan, parent: Plan | null = null): Generator<{ plan: Plan; parent: Plan | null }> {
  yield { plan, parent };
  for (const nested of nestedPlans(plan.steps)) yield* plansOf(nested, plan);
}

function nestedPlans(steps: PlanStep[]): Plan[] {
  return steps.flatMap(step => {
    if (step.kind === 'operation') return [step.plan];
    return step.kind === 'parallel' ? nestedPlans(step.steps) : [];
  });
}
