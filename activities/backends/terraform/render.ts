// What Terraform is given: variables, settings of its command line, environment, commands.

import { join } from 'node:path';
import { hideSecrets, placeholder } from '../ansible/render-vars.ts';
import type { Run } from '../backend.ts';

export const planFile = 'aegir.plan';
export const stateFile = 'terraform.tfstate';
export const variablesFile = 'terraform.tfvars.json';

/** The same on every machine: what Terraform finds must not depend on who has started it. */
const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

export function renderEnvironment(folder: string, further: Record<string, string> = {}): Record<string, string> {
  return {
    ...plainEnvironment,
    ...further,
    HOME: folder,
    TMPDIR: folder,
    TF_IN_AUTOMATION: '1',
    TF_INPUT: '0',
    // No message to its maker, and no question for newer versions.
    CHECKPOINT_DISABLE: '1',
    TF_CLI_CONFIG_FILE: join(folder, 'terraform.rc'),
  };
}

/** Providers come from this folder and from nowhere else. */
export function renderSettings(plugins: string): string {
  return `disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path = ${JSON.stringify(plugins)}
  }
}
`;
}

/** `aegir` is there for whoever declares it: nothing in it differs from run to run. */
export function renderVariables(run: Pick<Run, 'arguments' | 'context'>, declares: boolean): string {
  const { subject, fields } = run.context;
  const values = { ...run.arguments, ...(declares ? { aegir: { subject, fields } } : {}) };
  return `${JSON.stringify(values, null, 2)}\n`;
}

/** Of a plan that exits with 0 when nothing would change, with 2 when something would. */
export function renderPlanArgv(destroys: boolean): string[] {
  const kind = destroys ? ['-destroy'] : [];
  // The state lies in a folder of the run alone; its lock is the row's.
  return ['plan', '-input=false', '-no-color', '-lock=false', '-detailed-exitcode', ...kind, `-out=${planFile}`];
}

export const applyArgv = ['apply', '-input=false', '-no-color', '-lock=false', planFile];

/** @param isPinned the Task type brings a lock file of providers. */
export function renderInitArgv(isPinned: boolean): string[] {
  return ['init', '-input=false', '-no-color', ...(isPinned ? ['-lockfile=readonly'] : [])];
}

/** Without secrets: to see what was given, and to do it by hand. */
export function renderKept(run: Run): Record<string, string> {
  const values = hideSecrets(run.arguments, run.taskType.arguments, run.secretArguments);
  const { subject } = run.context;
  const shown = { ...values, aegir: { subject, fields: placeholder('custom fields') } };
  const command = `terraform init && terraform plan${run.destroys ? ' -destroy' : ''}`;
  return {
    [variablesFile]: `${JSON.stringify(shown, null, 2)}\n`,
    README: `${run.taskType.title}: Task ${run.taskId}, attempt ${run.attempt}, ${run.taskType.name} at version ${run.taskType.version}.
Fill in the secrets in ${variablesFile} first (take "aegir" away where no variable has this name), and put it into roles/${run.taskType.name}/terraform.
The state is with Aegir: without it Terraform takes everything for new.

${command}
`,
    COMMAND: command,
  };
}
