// One Task: resolves its secrets, runs it through its backend, keeps its log, writes its end. Everything that a person sees
// of it is recorded here; which step comes when is the workflow's business.

import { ApplicationFailure, activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { differencesWords, type FoundDifference } from '../model/drift.ts';
import { AppError, errorText } from '../model/errors.ts';
import type { LogMark } from '../model/log.ts';
import type { RunnableStep, SubjectReference } from '../model/plan.ts';
import { lookFirst, lostMessage } from '../model/run.ts';
import { updateHostKey } from '../model/store/host-keys.ts';
import { openLog } from '../model/store/logs.ts';
import { listEndedInVain } from '../model/store/over.ts';
import { approvedPlan } from '../model/store/planned.ts';
import {
  type AttemptEnd,
  type AttemptRow,
  adoptFeedback,
  beginAttempt,
  endAttempt,
  findLastTry,
  findTask,
  forgetFeedbackOutputs,
  setKept,
  type TaskRow,
} from '../model/store/tasks.ts';
import { createMask, maskValue } from '../secrets/mask.ts';
import { hashToken, makeToken } from '../secrets/token.ts';
import type { RunReport, RunResult } from './backends/backend.ts';
import { takeCronRuns } from './cron-runs.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { differencesOf } from './differences.ts';
import { isAppErrorNotRetryable } from './failures.ts';
import { createLogWriter, type LogWriter } from './log-writer.ts';
import { checkOutputs } from './outputs.ts';
import { createPatientWrite } from './patient-write.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';

export interface TaskArguments {
  operation: {
    id: string;
    root: string;
    organisation: string;
    startedBy: string;
    subject: SubjectReference;
    engineRun: string;
  };
  step: RunnableStep;
  /** Inputs that are outputs of earlier steps. */
  bound: Record<string, unknown>;
  fences: Fence[];
}

/** A lock that its Operation has alone: whoever comes with a lower token is late. */
export interface Fence {
  key: string;
  token: number;
}

export interface TaskResult {
  outputs: Record<string, unknown>;
  changed: boolean;
}

/** Every second, so that a cancel is heard soon and a dead worker is noticed after 15 s. */
const heartbeatMs = 1000;

export async function runTask(deps: ActivityDependencies, args: TaskArguments): Promise<TaskResult> {
  const beat = setInterval(() => heartbeat(), heartbeatMs);
  try {
    const told = await resultOfEarlierTry(deps, args);
    if (told) return told;
    const token = makeToken();
    const attempt = await beginAttempt(deps.db, {
      taskId: args.step.taskId,
      ...execution(args.operation.engineRun),
      inputs: recordedInputs(args),
      feedbackHash: hashToken(token),
    }).catch(refuseLate);
    return await carryOut(deps, args, attempt, token);
  } finally {
    clearInterval(beat);
  }
}

/** The engine tries again when it has not heard of an end. The end may be recorded nevertheless: then it counts. A Task that
 * must not simply run again is tried for this only. */
async function resultOfEarlierTry({ db }: ActivityDependencies, args: TaskArguments): Promise<TaskResult | null> {
  const { operation, step } = args;
  const { engineAttempt, ...activity } = execution(operation.engineRun);
  if (engineAttempt === 1) return null;
  const last = await findLastTry(db, { taskId: step.taskId, ...activity });
  if (last?.state === 'succeeded') return { outputs: last.outputs, changed: last.changed ?? false };
  if (step.repeatable || !last) return null;
  throw ApplicationFailure.nonRetryable(last.message ? `${last.message} ${lookFirst}` : lostMessage, 'TaskFailed');
}

/** Which execution of the engine this is. */
export function execution(engineRun: string) {
  const { activityId, attempt } = activityInfo();
  return { engineRun, activity: activityId, engineAttempt: attempt };
}

/** Trying again does not help one that came too late. */
export function refuseLate(error: unknown): never {
  if (error instanceof AppError && error.code === 'conflict')
    throw ApplicationFailure.nonRetryable(error.message, 'Superseded');
  throw error;
}

async function carryOut(
  deps: ActivityDependencies,
  args: TaskArguments,
  attempt: AttemptRow,
  token: string,
): Promise<TaskResult> {
  const { operation, step } = args;
  const to = { root: operation.root, attemptId: attempt.id, organisation: operation.organisation };
  let mask = createMask([token]);
  const log = createLogWriter(text => mask(text), createPatientWrite(openLog(deps.db, to)), deps.logLimitBytes);
  let result: RunResult;
  let differences: FoundDifference[] = [];
  try {
    const fences = [...args.fences, ...(await fencesOfOthers(deps, args))];
    const prepared = await prepareRun(deps, { ...args, fences }, attempt, token);
    const known = [token, ...prepared.secretValues];
    mask = createMask(known);
    const hide = (secrets: readonly string[]) => {
      known.push(...secrets);
      mask = createMask(known);
    };
    const told = await runBackend(deps, args, prepared, { log, mask: text => mask(text), hide });
    result = withSent(told, await findTask(deps.db, step.taskId));
    if (step.check) differences = differencesOf(step, result, mask);
    result = {
      ...result,
      // A Task type that only reads changes nothing, whatever its backend can tell; nor does a dry run.
      changed: result.changed && prepared.changes && !step.check,
      message: mask(result.message),
      outputs: maskValue(mask, result.outputs) as RunResult['outputs'],
    };
  } catch (error) {
    result = {
      status: isAppErrorNotRetryable(error) ? 'failed' : 'unreachable',
      exitCode: null,
      changed: false,
      outputs: {},
      message: mask(errorText(error)),
    };
  }
  if (step.destroys && result.status === 'succeeded') result = { ...result, outputs: emptied(step) };
  const checked = checkOutputs(step, result);
  for (const note of checked.notes) log.line(note);
  const cron = await takeCronRuns(deps, step, checked.result.outputs);
  for (const line of cron.lines) log.line(line);
  const ending = endingOf(args.step, checked.result);
  if (ending.message) log.line(ending.message);
  await log.close();
  const told =
    step.check && checked.result.status === 'succeeded' ? { summary: differencesWords(differences.length) } : {};
  const outputs = { ...cron.outputs, ...told };
  const found = { differences, cronRuns: cron.runs };
  return conclude(deps, args, attempt, { ...checked.result, outputs, ...ending, ...found });
}

/** Outputs that came by feedback meanwhile. */
function withSent(result: RunResult, { outputs }: Pick<TaskRow, 'outputs'>): RunResult {
  return result.status === 'succeeded' ? { ...result, outputs: { ...outputs, ...result.outputs } } : result;
}

/** Fields that told of what is destroyed. */
function emptied({ outputs }: RunnableStep): RunResult['outputs'] {
  return Object.fromEntries(outputs.filter(({ sets }) => sets).map(({ name }) => [name, null]));
}

/** A step that was given up may have left a command on the Server, which the step after it must not meet: an attempt is a
 * token of its Task, and a higher one ends it. */
async function fencesOfOthers({ db }: ActivityDependencies, { operation, step }: TaskArguments): Promise<Fence[]> {
  const others = await listEndedInVain(db, { root: operation.root, except: step.taskId });
  return others.map(({ task, attempt }) => ({ key: `task-${task}`, token: attempt + 1 }));
}

async function runBackend(
  deps: ActivityDependencies,
  args: TaskArguments,
  { run }: PreparedRun,
  { log, mask, hide }: { log: LogWriter; mask: (text: string) => string; hide(secrets: readonly string[]): void },
): Promise<RunResult> {
  const { step } = args;
  const backend = deps.backends[step.backend];
  const report: RunReport = {
    line: log.line,
    // What stands in the place of a secret is hidden in differences, and nowhere else.
    mark: step.check ? mark => log.mark(withoutDiff(mark)) : log.mark,
    room: log.room,
    hostKey: key => updateHostKey(deps.db, actorOf(args), { server: run.server?.id ?? '', key }),
    async adopted(number, secrets) {
      hide(secrets);
      await adoptFeedback(deps.db, {
        task: run.taskId,
        to: run.attempt,
        from: number,
        own: hashToken(run.feedback.token),
      });
    },
    // Also what the backend cannot know for a secret: a custom field in the context.
    kept: files => setKept(deps.db, run.taskId, maskValue(mask, files) as Record<string, string>),
  };
  const problems = await backend.check(run);
  if (problems.length > 0)
    return { status: 'failed', exitCode: null, changed: false, outputs: {}, message: problems.join(' ') };
  const running = run.untold.length > 0 ? await backend.attach(run, report, cancellationSignal()) : null;
  if (running) return running;
  if (run.attempt > 1) {
    log.line(`Attempt ${run.attempt}: making sure that attempt ${run.attempt - 1} is over.`);
    await backend.end(run, run.attempt - 1);
    await forgetFeedbackOutputs(deps.db, run.taskId);
  }
  const token = step.state && !step.check ? await approvedPlan(deps.db, run.taskId) : undefined;
  return backend.run(run, report, cancellationSignal(), token);
}

function withoutDiff<T extends Pick<LogMark, 'data'>>(mark: T): T {
  if (!mark.data || !('diff' in mark.data)) return mark;
  const { diff: _diff, ...data } = mark.data;
  return { ...mark, data };
}

interface Ending {
  state: AttemptEnd['state'];
  message: string;
  /** The engine is to start another attempt. */
  retry: boolean;
}

/** What the result means: the engine may have ended the run, and what could not be reached is tried again. */
function endingOf(step: RunnableStep, { status, message }: RunResult): Ending {
  const reason = status === 'cancelled' ? activityCancelReason() : '';
  // What could not be ended is worth its words whoever has cancelled.
  const because = (words: string) => `${words} ${message.replace(/^Cancelled\.\s*/, '')}`.trim();
  // A worker that is being stopped aborts its runs: they are carried out again by another one.
  if (reason === 'WORKER_SHUTDOWN') {
    const state = step.repeatable ? 'retrying' : 'failed';
    return { state, message: because(stoppedMessage(step)), retry: step.repeatable };
  }
  // Not by a person: the engine starts another attempt, or has ended the run, which then ends the Task as well.
  if (reason && reason !== 'CANCELLED') {
    return { state: 'retrying', message: because(droppedMessage(step, reason)), retry: false };
  }
  if (status === 'superseded') return { state: 'failed', message, retry: false };
  if (status !== 'unreachable') return { state: status, message, retry: false };
  const retry = step.repeatable && activityInfo().attempt < step.retry.attempts;
  return { state: retry ? 'retrying' : 'failed', message: retry ? `${message} It is tried again.` : message, retry };
}

/** Writes the end and answers the engine: a result, a failure that is tried again, or one that is not. */
async function conclude(
  deps: ActivityDependencies,
  args: TaskArguments,
  attempt: AttemptRow,
  result: RunResult & Ending & Pick<AttemptEnd, 'differences' | 'cronRuns'>,
): Promise<TaskResult> {
  const { step } = args;
  const { state, exitCode, changed, message, outputs, isLeft = false, retry, differences = [], cronRuns = [] } = result;
  const end = { attemptId: attempt.id, state, exitCode, changed, message, outputs, isLeft, differences, cronRuns };
  await endAttempt(deps.db, actorOf(args), step, end);
  if (state === 'succeeded') return { outputs, changed };
  // The engine has its own reason: nothing of ours may look like an answer.
  if (result.status === 'cancelled' && !retry && state !== 'failed') throw cancellationSignal().reason;
  throw ApplicationFailure.create({
    message,
    type: retry ? 'Unreachable' : 'TaskFailed',
    nonRetryable: !retry,
    // Who compares does not go on with a Server that is away.
    details: [exitCode, result.status],
  });
}

function stoppedMessage(step: RunnableStep): string {
  return step.repeatable
    ? 'The worker was stopped in the middle; another one carries the Task out again.'
    : `The worker was stopped in the middle, and this Task must not simply run again. ${lookFirst}`;
}

function droppedMessage(step: RunnableStep, cancelReason: string): string {
  if (cancelReason === 'TIMED_OUT') return `It took longer than its limit of ${step.timeoutSeconds} s and was ended.`;
  return 'The engine gave this attempt up: its run was terminated, or nothing was heard of the worker for too long.';
}

function activityCancelReason(): string {
  const reason = cancellationSignal().reason as { message?: string } | undefined;
  return reason?.message ?? '';
}

function actorOf({ operation }: TaskArguments) {
  return { name: operation.startedBy, organisation: operation.organisation };
}

/** Inputs as pages show them: secrets as references. */
function recordedInputs({ step, bound }: TaskArguments): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(step.inputs).map(([name, input]) => {
      if (input.from === 'secret') return [name, { $secret: input.id }];
      return [name, input.from === 'value' ? input.value : bound[name]];
    }),
  );
}
