// A further attempt at an Operation that has failed or was cancelled: what it would run, and its start.

import { actorOf, authorizeRole, type Principal, visibleTo } from '../dispatch/access.ts';
import { startRun } from '../dispatch/start-operation.ts';
import { askedBy } from '../model/approval-rules.ts';
import { entities } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { type Plan, placeOfStep, plansOf, tasksOf } from '../model/plan.ts';
import { isOver } from '../model/run.ts';
import { changeInputs } from '../model/store/attention.ts';
import { findState } from '../model/store/entities.ts';
import { findOperation, listOperations, type OperationRow } from '../model/store/operations.ts';
import { resumeOperation } from '../model/store/resume.ts';
import { listTasks } from '../model/store/tasks.ts';
import { changedInputs } from './changed-inputs.ts';
import type { ResumeView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';
import { failedTasksOf } from './failed-tasks.ts';
import { summaryOf } from './views.ts';

export async function resumeViewOf(
  deps: ApiDependencies,
  principal: Principal,
  row: OperationRow,
): Promise<ResumeView> {
  const rows = await listTasksOf(deps, row.plan);
  const isFinished = (id: string) =>
    rows.some(task => task.id === id && (task.state === 'succeeded' || task.skippedBy));
  const steps = row.plan ? [...tasksOf(row.plan)] : [];
  const preflight = rows.filter(({ id }) => id === row.plan?.preflightTaskId);
  return {
    refusal: await refusalOf(deps, row),
    steps: [
      // Things may have changed since the last attempt.
      ...preflight.map(({ id, title, target }) => ({ id, title, target, runs: true })),
      ...steps.map(({ step, within }) => ({
        id: step.taskId,
        title: [...within, step.title].join(' › '),
        target: placeOfStep(step),
        runs: !isFinished(step.taskId),
      })),
    ],
    tasks: await failedTasksOf(
      deps,
      row.plan,
      rows.filter(task => task.state === 'failed').map(({ id }) => id),
    ),
    since: await operationsSince(deps, principal, row),
  };
}

const listTasksOf = ({ db }: ApiDependencies, plan: Plan | null) =>
  listTasks(db, plan ? [...plansOf(plan)].map(each => each.plan.operationId) : []);

/** '' = it may be resumed. */
async function refusalOf(deps: ApiDependencies, row: OperationRow): Promise<string> {
  if (row.parent || !row.plan) return 'It is part of another Operation: resume that one.';
  if (!isOver(row.state)) return 'It is not over yet.';
  if (row.state === 'succeeded') return 'It has succeeded: there is nothing to resume.';
  if ([...plansOf(row.plan)].some(({ plan }) => plan.throwaway))
    return 'What it was made with is gone: start a new one instead.';
  const state = await findState(deps.db, { kind: row.subjectKind, id: row.subjectId });
  return state === 'deleted' ? `The ${entities[row.subjectKind].title} ${row.subjectName} is deleted.` : '';
}

/** What others have done with the same entity meanwhile, newest first. */
async function operationsSince(deps: ApiDependencies, principal: Principal, row: OperationRow) {
  // Enough to see that things have moved on.
  const query = { ...visibleTo(principal), subjectKind: row.subjectKind, subjectId: row.subjectId, limit: 20 };
  const rows = await listOperations(deps.db, query);
  return rows.filter(other => other.createdAt > row.createdAt && other.id !== row.id).map(summaryOf);
}

/** @throws AppError conflict when it cannot be resumed, or somebody was quicker. */
export async function resume(
  deps: ApiDependencies,
  principal: Principal,
  row: OperationRow,
  inputs: Record<string, Record<string, unknown>>,
): Promise<OperationRow> {
  const refusal = await refusalOf(deps, row);
  if (refusal || !row.plan) throw new AppError('conflict', refusal);
  authorizeRole(principal, row.plan.minimumRole);
  const rows = await listTasksOf(deps, row.plan);
  const open = new Set(rows.filter(task => task.state !== 'succeeded' && !task.skippedBy).map(({ id }) => id));
  const steps = [...tasksOf(row.plan)].map(({ step }) => step).filter(step => open.has(step.taskId));
  const plan: Plan = changeInputs(row.plan, await changedInputs(deps, principal, steps, inputs));
  // Whoever wants it now cannot say yes to it.
  const asked = askedBy(plan, principal.email);
  const resumed = await resumeOperation(deps.db, actorOf(principal), row, asked);
  await startRun(deps, resumed, asked);
  return findOperation(deps.db, row.id);
}
