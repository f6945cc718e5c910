// The steps of an Operation, in order. A step that has failed is decided on before the next one begins.

import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { executeChild, isCancellation, setCurrentDetails, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { Choice } from '../model/attention.ts';
import {
  type OperationStep,
  type Plan,
  type PlanStep,
  type RunnableStep,
  type TaskStep,
  tasksOf,
} from '../model/plan.ts';
import { searchAttributeValues } from '../model/search-attributes.ts';
import { attend } from './attend.ts';
import { endingOf, type Failure, failureOf, stop } from './failures.ts';
import {
  bindOutputs,
  isFinished,
  type OperationArguments,
  type Outputs,
  outputsSoFar,
  type Running,
} from './operation.ts';
import { taskActivity } from './step-activities.ts';

export async function runSteps(running: Running): Promise<void> {
  for (const step of running.args.plan.steps) await carryOut(step, running);
}

async function carryOut(step: PlanStep, running: Running): Promise<void> {
  setCurrentDetails(`Step: ${titleOf(step)}`);
  for (;;) {
    const failed = await attemptStep(step, running);
    const [first] = failed;
    if (!first) return;
    await decideOn(failed, first.failure, running);
  }
}

const titleOf = (step: PlanStep) =>
  step.kind === 'operation' ? step.plan.title : step.kind === 'task' ? step.title : step.id;

interface Failed {
  step: TaskStep | OperationStep;
  failure: Failure;
}

/** Runs what is not finished of it; answers what has failed. Throws when the Operation is to end. */
async function attemptStep(step: PlanStep, running: Running): Promise<Failed[]> {
  if (isFinished(step, running.finished)) return [];
  if (step.kind === 'parallel') return attemptTogether(step.steps, running);
  try {
    if (step.kind === 'operation') await runNested(step.plan, step.id, running);
    else running.finished[step.taskId] = await runTask(step, running);
    return [];
  } catch (error) {
    if (isCancellation(error) || endingOf(error)) throw error;
    return [{ step, failure: failureOf(error) }];
  }
}

/** All of them end before somebody decides. */
async function attemptTogether(steps: PlanStep[], running: Running): Promise<Failed[]> {
  const results = await Promise.allSettled(steps.map(step => attemptStep(step, running)));
  const thrown = results.find(result => result.status === 'rejected');
  if (thrown) throw thrown.reason;
  return results.flatMap(result => (result.status === 'fulfilled' ? result.value : []));
}

async function decideOn(failed: Failed[], failure: Failure, running: Running): Promise<void> {
  const tasks = failed.flatMap(({ step }) => (step.kind === 'task' ? [step] : []));
  const choices: Choice[] = ['retry', 'leave'];
  if (tasks.length === failed.length && tasks.every(step => step.skippable)) choices.push('skip');
  if (canUndo(running) || tasks.some(step => step.undo?.failed)) choices.push('undo');
  const question = {
    about: 'step' as const,
    message: failure.message,
    tasks: tasks.map(({ taskId }) => taskId),
    choices,
  };
  const { choice, inputs } = await attend(running, question);
  if (choice === 'undo' || choice === 'leave') throw stop(choice, failure);
  Object.assign(running.changed, inputs);
  if (choice === 'skip') for (const { taskId } of tasks) running.finished[taskId] = { outputs: {}, changed: false };
}

/** Some finished step knows how. */
export function canUndo({ args, finished }: Running): boolean {
  return [...tasksOf(args.plan)].some(({ step }) => step.undo && step.taskId in finished);
}

export async function runTask(step: RunnableStep, running: Running) {
  const { operationId, organisation, startedBy, subject } = running.args.plan;
  const { root } = running.args;
  const { engineRun } = running.of;
  const operation = { id: operationId, root, organisation, startedBy, subject, engineRun };
  const inputs = { ...step.inputs, ...running.changed[step.taskId] };
  const bound = bindOutputs(inputs, outputsSoFar(running));
  return taskActivity(step)({ operation, step: { ...withoutUndo(step), inputs }, bound, fences: running.fences });
}

/** The worker has no use for the way back. */
function withoutUndo(step: RunnableStep): RunnableStep {
  const { undo: _undo, further: _further, ...own } = step as RunnableStep & { undo?: unknown; further?: unknown };
  return own;
}

async function runNested(plan: Plan, id: string, running: Running): Promise<void> {
  const { root, attempt, within, onFailure } = running.args;
  const args: OperationArguments = {
    plan,
    root,
    attempt,
    onFailure,
    outputs: outputsSoFar(running),
    within: [...within, id],
    fences: running.fences,
  };
  const finished = await executeChild<(args: OperationArguments) => Promise<Outputs>>(plan.type, {
    workflowId: plan.operationId,
    args: [args],
    staticSummary: `${plan.title} ${plan.subject.name}`,
    typedSearchAttributes: typedAttributes(plan),
    // A resume, or a retry after it was lost, starts it again.
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  });
  takeOver(plan.steps, finished, running);
}

/** Outputs of a nested Operation become those of its Tasks here. */
function takeOver(steps: PlanStep[], outputs: Outputs, running: Running): void {
  for (const step of steps) {
    if (step.kind === 'parallel') takeOver(step.steps, outputs, running);
    else if (step.kind === 'operation') takeOver(step.plan.steps, (outputs[step.id] ?? {}) as Outputs, running);
    else running.finished[step.taskId] ??= { outputs: outputs[step.id] ?? {}, changed: true };
  }
}

function typedAttributes(plan: Plan): TypedSearchAttributes {
  const attributes = new TypedSearchAttributes();
  return searchAttributeValues(plan).reduce(
    (typed, [name, value]) => typed.updateCopy([{ key: defineSearchAttributeKey(name, 'KEYWORD'), value }]),
    attributes,
  );
}
