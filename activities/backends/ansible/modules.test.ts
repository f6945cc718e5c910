import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBackends, createSshMasters } from '../index.ts';
import { makeFolder, makeRun, python, recordReport } from '../test-run.ts';

let base: string;
let modules: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
  modules = join(base, 'modules');
});

afterAll(() => rm(base, { recursive: true, force: true }));

async function play(files: Record<string, string>, version: string) {
  const role = await makeFolder(files);
  const dependencies = { python, runFolder: base, environment: { PATH: process.env.PATH ?? '' }, modules };
  const masters = createSshMasters(dependencies);
  const taskType = { name: 'try_something', title: 'Try something', version, facts: false, arguments: [] };
  const report = recordReport();
  try {
    const run = makeRun({ folder: role.path, taskType });
    return await createBackends({ ...dependencies, masters }).ansible.run(run, report, new AbortController().signal);
  } finally {
    await masters.closeAll();
    await role.remove();
  }
}

/** `slurp` of the hosts file, and what it answered as output. */
const tasks = `
- slurp: {src: /etc/hosts}
  register: read
- ansible.builtin.set_stats:
    data: {content: "{{ read.content | b64decode }}"}
    per_host: false
`;

const other = `#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={'src': {'type': 'path'}}).exit_json(content='b3RoZXI=')
`;

test('runs share what Ansible makes of a module; a role’s own module of the same name is its own', async () => {
  const kept = async (folder: string) =>
    (await readdir(join(modules, folder))).filter(name => name.includes('slurp-')).length;
  const first = await play({ 'tasks/main.yml': tasks }, 'v1');
  expect(first.outputs.content, first.message).toContain('localhost');
  expect(await kept('common')).toBeGreaterThan(0);
  const own = { 'tasks/main.yml': tasks, 'library/slurp.py': other };
  expect((await play(own, 'v2')).outputs).toEqual({ content: 'other' });
  expect(await kept('v2')).toBeGreaterThan(0);
  const again = await Promise.all([play({ 'tasks/main.yml': tasks }, 'v3'), play({ 'tasks/main.yml': tasks }, 'v4')]);
  for (const { outputs } of again) expect(outputs.content).toContain('localhost');
  expect((await readdir(modules)).sort()).toEqual(['common', 'v2']);
}, 60_000);

/** Says by which run it was started. */
const asksRestic = `#!/usr/bin/python
import os
from ansible.module_utils.aegir_restic import Started
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={'program': {'type': 'path'}})
with open(module.params['program'], 'w') as file:
    file.write('#!/bin/sh\\necho "$AEGIR_RUN"\\n')
os.chmod(module.params['program'], 0o755)
with Started([module.params['program'], 'cat'], '/', {'type': 'directory', 'folder': '/nowhere', 'name': 'none'}, None) as process:
    said = process.stdout.read().decode().strip()
module.exit_json(content=said)
`;

test('restic is marked as a process of its run, so that it is ended with it', async () => {
  const step = `
- ask_restic: {program: ${join(base, 'restic')}}
  register: asked
- ansible.builtin.set_stats:
    data: {content: "{{ asked.content }}"}
    per_host: false
`;
  const result = await play({ 'tasks/main.yml': step, 'library/ask_restic.py': asksRestic }, 'v1');
  expect(result.status, result.message).toBe('succeeded');
  expect(result.outputs.content).toMatch(/^\S+\.1$/);
});
