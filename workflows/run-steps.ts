// The steps of an Operation, in order. A step that has failed is decided on before the next one begins.

import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { executeChild, isCancellation, setCurrentDetails, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { Choice } from '../model/attention.ts';
import {
  type OperationStep,
  type Plan,
  type PlanStep,
  plansOf,
  type RunnableStep,
  type TaskStep,
  tasksOf,
} from '../model/plan.ts';
import { searchAttributeValues } from '../model/search-attributes.ts';
import { approvalsOf, awaitApproval } from './approve.ts';
import { attend } from './attend.ts';
import { endingOf, type Failure, failureOf, stop } from './failures.ts';
import {
  argumentsOf,
  isFinished,
  type OperationArguments,
  type Outputs,
  outputsSoFar,
  type Running,
} from './operation.ts';
import { planBefore } from './plan-before.ts';
import { taskActivity } from './step-activities.ts';

export async function runSteps(running: Running): Promise<void> {
  const { plan } = running.args;
  for (const step of plan.steps) await carryOut(step, running);
  const [first] = running.notCompared;
  if (!first) return;
  const { length } = running.notCompared;
  const message = length === 1 ? first.message : `${length} steps could not compare. The first: ${first.message}`;
  throw stop('leave', { ...first, message });
}

async function carryOut(step: PlanStep, running: Running): Promise<void> {
  running.begun.add(step.id);
  const { plan } = running.args;
  setCurrentDetails(`Step: ${titleOf(step)}`);
  if (!isFinished(step, running.finished))
    for (const approval of approvalsOf(step)) {
      await planBefore(running, [...tasksOf({ ...plan, steps: [step] })]);
      await awaitApproval(running, approval, 'undo');
    }
  for (;;) {
    const failed = await attemptStep(step, running);
    const [first] = failed;
    if (!first) return;
    if (plan.check) return note(failed, running);
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
    // What a nested one could not compare keeps nobody from comparing the rest.
    if (isCancellation(error) || (endingOf(error) && !running.args.plan.check)) throw error;
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

/** What compares changes nothing: what one step cannot say, the next ones can, unless nothing answers there. */
function note(failed: Failed[], running: Running): void {
  for (const { failure } of failed) {
    running.notCompared.push(failure);
    if (failure.isAway) throw stop('leave', failure);
  }
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

const isForEveryCase = (step: PlanStep): step is OperationStep =>
  step.kind === 'operation' && step.always !== undefined;

/** What is to be done in every case, when the steps have come to an end otherwise. Answers what could not be done, and why. */
export async function runAlways(running: Running): Promise<string[]> {
  const isDue = ({ always = '' }: OperationStep) => running.begun.has(always);
  const problems: string[] = [];
  for (const step of running.args.plan.steps.filter(isForEveryCase).filter(isDue)) {
    setCurrentDetails(`Step: ${titleOf(step)}`);
    const words = (failure: Failure) => `“${titleOf(step)}” has failed, too: ${failure.message}`;
    const failed = await attemptStep(step, running).catch(error => [{ step, failure: failureOf(error) }]);
    problems.push(...failed.map(({ failure }) => words(failure)));
  }
  return problems;
}

/** What was made is removed whatever happens: nobody needs to decide about it. */
export const cleansUp = (plan: Plan): boolean => [...plansOf(plan)].some(each => each.plan.steps.some(isForEveryCase));

/** Some finished step knows how. */
export function canUndo({ args, finished }: Running): boolean {
  return [...tasksOf(args.plan)].some(({ step }) => step.undo && step.taskId in finished);
}

export async function runTask(step: RunnableStep, running: Running) {
  return taskActivity(step)(argumentsOf(step, running));
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
