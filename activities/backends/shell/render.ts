// What a program of a Task type is given: its standard input and its environment.

import { join } from 'node:path';
import { hideSecrets, placeholder } from '../ansible/render-vars.ts';
import type { Run, ServerConnection } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { markerName } from '../process-tree.ts';
import { quoteWord } from '../ssh-render.ts';
import { outputsFile } from './outputs.ts';

/** The same on every machine: what a program finds must not depend on who has started it. */
const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

/** @param feedback null where there is no way back: empty texts. */
export function renderInput(run: Pick<Run, 'arguments' | 'context'>, feedback: Run['feedback'] | null): string {
  const { url = '', token = '' } = feedback ?? {};
  const aegir = { ...run.context, feedback_url: url, feedback_token: token };
  return `${JSON.stringify({ arguments: run.arguments, aegir })}\n`;
}

export function renderEnvironment(folder: string, { environment = {} }: RunDependencies): Record<string, string> {
  return { ...plainEnvironment, ...environment, HOME: folder, AEGIR_OUTPUTS: join(folder, outputsFile) };
}

/** On this machine. sudo passes no environment on. */
export function renderArgv(program: string, environment: Record<string, string>, sudo: boolean): string[] {
  if (!sudo) return [program];
  return ['sudo', '-n', 'env', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`), program];
}

/** The command line for a Server, which reads fence.py and run_program.py as one and then the request from its standard input. */
export function renderServerCommand(server: ServerConnection, marker: string, scriptBytes: number): string {
  // -I: nothing of the user's own Python settings.
  const argv = ['env', `${markerName}=${marker}`, server.python, '-I', '-c'];
  const script = `import sys; exec(sys.stdin.buffer.read(${scriptBytes}))`;
  // -n: never asks for a password.
  return [...(server.become ? ['sudo', '-n'] : []), ...argv, script].map(quoteWord).join(' ');
}

/** @param files of the folder shell/, by name. */
export function renderRequest(run: Run, files: ReadonlyMap<string, Buffer>): string {
  const contents = Object.fromEntries([...files].map(([name, content]) => [name, content.toString('base64')]));
  const fences = Object.fromEntries(run.fences.map(({ key, token }) => [key, token]));
  return `${JSON.stringify({ files: contents, input: renderInput(run, null), environment: plainEnvironment, fences })}\n`;
}

/** Enough to see of what form the elements are: a Task on all sites of a Server runs each quarter of an hour. */
const mostKept = 20;

function shorten(values: Record<string, unknown>): Record<string, unknown> {
  const short = (value: unknown) => (Array.isArray(value) ? value.slice(0, mostKept) : value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, short(value)]));
}

/** The input without secrets, of lists the first elements, and how to use it by hand. */
export function renderKept(run: Run): Record<string, string> {
  const values = shorten(hideSecrets(run.arguments, run.taskType.arguments, run.secretArguments));
  const aegir = { ...run.context, feedback_url: '', feedback_token: placeholder('feedback_token') };
  return {
    'input.json': `${JSON.stringify({ arguments: values, aegir }, null, 2)}\n`,
    README: `${run.taskType.title}: Task ${run.taskId}, attempt ${run.attempt}, ${run.taskType.name} at version ${run.taskType.version}.
Fill in the secrets in input.json first; of lists it has the first ${mostKept} elements. The program lies beside this file; make it executable (chmod +x).

${renderCommand(run)}
`,
    COMMAND: renderCommand(run),
  };
}

function renderCommand(run: Run): string {
  return `AEGIR_OUTPUTS=outputs.json roles/${run.taskType.name}/shell/run < input.json`;
}
