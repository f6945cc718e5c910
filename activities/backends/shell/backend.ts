// Carries out a Task type that is an executable: JSON on its standard input, lines out, outputs in a JSON file.

import { AppError } from '../../../model/errors.ts';
import type { Backend, Run, RunReport, RunResult } from '../backend.ts';
import type { BackendDependencies } from '../dependencies.ts';
import { endAttempt } from '../fence.ts';
import { checkServer, serverOf } from '../on-server.ts';
import { checkProgram } from './program.ts';
import { renderKept } from './render.ts';
import { notRun } from './result.ts';
import { runHere } from './run-here.ts';
import { runOnServer } from './run-on-server.ts';

export function createShellBackend(dependencies: BackendDependencies): Backend {
  return {
    name: 'shell',
    check: checkRun,
    preview: async run => {
      throw new AppError(
        'invalid',
        `${run.taskType.title} is a program: what it would change is not known beforehand.`,
      );
    },
    run: (run, report, signal) => runProgram(run, report, signal, dependencies),
    // It ends with its worker, and on a Server with the connection.
    attach: async () => null,
    end: (run, previousAttempt) => endAttempt(run, previousAttempt, dependencies),
  };
}

async function checkRun(run: Run): Promise<string[]> {
  return [...(await checkProgram(run)), ...checkServer(run)];
}

async function runProgram(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  dependencies: BackendDependencies,
): Promise<RunResult> {
  if (run.checkMode) return notRun('failed', `${run.taskType.title} is a program and has no check mode.`);
  const mistakes = await checkRun(run);
  if (mistakes.length > 0) return notRun('failed', mistakes.join(' '));
  await report.kept(renderKept(run));
  const server = serverOf(run);
  if (server?.connection !== 'ssh') return runHere(run, report, signal, dependencies);
  return runOnServer(run, report, signal, { server, masters: dependencies.masters });
}
