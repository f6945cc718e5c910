// Runs the program of a Task type on this machine, in a scope: for the worker itself and for a Server that is it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../../model/errors.ts';
import type { Run, RunReport, RunResult } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { type FeedbackRelay, startFeedbackRelay } from '../feedback-relay.ts';
import { enter, isPermitted, leave } from '../fence.ts';
import { renderGuard } from '../guard.ts';
import { readOutput } from '../lines.ts';
import { thisMachine } from '../machine.ts';
import { serverOf } from '../on-server.ts';
import { runMarker } from '../process-tree.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { runInScope } from '../scope.ts';
import { outputsFile, readOutputs } from './outputs.ts';
import { programOf } from './program.ts';
import { renderArgv, renderEnvironment, renderInput } from './render.ts';
import { cancelled, createLines, resultOf } from './result.ts';

export async function runHere(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  dependencies: RunDependencies,
): Promise<RunResult> {
  const marker = runMarker(run.taskId, run.attempt);
  const machine = thisMachine(serverOf(run), dependencies);
  const entry = await enter(machine, run, signal);
  if (!isPermitted(entry)) return entry;
  const folder = await makeRunFolder(dependencies.runFolder, marker);
  const relay = await startFeedbackRelay(run, report);
  try {
    const place = { folder, marker, relay, dependencies, guard: renderGuard(marker, entry.permit) };
    return await leave(machine, entry.permit, await follow(run, report, signal, place));
  } finally {
    await relay.close();
    await removeRunFolder(folder).catch(error => report.line(`The folder of the run remains: ${errorText(error)}`));
  }
}

interface Place {
  folder: string;
  marker: string;
  guard: string[];
  relay: FeedbackRelay;
  dependencies: RunDependencies;
}

async function follow(run: Run, report: RunReport, signal: AbortSignal, place: Place): Promise<RunResult> {
  const { folder, marker, guard, relay } = place;
  const lines = createLines(report);
  const environment = renderEnvironment(folder, place.dependencies);
  const sudo = serverOf(run)?.become === true;
  // Ours beforehand: what root makes could not be read.
  await writeFile(join(folder, outputsFile), '', { mode: 0o600 });
  const end = await runInScope(
    {
      argv: [...guard, ...renderArgv(programOf(run), environment, sudo)],
      folder,
      environment,
      marker,
      input: renderInput(run, { url: relay.url, token: run.feedback.token }),
      sudo,
    },
    {
      output: stream => readOutput(stream, lines.take, report),
      events: stream => readOutput(stream, lines.take, report),
    },
    signal,
  );
  if (end.aborted) return cancelled(end.exitCode);
  return resultOf(run, end.exitCode, lines, await readOutputs(folder));
}
