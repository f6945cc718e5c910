// The story of an Operation: begin, pre-flight, its steps in order, end. It knows no Operation type, no application and no
// tool: the plan says everything. What steps do is in activities/.

import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  executeChild,
  isCancellation,
  log,
  setCurrentDetails,
  TimeoutFailure,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { Plan, PlanStep, TaskStep } from '../model/plan.ts';
import { searchAttributeValues } from '../model/search-attributes.ts';
import { recorder, taskActivity } from './step-activities.ts';

/** Outputs of finished steps by step id; those of a nested Operation are nested. */
export interface Outputs {
  [step: string]: Record<string, unknown> | Outputs;
}

export interface OperationArguments {
  plan: Plan;
  /** Id of the outermost Operation. */
  root: string;
  /** Outputs of the outer Operation so far; inputs may be bound to them. */
  outputs: Outputs;
  /** Step ids of nested Operations down to this one. */
  within: string[];
}

export async function runOperation(args: OperationArguments): Promise<Outputs> {
  const { plan } = args;
  // A sealed plan that is replayed under another id is a forgery.
  if (workflowInfo().workflowId !== plan.operationId) {
    throw ApplicationFailure.nonRetryable('This plan belongs to another Operation.', 'Forged');
  }
  const own: Outputs = {};
  const header = { ...plan, steps: [] };
  try {
    await recorder.beginOperation(header);
    if (plan.preflightTaskId) await recorder.preflight(plan);
    for (const step of plan.steps) await runStep(step, { ...args, own });
    await recorder.endOperation(header, { state: 'succeeded', message: '', exitCode: 0 });
    return own;
  } catch (error) {
    await CancellationScope.nonCancellable(() => recorder.endOperation(header, endOf(error)));
    throw error;
  }
}

interface Running extends OperationArguments {
  own: Outputs;
}

async function runStep(step: PlanStep, running: Running): Promise<void> {
  setCurrentDetails(
    `Step: ${step.kind === 'operation' ? step.plan.title : step.kind === 'task' ? step.title : step.id}`,
  );
  if (step.kind === 'parallel') {
    await runTogether(step.steps, running);
  } else if (step.kind === 'operation') {
    running.own[step.id] = await runNested(step.plan, step.id, running);
  } else {
    running.own[step.id] = await runTask(step, running);
  }
}

/** All of them end before the Operation goes on or fails; the first failure decides. */
async function runTogether(steps: PlanStep[], running: Running): Promise<void> {
  const results = await Promise.allSettled(steps.map(step => runStep(step, running)));
  const failed = results.find(result => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function runTask(step: TaskStep, running: Running): Promise<Record<string, unknown>> {
  const { operationId, organisation, startedBy, subject } = running.plan;
  const operation = { id: operationId, root: running.root, organisation, startedBy, subject };
  const result = await taskActivity(step)({ operation, step, bound: bindOutputs(step, running) });
  return result.outputs;
}

async function runNested(plan: Plan, id: string, running: Running): Promise<Outputs> {
  const within = [...running.within, id];
  const outputs = outputsSoFar(running);
  return executeChild<(args: OperationArguments) => Promise<Outputs>>(plan.type, {
    workflowId: plan.operationId,
    args: [{ plan, root: running.root, outputs, within }],
    staticSummary: `${plan.title} ${plan.subject.name}`,
    typedSearchAttributes: typedAttributes(plan),
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
  });
}

function typedAttributes(plan: Plan): TypedSearchAttributes {
  const attributes = new TypedSearchAttributes();
  return searchAttributeValues(plan).reduce(
    (typed, [name, value]) => typed.updateCopy([{ key: defineSearchAttributeKey(name, 'KEYWORD'), value }]),
    attributes,
  );
}

/** The outer outputs with this Operation's own put at its place. */
function outputsSoFar({ outputs, within, own }: Running): Outputs {
  const [head, ...rest] = within;
  if (head === undefined) return { ...outputs, ...own };
  const inner = (outputs[head] ?? {}) as Outputs;
  return { ...outputs, [head]: outputsSoFar({ outputs: inner, within: rest, own } as Running) };
}

/** Values of the inputs that are outputs of earlier steps. */
function bindOutputs(step: TaskStep, running: Running): Record<string, unknown> {
  const known = outputsSoFar(running);
  const bound: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(step.inputs)) {
    if (input.from !== 'output') continue;
    let at: unknown = known;
    for (const id of input.step) at = (at as Outputs | undefined)?.[id];
    bound[name] = (at as Record<string, unknown> | undefined)?.[input.output] ?? null;
  }
  return bound;
}

function endOf(error: unknown): { state: 'failed' | 'cancelled'; message: string; exitCode: number | null } {
  if (isCancellation(error)) return { state: 'cancelled', message: 'Cancelled.', exitCode: null };
  const cause = rootCause(error);
  const exitCode = cause instanceof ApplicationFailure ? Number(cause.details?.[0] ?? Number.NaN) : Number.NaN;
  const message = cause instanceof TimeoutFailure ? timeoutMessage(cause) : errorMessage(cause);
  log.info('The Operation failed', { message });
  return { state: 'failed', message, exitCode: Number.isNaN(exitCode) ? null : exitCode };
}

const errorMessage = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

/** Nobody could say it but the engine. */
function timeoutMessage({ timeoutType }: TimeoutFailure): string {
  return timeoutType === 'HEARTBEAT'
    ? 'The worker went away in the middle of a step, which is not carried out again by itself. Look at what the step left, then start a new Operation.'
    : 'A step took longer than its time limit and was ended. Look at what it left, then start a new Operation, or give its Task type a longer "timeout".';
}

/** What the activity or nested Operation itself said, or for a lost worker what the engine says. */
function rootCause(error: unknown): unknown {
  if ((error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause)
    return rootCause(error.cause);
  return error;
}
