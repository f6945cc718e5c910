// The first recorded step of every Operation: what will be run, in which versions, where, and whether it can. It finds out
// before anything is changed what would fail later.

import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { ApplicationFailure } from '@temporalio/activity';
import { type Plan, placeOfStep, tasksOf } from '../model/plan.ts';
import { managedWords } from '../model/store/delete-entity.ts';
import { appendLog } from '../model/store/logs.ts';
import type { RunOf } from '../model/store/operation-run.ts';
import { finishPlainTask } from '../model/store/plain-tasks.ts';
import { changedSince } from '../model/store/subject-changes.ts';
import { beginAttempt } from '../model/store/tasks.ts';
import { hashToken, makeToken } from '../secrets/token.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createLogWriter } from './log-writer.ts';
import { execution, refuseLate } from './run-task.ts';

/** Run folders and unpacked Task types need little; below this a machine is about to fail in worse ways. */
const leastFreeBytes = 50 * 1024 * 1024;

export async function runPreflight(deps: ActivityDependencies, run: RunOf, plan: Plan): Promise<void> {
  if (!plan.preflightTaskId) return;
  const attempt = await beginAttempt(deps.db, {
    taskId: plan.preflightTaskId,
    ...execution(run.engineRun),
    inputs: {},
    feedbackHash: hashToken(makeToken()),
  }).catch(refuseLate);
  const to = { root: plan.operationId, attemptId: attempt.id, organisation: plan.organisation };
  const log = createLogWriter(
    text => text,
    piece => appendLog(deps.db, to, piece),
  );
  log.line(`${plan.title} on the ${plan.subject.kind} ${plan.subject.name}, started by ${plan.startedBy}.`);
  const problems = await findProblems(deps, plan, log.line);
  for (const problem of problems) log.line(`Problem: ${problem}`);
  await log.close();
  const message = problems.join(' ');
  const state = problems.length === 0 ? 'succeeded' : 'failed';
  await finishPlainTask(deps.db, { taskId: plan.preflightTaskId, attemptId: attempt.id, state, message });
  if (message) throw ApplicationFailure.nonRetryable(message, 'TaskFailed');
}

/** What is deleted, and of which Terraform would still manage something. */
async function leftBehind({ db }: ActivityDependencies, plan: Plan): Promise<string[]> {
  const { kind, id } = plan.subject;
  if (plan.states.succeeded !== 'deleted') return [];
  const destroyed = [...tasksOf(plan)].flatMap(({ step }) =>
    step.destroys && step.state?.id === id ? step.taskType : [],
  );
  const words = await managedWords(db, kind, id, destroyed);
  return words ? [words] : [];
}

async function findProblems(deps: ActivityDependencies, plan: Plan, say: (line: string) => void): Promise<string[]> {
  const problems = [...(await changedSince(deps.db, plan)), ...(await leftBehind(deps, plan))];
  let number = 0;
  for (const { step, within } of tasksOf(plan)) {
    number += 1;
    const place = step.server || step.cluster ? placeOfStep(step) : 'the worker';
    say(
      `${number}. ${[...within, step.title].join(' › ')} on ${place} (${step.taskType}, ${step.backend}, version ${step.version.slice(0, 12)})`,
    );
    try {
      await deps.folderOf(step.version);
    } catch {
      problems.push(
        `The version ${step.version.slice(0, 12)} of ${step.taskType} is not in the catalogue. Start the Operation anew.`,
      );
    }
  }
  const disk = await statfs(tmpdir());
  const free = disk.bavail * disk.bsize;
  say(`Free on the worker: ${Math.floor(free / 1024 / 1024)} MiB.`);
  if (free < leastFreeBytes)
    problems.push(`The worker has only ${Math.floor(free / 1024)} KiB left in ${tmpdir()}. Free some space.`);
  return problems;
}
