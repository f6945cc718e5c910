// A role as a program for Python, started as a pod starts it: by an Ansible that knows nothing of this worker.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../../test/listen.ts';
import { renderVars } from '../ansible/render-vars.ts';
import type { Run } from '../backend.ts';
import { makeFolder, makeRun, python } from '../test-run.ts';
import { renderRoleProgram } from './role-program.ts';

const tasks = `- name: Say it
  ansible.builtin.debug: {msg: "hello {{ who }}"}
- name: Look at it
  look_at_it: {}
  register: looked
- name: Refuse it
  ansible.builtin.fail: {msg: "{{ who }} is\\nnot here"}
  when: who == 'nobody'
- name: Report it
  ansible.builtin.set_stats:
    data: {long: "{{ 'x' * size }}", looked: "{{ looked.found }}"}
    per_host: false
`;
const look = `from ansible.module_utils.aegir_room import free_at
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({})
module.exit_json(changed=False, found=free_at('/') > 0)
`;

describe('a role as a program', () => {
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  let place: string;
  let run: Run;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'aegir-pod-'));
    folder = await makeFolder({
      'tasks/main.yml': tasks,
      'library/look_at_it.py': look,
      'kubernetes/role.yml': 'no part of it',
    });
    const cluster = { ...{ id: 'c', name: 'prod', kubeconfig: '', context: '', namespace: 'n', feedbackUrl: '' } };
    run = makeRun({ folder: folder.path, cluster: { ...cluster, environment: { id: 'e', name: 'shop' } } });
  });
  afterAll(async () => {
    await folder.remove();
    await rm(place, { recursive: true, force: true });
  });

  /** @param url where it sends what is too long. */
  async function carryOut(values: Record<string, unknown>, { url = '', program = python } = {}) {
    const [file, variables, outputs] = ['role.pyz', 'vars.yml', 'outputs'].map(name => join(place, name));
    await writeFile(file as string, await renderRoleProgram(run));
    const given = { ...run, arguments: values, secretArguments: ['password'] };
    await writeFile(variables as string, renderVars(given, { url, token: 'run-token-7f' }));
    await rm(outputs as string, { force: true });
    const { all, exitCode } = await execa(program, [file as string, variables as string], {
      ...{ reject: false, all: true, extendEnv: false },
      env: { PATH: process.env.PATH, AEGIR_OUTPUTS: outputs, TMPDIR: place },
    });
    const left = await readFile(outputs as string, 'utf8').catch(() => '');
    return { lines: all.split('\n'), code: exitCode, outputs: left && JSON.parse(left) };
  }

  test('says what Ansible says, and leaves its outputs; values are never interpreted', async () => {
    const who = "{{ lookup('pipe', 'id') }}";
    const { lines, code, outputs } = await carryOut({ who, size: 3, password: 'hunter22-moon' });
    expect([code, outputs]).toEqual([0, { long: 'xxx', looked: true }]);
    expect(lines.join('\n')).toMatch(/TASK \[try_something : Say it\][\s\S]*hello \{\{ lookup/);
    expect(lines.join('\n')).toContain('ok: [shop]');
    expect(lines.join('\n')).not.toContain('hunter22-moon');
  });

  test('ends a failure with its reason in one line, and with the code of Ansible', async () => {
    const { lines, code, outputs } = await carryOut({ who: 'nobody', size: 1 });
    expect([code, outputs, lines.at(-1)]).toEqual([2, {}, 'Task “Refuse it” failed: nobody is not here']);
  });

  test('sends outputs that are too long for a pod, and says what is missing where it cannot', async () => {
    const values = { who: 'me', size: 5000 };
    const alone = await carryOut(values);
    expect([alone.code, alone.outputs]).toEqual([1, '']);
    expect(alone.lines.at(-1)).toMatch(
      /^The outputs of this Task have 50\d\d bytes, of which a pod may leave 4095: enter “Address of Aegir for Jobs” on the Cluster/,
    );
    const posts: { path: string | undefined; authorization: string | undefined; body: string }[] = [];
    const statuses = [503, 204];
    const server = await listen(
      createServer(async (request, response) => {
        const body = Buffer.concat(await request.toArray()).toString();
        posts.push({ path: request.url, authorization: request.headers.authorization, body });
        response.writeHead(statuses.shift() ?? 422).end('{"detail": "It is not declared."}');
      }),
      '127.0.0.1',
    );
    try {
      const sent = await carryOut(values, { url: `${server.url}/feedback` });
      expect([sent.code, sent.outputs]).toEqual([0, '']);
      expect(posts.map(({ path, authorization }) => `${path} ${authorization}`)).toEqual([
        '/feedback/outputs Bearer run-token-7f',
        '/feedback/outputs Bearer run-token-7f',
      ]);
      expect(JSON.parse(posts.at(-1)?.body ?? '')).toEqual({ long: 'x'.repeat(5000), looked: true });
      const refused = await carryOut(values, { url: `${server.url}/feedback` });
      expect([refused.code, refused.lines.at(-1)]).toEqual([
        1,
        'The control plane refuses the outputs of this Task (422): {"detail": "It is not declared."}',
      ]);
    } finally {
      await server.stop();
    }
  });

  test('without Ansible says of what the image must be made', async () => {
    const { stdout } = await execa(python, ['-c', 'import sys; print(sys.base_prefix)']);
    const { lines, code } = await carryOut({ who: 'me', size: 1 }, { program: join(stdout, 'bin', 'python3') });
    expect([code, lines]).toEqual([
      1,
      ['The image of this pod has no Ansible: it must be made as images/tools/Containerfile says.'],
    ]);
  });

  test('carries out a program as on a Server: arguments on its standard input, outputs in a file, the last line says why', async () => {
    const program = `#!/usr/bin/env python3
import json, os, sys
given = json.load(sys.stdin)
print(given["arguments"]["who"], given["aegir"]["feedback_token"])
if given["arguments"]["who"] == "nobody":
    sys.exit("nobody is not here")
json.dump({"who": given["arguments"]["who"]}, open(os.environ["AEGIR_OUTPUTS"], "w"))
`;
    const other = await makeFolder({ 'shell/run': program, 'kubernetes/role.yml': 'no part of it' });
    const role = run;
    run = { ...run, folder: other.path };
    try {
      const done = await carryOut({ who: 'me' });
      expect([done.code, done.outputs, done.lines]).toEqual([0, { who: 'me' }, ['me run-token-7f']]);
      const failed = await carryOut({ who: 'nobody' });
      expect([failed.code, failed.outputs, failed.lines.at(-1)]).toEqual([1, {}, 'nobody is not here']);
    } finally {
      run = role;
      await other.remove();
    }
  });

  test('is the same bytes for the same role, and has none of its values', async () => {
    const [one, other] = await Promise.all([renderRoleProgram(run), renderRoleProgram(run)]);
    expect(one.equals(other)).toBe(true);
    await writeFile(join(place, 'role.zip'), one);
    const { stdout } = await execa(python, ['-m', 'zipfile', '-l', join(place, 'role.zip')]);
    expect(stdout).toContain('roles/try_something/library/look_at_it.py');
    expect(stdout).not.toMatch(/kubernetes|vars\.yml/);
    expect((await execa(python, ['-m', 'zipfile', '-t', join(place, 'role.zip')])).stdout).toBe('Done testing');
  });
});
