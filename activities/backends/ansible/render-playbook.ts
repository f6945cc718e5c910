// The playbook of a run: one play, one role.

import type { Run } from '../backend.ts';
import { markerName } from '../process-tree.ts';

/** @param marker given to every process of the run on the target. */
export function renderPlaybook(
  run: { taskType: Pick<Run['taskType'], 'name' | 'title' | 'facts'> },
  marker: string,
): string {
  const { name, title, facts } = run.taskType;
  return `- name: ${yaml(title)}
  hosts: all
  gather_facts: ${facts}
  any_errors_fatal: true
  vars_files:
    - vars.yml
  environment:
    ${markerName}: ${yaml(marker)}
  module_defaults:
    aegir_stream:
      feedback_url: "{{ aegir.feedback_url }}"
      feedback_token: "{{ aegir.feedback_token }}"
  roles:
    - role: ${yaml(name)}
`;
}

/** A string that is neither YAML nor a template. */
function yaml(text: string): string {
  return /^[\w .,-]*$/.test(text) ? JSON.stringify(text) : `!unsafe ${JSON.stringify(text)}`;
}
