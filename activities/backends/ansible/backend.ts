// Carries out a Task type that is an Ansible role: renders everything into a private folder, runs ansible-playbook in a
// scope, follows its events, and leaves nothing behind.

import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError, errorText } from '../../../model/errors.ts';
import { untilAborted } from '../abortable.ts';
import type { Backend, Preview, Run, RunReport, RunResult } from '../backend.ts';
import { canAccess } from '../can-access.ts';
import type { BackendDependencies } from '../dependencies.ts';
import { startFeedbackRelay } from '../feedback-relay.ts';
import { endAttempt, endOn, enter, isPermitted, leave } from '../fence.ts';
import { renderShellGuard } from '../guard.ts';
import { readLines, readOutput } from '../lines.ts';
import { checkServer } from '../on-server.ts';
import { runMarker } from '../process-tree.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { runInScope, scopeKind } from '../scope.ts';
import { ConnectionProblem } from '../ssh-problems.ts';
import { previewOf } from './diff.ts';
import { type Collected, createEventReader } from './events.ts';
import { renderKept } from './kept.ts';
import { modulesOf } from './modules.ts';
import { renderCommand, renderEnvironment } from './render-command.ts';
import { renderInventory } from './render-inventory.ts';
import { renderPlaybook } from './render-playbook.ts';
import { renderVars } from './render-vars.ts';
import { resultOf } from './result.ts';
import { writeRunFiles } from './run-files.ts';
import { reachTarget, type Target } from './target.ts';

interface Played {
  result: RunResult;
  changes: Collected['changes'];
}

export function createAnsibleBackend(dependencies: BackendDependencies): Backend {
  const play = (run: Run, report: RunReport, signal: AbortSignal) => playRun(run, report, signal, dependencies);
  const preview = async (run: Run, report: RunReport, signal: AbortSignal): Promise<Preview> => {
    const { result, changes } = await play({ ...run, checkMode: true }, report, signal);
    if (result.status === 'succeeded') return previewOf(changes);
    throw new AppError(result.status === 'failed' ? 'invalid' : 'unavailable', result.message);
  };
  return {
    name: 'ansible',
    check: run => checkRun(run, dependencies),
    preview,
    run: async (run, report, signal, token) => {
      const refused = token === undefined ? null : await compare(() => preview(run, report, signal), token);
      return refused ?? (await play(run, report, signal)).result;
    },
    // A playbook lives in the scope of its worker and dies with it: there is nothing to find.
    attach: async () => null,
    end: (run, previousAttempt) => endAttempt(run, previousAttempt, dependencies),
  };
}

async function compare(preview: () => Promise<Preview>, token: string): Promise<RunResult | null> {
  const failed = (message: string): RunResult => ({
    status: 'failed',
    exitCode: null,
    changed: false,
    outputs: {},
    message,
  });
  try {
    const now = await preview();
    return now.token === token ? null : failed('What would change is not what was shown any more. Look at it again.');
  } catch (error) {
    return failed(errorText(error));
  }
}

async function checkRun(run: Run, { python }: BackendDependencies): Promise<string[]> {
  const mistakes: string[] = [];
  const readable = (path: string) => canAccess(path, constants.R_OK);
  if (!(await readable(join(dirname(python), 'ansible-playbook')))) {
    mistakes.push(`There is no ansible-playbook beside ${python}. Start Aegir by "npm start", or set AEGIR_PYTHON.`);
  }
  if (!(await readable(join(run.folder, 'tasks', 'main.yml')))) {
    mistakes.push(`The Task type ${run.taskType.name} has no tasks/main.yml, so Ansible cannot run it.`);
  }
  return [...mistakes, ...checkServer(run)];
}

async function playRun(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  dependencies: BackendDependencies,
): Promise<Played> {
  const relay = await startFeedbackRelay(run, report);
  try {
    const target = await untilAborted(reachTarget(run, relay, report, dependencies), signal, late => late.close());
    if (!target) return notStarted('cancelled', 'Cancelled before anything was started.');
    try {
      return await playPermitted(target, run, report, signal, dependencies);
    } finally {
      await target.close();
    }
  } catch (error) {
    if (error instanceof ConnectionProblem) return notStarted(error.status, error.message);
    throw error;
  } finally {
    await relay.close();
  }
}

function notStarted(status: RunResult['status'], message: string): Played {
  return { result: { status, exitCode: null, changed: false, outputs: {}, message }, changes: [] };
}

async function playPermitted(
  target: Target,
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  dependencies: BackendDependencies,
): Promise<Played> {
  const marker = runMarker(run.taskId, run.attempt);
  const entry = await enter(target.machine, run, signal);
  if (!isPermitted(entry)) return { result: entry, changes: [] };
  const { result, changes } = await playOn(target, run, report, signal, { ...dependencies, permit: entry.permit });
  if (result.status !== 'cancelled' && !wasKilled(result))
    return { result: await leave(target.machine, entry.permit, result), changes };
  // Nobody has waited for what it had started there.
  const message = result.status === 'cancelled' ? 'Cancelled.' : result.message;
  const left = await endOn(target.machine, marker);
  return { result: { ...result, message: `${message} ${left}`.trim(), isLeft: left !== '' }, changes };
}

/** Ansible's own codes are small, but for that of a crash. */
const wasKilled = ({ exitCode }: RunResult) => exitCode === null || exitCode > 128;

async function playOn(
  target: Target,
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  { permit, ...dependencies }: BackendDependencies & { permit: string },
): Promise<Played> {
  const marker = runMarker(run.taskId, run.attempt);
  const folder = await makeRunFolder(dependencies.runFolder, marker);
  try {
    await writeRunFiles(folder, run, {
      playbook: renderPlaybook(run, marker),
      inventory: renderInventory(target.inventory, { folder, socket: target.socket }),
      vars: renderVars(run, { url: target.feedbackUrl, token: run.feedback.token }),
    });
    await report.kept(renderKept(run, target.inventory, marker));
    const reader = createEventReader(report);
    // A process group does not hold what another process starts.
    const isolated = (await scopeKind(target.sudoHere)) !== 'group';
    const forkServer = (isolated && dependencies.forkServer?.socket()) || null;
    const command = {
      argv: renderCommand(folder, dependencies.python, { checkMode: run.checkMode, forkServer }),
      folder,
      environment: renderEnvironment(folder, dependencies, {
        guard: renderShellGuard(marker, permit),
        modules: dependencies.modules
          ? await modulesOf(dependencies.modules, { folder: run.folder, version: run.taskType.version })
          : '',
      }),
      marker,
      input: '',
      sudo: target.sudoHere,
    };
    const out = {
      output: (stream: Parameters<typeof readLines>[0]) => readOutput(stream, reader.plain, report),
      events: (stream: Parameters<typeof readLines>[0]) => readLines(stream, reader.event, report),
    };
    const end = await runInScope(command, out, signal);
    return { result: resultOf(end, reader.collected), changes: reader.collected.changes };
  } finally {
    await removeRunFolder(folder).catch(error => report.line(`The folder of the run remains: ${errorText(error)}`));
  }
}
