// What is kept of a run, without secrets, so that an engineer can carry it out by hand.

import type { Run } from '../backend.ts';
import { type InventoryTarget, renderInventory } from './render-inventory.ts';
import { renderPlaybook } from './render-playbook.ts';
import { renderKeptVars } from './render-vars.ts';

export function renderKept(run: Run, target: InventoryTarget, marker: string): Record<string, string> {
  // By hand there is no run that would take feedback: the streaming module then only runs the command.
  const vars = renderKeptVars(run, { url: '', token: '' });
  const overrides = Object.entries(run.templates).map(
    ([name, text]) => [`roles/${run.taskType.name}/templates/${name}`, text] as const,
  );
  return {
    'playbook.yml': renderPlaybook(run, marker),
    'inventory.yml': renderInventory(target, null),
    'vars.yml': vars,
    README: renderReadme(run),
    COMMAND: renderCommand(run),
    ...Object.fromEntries(overrides),
  };
}

function renderReadme(run: Run): string {
  const secrets =
    run.secretArguments.length > 0 ? `Fill in the secrets in vars.yml: ${run.secretArguments.join(', ')}.\n` : '';
  return `${run.taskType.title}: Task ${run.taskId}, attempt ${run.attempt}, ${run.taskType.name} at version ${run.taskType.version}.
AEGIR is the folder of the Aegir installation. The role lies in roles/${run.taskType.name} beside this file.
${secrets}
${renderCommand(run)}
`;
}

function renderCommand(run: Run): string {
  const mode = run.checkMode ? ' --check --diff' : '';
  return `ANSIBLE_LIBRARY="$AEGIR/activities/backends/ansible/library" ansible-playbook -i inventory.yml${mode} playbook.yml`;
}
