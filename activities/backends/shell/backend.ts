// Carries out a Task type that is an executable: JSON on its standard input, lines out, outputs in a JSON file.

import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errorText } from '../../../model/errors.ts';
import type { Backend, Run, RunReport, RunResult } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { type FeedbackRelay, startFeedbackRelay } from '../feedback-relay.ts';
import { readLines } from '../lines.ts';
import { endMarked, runMarker } from '../process-tree.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { runInScope, type ScopeEnd } from '../scope.ts';
import { readOutputs } from './outputs.ts';
import { renderEnvironment, renderInput, renderKept } from './render.ts';

export function createShellBackend(dependencies: RunDependencies): Backend {
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
    // It lives in the scope of its worker and dies with it.
    attach: async () => null,
    end: (run, previousAttempt) => endMarked(runMarker(run.taskId, previousAttempt)),
  };
}

const programOf = (run: Run) => join(run.folder, 'shell', 'run');

async function checkRun(run: Run): Promise<string[]> {
  const program = programOf(run);
  const found = await stat(program).catch(() => null);
  if (!found?.isFile()) return [`The Task type ${run.taskType.name} has no shell/run.`];
  return access(program, constants.X_OK).then(
    () => [],
    () => [`shell/run of the Task type ${run.taskType.name} is not executable: chmod +x it.`],
  );
}

async function runProgram(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  dependencies: RunDependencies,
): Promise<RunResult> {
  const failed = (message: string): RunResult => ({
    status: 'failed',
    exitCode: null,
    changed: false,
    outputs: {},
    message,
  });
  if (run.checkMode) return failed(`${run.taskType.title} is a program and has no check mode.`);
  const mistakes = await checkRun(run);
  if (mistakes.length > 0) return failed(mistakes.join(' '));
  const marker = runMarker(run.taskId, run.attempt);
  const folder = await makeRunFolder(dependencies.runFolder, marker);
  const relay = await startFeedbackRelay(run.feedback, report);
  try {
    await report.kept(renderKept(run));
    return await follow(run, report, signal, { folder, marker, relay, dependencies });
  } finally {
    await relay.close();
    await removeRunFolder(folder).catch(error => report.line(`The folder of the run remains: ${errorText(error)}`));
  }
}

interface Place {
  folder: string;
  marker: string;
  relay: FeedbackRelay;
  dependencies: RunDependencies;
}

async function follow(run: Run, report: RunReport, signal: AbortSignal, place: Place): Promise<RunResult> {
  let last = '';
  const line = (text: string) => {
    if (text.trim()) last = text.trim();
    report.line(text);
  };
  const end = await runInScope(
    {
      argv: [programOf(run)],
      folder: place.folder,
      environment: renderEnvironment(place.folder, place.dependencies),
      marker: place.marker,
      input: renderInput(run, place.relay.url),
      sudo: false,
    },
    { output: stream => readLines(stream, line), events: stream => readLines(stream, line) },
    signal,
  );
  return resultOf(run, end, last, await readOutputs(place.folder));
}

function resultOf(run: Run, end: ScopeEnd, last: string, read: Awaited<ReturnType<typeof readOutputs>>): RunResult {
  // A program cannot say whether it changed something.
  const common = { exitCode: end.exitCode, changed: true, outputs: read.outputs };
  if (end.aborted) return { ...common, status: 'cancelled', message: 'Cancelled.' };
  if (end.exitCode !== 0) {
    const how = end.exitCode === null ? 'was ended by a signal' : `ended with code ${end.exitCode}`;
    return {
      ...common,
      status: 'failed',
      message: `${run.taskType.title} ${how}${last ? `: ${last.slice(-600)}` : '.'}`,
    };
  }
  if (read.mistake) return { ...common, status: 'failed', message: read.mistake };
  return { ...common, status: 'succeeded', message: '' };
}
