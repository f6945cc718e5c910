import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createBackends, createSshMasters } from '../index.ts';
import { marked, runMarker } from '../process-tree.ts';
import { countProcesses, leftIn, makeFolder, makeRun, python, recordReport } from '../test-run.ts';

vi.setConfig({ testTimeout: 60_000 });

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function play(tasks: string, files: Record<string, string> = {}) {
  const role = await makeFolder({ 'tasks/main.yml': tasks, ...files });
  const dependencies = { python, runFolder: base, environment: { PATH: process.env.PATH ?? '' } };
  const { ansible } = createBackends({ ...dependencies, masters: createSshMasters(dependencies) });
  const report = recordReport();
  const run = makeRun({ folder: role.path });
  const result = await ansible.run(run, report, new AbortController().signal);
  expect(await marked(runMarker(run.taskId, run.attempt))).toEqual([]);
  await role.remove();
  expect(await leftIn(base)).toEqual([]);
  return { ...result, text: report.lines.join('\n') };
}

/** A module that gives the process in which it runs and the one which started that. */
const who = `#!/usr/bin/python
import os
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.who_says import word
AnsibleModule(argument_spec={}).exit_json(word=word, parent=os.getppid(), marked=os.environ.get('MARKED', ''))
`;
const files = { 'library/who.py': who, 'module_utils/who_says.py': `word = 'own'\n` };
const told = (values: string) => `
- ansible.builtin.set_stats:
    data: {${values}}
    per_host: false
`;

test('modules of a run come from one process, and each finds the parts that it brings', async () => {
  const { outputs, message } = await play(
    `- ansible.builtin.stat: {path: /etc}
- {who: {}, register: first}
- {who: {}, register: second}
${told('word: "{{ second.word }}", same: "{{ first.parent == second.parent }}"')}`,
    files,
  );
  expect(outputs, message).toEqual({ word: 'own', same: true });
});

test('one with variables of its own has a process of its own', async () => {
  const { outputs, message } = await play(
    `- {who: {}, register: first}
- {who: {}, register: second, environment: {MARKED: by hand}}
${told('marked: "{{ [first.marked, second.marked] }}", same: "{{ first.parent == second.parent }}"')}`,
    files,
  );
  expect(outputs, message).toEqual({ marked: ['', 'by hand'], same: false });
});

test('both outputs arrive as they are, whatever their size and bytes, and do not wait for what is left behind', async () => {
  const print = `import sys, subprocess
subprocess.Popen(['sleep', '${process.pid}7'])
print('x' * 3_000_000 + '\\u00e9'); print('wrong', file=sys.stderr); sys.exit(3)`;
  const { outputs, message } = await play(`- ansible.builtin.command: {argv: [python3, -c, ${JSON.stringify(print)}]}
  register: printed
  failed_when: false
${told('size: "{{ printed.stdout | length }}", end: "{{ printed.stdout[-1] }}", error: "{{ printed.stderr }}", code: "{{ printed.rc }}"')}`);
  expect(outputs, message).toEqual({ size: 3_000_001, end: 'é', error: 'wrong', code: 3 });
  await vi.waitFor(async () => expect(await countProcesses(`sleep ${process.pid}7`)).toBe(0));
});

test('a module that is killed has failed, and the next one runs', async () => {
  const { status, text } = await play(`- ansible.builtin.command: {argv: [sh, -c, 'kill -9 $PPID']}
  register: killed
  failed_when: false
- ansible.builtin.debug: {msg: "code {{ killed.rc }}"}
- ansible.builtin.command: {argv: [echo, still here]}
  register: next
- ansible.builtin.debug: {msg: "{{ next.stdout }}"}
`);
  expect([status, text]).toEqual(['succeeded', expect.stringMatching(/code 137.*still here/s)]);
});

test('a target that goes away in the middle of a module counts as not reached', async () => {
  const { status, text } = await play('- {ansible.builtin.stat: {path: /etc}}\n- go_away: {}\n', {
    'library/go_away.py':
      '#!/usr/bin/python\nimport os\nfrom ansible.module_utils import basic\nos.kill(os.getppid(), 9)\n',
  });
  expect([status, text]).toEqual(['unreachable', expect.stringContaining('UNREACHABLE')]);
});

test('a Python that cannot take modules leaves each with its own', async () => {
  const refusing = `#!/bin/sh\n[ "$1" = -c ] && exit 9\nexec ${python} "$@"\n`;
  const role = await makeFolder({ python: refusing });
  await chmod(join(role.path, 'python'), 0o755);
  const { status, text } = await play(`- ansible.builtin.command: {argv: [echo, all the same]}
  register: said
  vars: {ansible_python_interpreter: ${join(role.path, 'python')}}
- ansible.builtin.debug: {msg: "{{ said.stdout }}"}
`);
  await role.remove();
  expect([status, text]).toEqual(['succeeded', expect.stringContaining('all the same')]);
});
