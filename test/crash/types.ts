// What the crash matrix runs: ten steps on the host, half of them programs, half of them roles, two that must not run again.
// All do the same there by one script, which keeps the journal.

import { makeTypeFolder, type TypeFolder } from '../task-types.ts';

export interface Step {
  name: string;
  backend: 'shell' | 'ansible';
  once: boolean;
}

const ansible = [2, 4, 6, 9];
const once = [4, 7];

export const steps: Step[] = Array.from({ length: 10 }, (_, index) => ({
  name: `s${index + 1}`,
  backend: ansible.includes(index + 1) ? 'ansible' : 'shell',
  once: once.includes(index + 1),
}));

export const operationType = 'ten_steps';

/** On the host. `changes` has one line for each step that is done; `slow` says how many quarters of a second a step takes,
 * `broken` which step fails. What is there is looked up before the wait and written after it: two at once would show. */
export const folder = '/srv/crash';

export const hostScript = `#!/bin/sh
cd ${folder}
verb=$1 step=$2
token=$(sed 's/.*"server[^"]*": *\\([0-9]*\\).*/\\1/' "/run/aegir/permits/$AEGIR_RUN" 2>/dev/null)
say() { echo "$1 $verb $step \${AEGIR_RUN##*.} \${token:-0} \${AEGIR_RUN%.*}" >>journal; }
say begin
grep -qx "$step" changes && there=yes || there=no
ticks=$(sed -n "s/^$step //p" slow)
i=0; while [ $i -lt "\${ticks:-4}" ]; do sleep 0.25; say tick; i=$((i + 1)); done
if [ "$verb" = do ] && grep -qx "$step" broken; then echo "It is broken."; exit 7; fi
if [ "$verb" = do ]; then [ $there = yes ] || echo "$step" >>changes
elif [ $there = yes ]; then sed -i "/^$step\\$/d" changes; fi
say end
`;

export function makeTypes(): TypeFolder {
  const types = makeTypeFolder();
  const options = 'which: {type: str, description: Which step, required: true}';
  const shell = (verb: string) => `read -r json
name=$(echo "$json" | sed -n 's/.*"which": *"\\([^"]*\\)".*/\\1/p')
exec ${folder}/step ${verb} "$name"`;
  const role = (verb: string) => `- name: One step
  aegir_stream: {argv: [${folder}/step, ${verb}, "{{ which }}"]}\n`;
  const undo = 'undo: take_back\n';
  types.shellTask('take_back', shell('undo'), { options, target: 'server' });
  types.ansibleTask('take_back_by_role', role('undo'), { options });
  types.shellTask('do_shell', shell('do'), { options, target: 'server', meta: undo });
  types.shellTask('do_shell_once', shell('do'), { options, target: 'server', meta: `${undo}repeatable: false\n` });
  types.ansibleTask('do_ansible', role('do'), { options, meta: 'undo: take_back_by_role\n' });
  types.ansibleTask('do_ansible_once', role('do'), { options, meta: `${undo}repeatable: false\n` });
  const list = steps.map(step => {
    const task = `do_${step.backend}${step.once ? '_once' : ''}`;
    return `{id: ${step.name}, task: ${task}, with: {which: ${step.name}}, skippable: ${step.once}}`;
  });
  types.operation(operationType, 'server', `[${list.join(', ')}]`, 'locks: {server: exclusive}\n');
  return types;
}
