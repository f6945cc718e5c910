import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeRun, makeServer } from '../test-run.ts';
import { previewOf } from './diff.ts';
import { renderKept } from './kept.ts';
import { renderCommand, renderEnvironment } from './render-command.ts';
import { renderInventory } from './render-inventory.ts';
import { renderPlaybook } from './render-playbook.ts';
import { renderKeptVars, renderVars } from './render-vars.ts';

const run = makeRun({
  taskId: 'T1',
  folder: '/versions/abc/write_vhost',
  taskType: { name: 'write_vhost', title: 'Write: {{ vhost }}', version: 'abc', facts: true, arguments: [] },
  arguments: {
    port: 80,
    names: ['a.example', "{{ lookup('pipe','id') }}"],
    deep: { '{{ key }}': [{ x: '{% raw %}' }] },
  },
  context: { operation: 'O1', fields: { environment: { contact: '{{ 7 * 7 }}' } } },
});

test('the playbook is one play with the role by name, and its title is not a template', () => {
  expect(renderPlaybook(run, 'T1.2')).toBe(`- name: !unsafe "Write: {{ vhost }}"
  hosts: all
  gather_facts: true
  any_errors_fatal: true
  vars_files:
    - vars.yml
  environment:
    AEGIR_RUN: "T1.2"
  module_defaults:
    aegir_stream:
      feedback_url: "{{ aegir.feedback_url }}"
      feedback_token: "{{ aegir.feedback_token }}"
  roles:
    - role: "write_vhost"
`);
});

test('every string among the variables is marked as unsafe, at any depth', () => {
  const unsafe = (text: string) => ({ __ansible_unsafe: text });
  expect(JSON.parse(renderVars(run, { url: 'http://127.0.0.1:5/f', token: 'secret' }))).toEqual({
    port: 80,
    names: [unsafe('a.example'), unsafe("{{ lookup('pipe','id') }}")],
    deep: { '{{ key }}': [{ x: unsafe('{% raw %}') }] },
    aegir: {
      operation: unsafe('O1'),
      fields: { environment: { contact: unsafe('{{ 7 * 7 }}') } },
      feedback_url: unsafe('http://127.0.0.1:5/f'),
      feedback_token: unsafe('secret'),
    },
  });
});

test('kept variables hold a placeholder for every secret, also inside of lists of options', () => {
  const text = renderKeptVars(
    {
      arguments: { password: 'p1-hidden', users: [{ name: 'ann', key: 'k1-hidden' }], none: null },
      context: {},
      secretArguments: ['password'],
      taskType: {
        arguments: [
          { name: 'password', type: 'str' },
          { name: 'none', type: 'str', secret: true },
          {
            name: 'users',
            type: 'list',
            elements: 'dict',
            options: [
              { name: 'name', type: 'str' },
              { name: 'key', type: 'str', secret: true },
            ],
          },
        ],
      },
    },
    { url: '', token: 't1-hidden' },
  );
  expect(text).not.toContain('hidden');
  expect(JSON.parse(text)).toMatchObject({
    password: { __ansible_unsafe: '<secret: password>' },
    users: [{ name: { __ansible_unsafe: 'ann' }, key: { __ansible_unsafe: '<secret: key>' } }],
    none: null,
    aegir: { feedback_token: { __ansible_unsafe: '<secret: feedback_token>' } },
  });
});

test('the inventory holds one host, always with its interpreter, and no name that Ansible would expand', () => {
  const server = makeServer({ name: 'web[1:3]', address: '{{ evil }}', become: true });
  expect(JSON.parse(renderInventory({ server }, null))).toEqual({
    all: {
      hosts: {
        web_1_3_: {
          ansible_connection: { __ansible_unsafe: 'ssh' },
          ansible_host: { __ansible_unsafe: '{{ evil }}' },
          ansible_port: 22,
          ansible_user: { __ansible_unsafe: 'root' },
          ansible_python_interpreter: { __ansible_unsafe: '/usr/bin/python3' },
          ansible_become: true,
        },
      },
    },
  });
  expect(JSON.parse(renderInventory({ python: '/venv/bin/python' }, null))).toEqual({
    all: {
      hosts: {
        worker: {
          ansible_connection: { __ansible_unsafe: 'local' },
          ansible_python_interpreter: { __ansible_unsafe: '/venv/bin/python' },
        },
      },
    },
  });
});

test('the inventory of a run names our connection plugins, and the socket of the master or a folder that goes with the run', () => {
  const hostOf = (text: string) => Object.values(JSON.parse(text).all.hosts)[0];
  const ssh = renderInventory({ server: makeServer({}) }, { folder: '/run', socket: '/dev/shm/x/s' });
  expect(hostOf(ssh)).toMatchObject({
    ansible_connection: { __ansible_unsafe: 'aegir_ssh' },
    ansible_ssh_args: {
      __ansible_unsafe:
        '-F /dev/null -o ControlMaster=no -o \'ControlPath="/dev/shm/x/s"\' -o ProxyCommand=false -o BatchMode=yes',
    },
  });
  expect(hostOf(renderInventory({ python: '/venv/bin/python' }, { folder: '/run', socket: null }))).toEqual({
    ansible_connection: { __ansible_unsafe: 'aegir_local' },
    ansible_python_interpreter: { __ansible_unsafe: '/venv/bin/python' },
    ansible_remote_tmp: { __ansible_unsafe: '/run/tmp' },
  });
});

test('environment and command line hold nothing of the worker and no value of the run', () => {
  const dependencies = {
    python: '/venv/bin/python',
    runFolder: '',
    environment: { https_proxy: 'http://p:1', PATH: '/bin' },
  };
  expect(renderEnvironment('/run', dependencies, { guard: 'guard ', modules: '/modules' })).toEqual({
    https_proxy: 'http://p:1',
    PATH: '/venv/bin:/bin',
    HOME: '/run',
    TMPDIR: '/run/tmp',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    ANSIBLE_CONFIG: join(import.meta.dirname, 'ansible.cfg'),
    ANSIBLE_LOCAL_TEMP: '/run/tmp',
    AEGIR_EVENTS: '3',
    AEGIR_GUARD: 'guard ',
    AEGIR_MODULES: '/modules',
    PYTHONDONTWRITEBYTECODE: '1',
  });
  expect(renderCommand('/run', '/venv/bin/python', { checkMode: true, forkServer: null })).toEqual([
    '/venv/bin/python',
    '/venv/bin/ansible-playbook',
    '-i',
    '/run/inventory.yml',
    '--check',
    '--diff',
    '/run/playbook.yml',
  ]);
  expect(renderCommand('/run', '/venv/bin/python', { checkMode: false, forkServer: '/run/s' })).toEqual([
    '/venv/bin/python',
    '-I',
    '-S',
    join(import.meta.dirname, 'fork_client.py'),
    '/run/s',
    '/venv/bin/ansible-playbook',
    '-i',
    '/run/inventory.yml',
    '/run/playbook.yml',
  ]);
});

test('what is kept can be carried out by hand: files, command, overrides, and the secrets to fill in', () => {
  const kept = renderKept(
    { ...run, arguments: { key: 'hidden' }, secretArguments: ['key'], templates: { 'site.j2': 'mine' } },
    { server: makeServer({ sshKey: 'hidden', hostKey: '' }) },
    'T1.1',
  );
  expect(Object.keys(kept)).toEqual([
    'playbook.yml',
    'inventory.yml',
    'vars.yml',
    'README',
    'COMMAND',
    'roles/write_vhost/templates/site.j2',
  ]);
  expect(JSON.stringify(kept)).not.toContain('hidden');
  expect(kept['inventory.yml']).toContain('"ssh"');
  expect(JSON.stringify(kept)).not.toContain(run.feedback.token);
  expect(kept.README).toContain('Fill in the secrets in vars.yml: key.');
  expect(kept.COMMAND).toBe(
    'ANSIBLE_LIBRARY="$AEGIR/activities/backends/ansible/library" ansible-playbook -i inventory.yml playbook.yml',
  );
  expect(kept.README).toContain(kept.COMMAND);
});

test('the token of a preview does not depend on temporary paths', () => {
  const diff = (folder: string) =>
    previewOf([
      {
        task: 'Write',
        host: 'web1',
        diff: `--- before\n+++ after: /dev/shm/${folder}/tmp/ansible-local-3x/tmpq/a.j2\n+new`,
      },
    ]);
  expect(diff('one').diff).toBe('# Write (web1)\n--- before\n+++ after: a.j2\n+new\n');
  expect(diff('one').token).toBe(diff('two').token);
});
