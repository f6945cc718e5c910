// What a program of a Task type is given: its standard input and its environment.

import { join } from 'node:path';
import { hideSecrets, placeholder } from '../ansible/render-vars.ts';
import type { Run } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { outputsFile } from './outputs.ts';

export function renderInput(run: Pick<Run, 'arguments' | 'context' | 'feedback'>, feedbackUrl: string): string {
  const aegir = { ...run.context, feedback_url: feedbackUrl, feedback_token: run.feedback.token };
  return `${JSON.stringify({ arguments: run.arguments, aegir })}\n`;
}

export function renderEnvironment(folder: string, { environment = {} }: RunDependencies): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...environment,
    HOME: folder,
    LANG: 'C.UTF-8',
    AEGIR_OUTPUTS: join(folder, outputsFile),
  };
}

/** The input without secrets, and how to use it by hand. */
export function renderKept(run: Run): Record<string, string> {
  const values = hideSecrets(run.arguments, run.taskType.arguments, run.secretArguments);
  const aegir = { ...run.context, feedback_url: '', feedback_token: placeholder('feedback_token') };
  return {
    'input.json': `${JSON.stringify({ arguments: values, aegir }, null, 2)}\n`,
    README: `${run.taskType.title}: Task ${run.taskId}, attempt ${run.attempt}, ${run.taskType.name} at version ${run.taskType.version}.
Fill in the secrets in input.json first. The program lies beside this file; make it executable (chmod +x).

${renderCommand(run)}
`,
    COMMAND: renderCommand(run),
  };
}

function renderCommand(run: Run): string {
  return `AEGIR_OUTPUTS=outputs.json roles/${run.taskType.name}/shell/run < input.json`;
}
