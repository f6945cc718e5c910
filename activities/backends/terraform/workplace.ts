// The folder of one run: the files of the Task type, its values, the state, and commands that are carried out there. It lies in
// memory, for this user only, and goes with the run.

import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { RunReport } from '../backend.ts';
import { canAccess } from '../can-access.ts';
import type { RunDependencies } from '../dependencies.ts';
import { readOutput } from '../lines.ts';
import { runMarker } from '../process-tree.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { runInScope } from '../scope.ts';
import { createComplaints } from './complaints.ts';
import { findProgram, settingsOf, sourceFolder } from './program.ts';
import {
  renderEnvironment,
  renderInitArgv,
  renderSettings,
  renderVariables,
  stateFile,
  variablesFile,
} from './render.ts';
import type { RunWithState } from './store.ts';

/** Terraform then writes its state and ends what it can: a person waits for it, and a worker that is stopped has 15 s. */
const interruptMs = 10_000;

export interface CommandEnd {
  /** null when a signal ended it. */
  exitCode: number | null;
  aborted: boolean;
  /** It did not come to an end in the time that it had. */
  isCutOff?: boolean;
  /** What Terraform says is wrong; '' = nothing. */
  complaint: string;
}

export interface Workplace {
  path(name: string): string;
  /** Its lines go into the log. */
  command(argv: string[]): Promise<CommandEnd>;
  /** Its output is not shown: it has secrets in clear. null = it has failed. */
  ask(argv: string[]): Promise<string | null>;
  remove(): Promise<void>;
}

export interface WorkplaceOptions {
  run: RunWithState;
  report: RunReport;
  signal: AbortSignal;
  dependencies: RunDependencies;
  /** Before each command: it starts only with the run's permit. */
  guard: string[];
}

export async function makeWorkplace(options: WorkplaceOptions, state: string): Promise<Workplace> {
  const { run, report, signal, dependencies, guard } = options;
  const marker = runMarker(run.taskId, run.attempt);
  const base = await makeRunFolder(dependencies.runFolder, marker);
  const folder = join(base, 'terraform');
  const { plugins } = settingsOf(dependencies);
  const program = await findProgram(dependencies);
  await mkdir(folder, { mode: 0o700 });
  await cp(sourceFolder(run), folder, { recursive: true });
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 });
  await write('terraform.rc', renderSettings(plugins));
  await write(variablesFile, renderVariables(run, await declaresContext(folder, run)));
  if (state) await write(stateFile, state);
  const environment = renderEnvironment(folder, dependencies.environment);
  const start = (argv: string[], output: (stream: Readable) => Promise<void>) =>
    runInScope(
      {
        argv: [...guard, program, ...argv],
        folder,
        environment,
        marker,
        input: '',
        sudo: false,
        interruptMs,
      },
      { output, events: async stream => void stream.resume() },
      signal,
    );
  return {
    path: name => join(folder, name),
    command: async argv => {
      const complaints = createComplaints();
      const take = (line: string) => {
        complaints.take(line);
        report.line(line);
      };
      const end = await start(argv, stream => readOutput(stream, take, report));
      return { ...end, complaint: complaints.text() };
    },
    ask: async argv => {
      const pieces: Buffer[] = [];
      const end = await start(argv, async stream => {
        for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
      });
      return end.exitCode === 0 ? Buffer.concat(pieces).toString('utf8') : null;
    },
    remove: () => removeRunFolder(base),
  };
}

/** '' = it can be used. Nothing is downloaded. */
export async function init(place: Workplace, plugins: string): Promise<string> {
  const isPinned = await canAccess(place.path('.terraform.lock.hcl'));
  const { exitCode, complaint } = await place.command(renderInitArgv(isPinned));
  if (exitCode === 0) return '';
  const missing = [...new Set([...complaint.matchAll(/for provider ([^\s:,]+)/g)].map(found => found[1]))].join(', ');
  if (!missing) return `Terraform could not begin: ${complaint || 'it says no more.'}`;
  return `The provider ${missing} is not on this worker, and nothing is downloaded: put it into ${plugins} (“terraform providers mirror ${plugins}” in the folder of the Task type does it), or into the folder that AEGIR_TERRAFORM_PLUGINS names.`;
}

async function declaresContext(folder: string, { taskType }: RunWithState): Promise<boolean> {
  // No argument may have this name, so it is the context that is meant.
  if (taskType.arguments.some(({ name }) => name === 'aegir')) return false;
  const names = (await readdir(folder)).filter(name => name.endsWith('.tf'));
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')));
  return texts.some(text => /^\s*variable\s+"aegir"\s*\{/m.test(text));
}
