// Runs one role by plain ansible-playbook, against a test host or this machine, with values as Aegir gives them: data that
// Ansible never interprets. For tests of roles; the backend that Aegir itself uses is in activities/backends/ansible.

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import { modulesOf } from '../activities/backends/ansible/modules.ts';
import { renderProgram } from '../activities/backends/ansible/render-command.ts';
import { markUnsafe } from '../activities/backends/ansible/render-vars.ts';
import { plainSettings, project, pythonBin } from './plain-ansible.ts';
import type { TestHost } from './test-host.ts';

export { project, pythonBin } from './plain-ansible.ts';

export interface PlayOptions {
  /** Nothing: this machine. */
  host?: TestHost;
  facts?: boolean;
  check?: boolean;
  /** Texts to lie over the role's own templates. */
  templates?: Record<string, string>;
}

export interface PlayResult {
  code: number;
  output: string;
  /** Number of changed tasks, from the recap. */
  changed: number;
  /** What the role reported by set_stats. */
  outputs: Record<string, unknown>;
}

export async function playRole(
  role: string,
  values: Record<string, unknown>,
  options: PlayOptions = {},
): Promise<PlayResult> {
  const folder = await mkdtemp(join(tmpdir(), 'aegir-play-'));
  try {
    await writeFiles(folder, role, values, options);
    const [file = '', ...program] = renderProgram(join(pythonBin, 'python'), inject('ansibleSocket'));
    const result = await execa(file, [...program, ...playFlags(folder, options)], {
      cwd: folder,
      env: await environment(folder, role),
      reject: false,
      all: true,
      // The fourth is where a run of Aegir takes events from.
      stdio: ['ignore', 'pipe', 'pipe', 'ignore'],
    });
    return readResult(result.exitCode ?? 255, result.all);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The sentences of a failed play without the line breaks that the terminal put in. */
export function words(result: PlayResult): string {
  return result.output.replace(/\\"/g, '"').replace(/\s+/g, ' ');
}

async function writeFiles(
  folder: string,
  role: string,
  values: Record<string, unknown>,
  { host, facts = false, templates = {} }: PlayOptions,
): Promise<void> {
  await mkdir(join(folder, 'roles'));
  await cp(join(project, 'roles', role), join(folder, 'roles', role), { recursive: true });
  for (const [name, text] of Object.entries(templates))
    await writeFile(join(folder, 'roles', role, 'templates', name), text);
  const play = [{ hosts: 'all', gather_facts: facts, vars_files: ['vars.json'], roles: [{ role }] }];
  await writeFile(join(folder, 'play.yml'), JSON.stringify(play));
  await writeFile(join(folder, 'vars.json'), JSON.stringify(markUnsafe(values)));
  const connection = host
    ? {
        ansible_connection: 'aegir_ssh',
        ansible_host: host.address,
        ansible_user: 'root',
        ansible_ssh_private_key_file: host.keyFile,
        ansible_ssh_args: `-o ControlMaster=auto -o ControlPersist=5s -o ControlPath=${folder}/%C -o LogLevel=ERROR`,
      }
    : { ansible_connection: 'aegir_local', ansible_remote_tmp: join(folder, 'tmp') };
  const interpreter = { ansible_python_interpreter: host ? '/usr/bin/python3' : join(pythonBin, 'python') };
  const hosts = { target: { ...connection, ...interpreter } };
  await writeFile(join(folder, 'inventory.json'), JSON.stringify({ all: { hosts } }));
}

function playFlags(folder: string, { check }: PlayOptions): string[] {
  return ['--inventory', join(folder, 'inventory.json'), ...(check ? ['--check', '--diff'] : []), 'play.yml'];
}

async function environment(folder: string, role: string): Promise<Record<string, string>> {
  return {
    ...plainSettings,
    ANSIBLE_CONFIG: join(project, 'activities/backends/ansible/ansible.cfg'),
    ANSIBLE_LOCAL_TEMP: join(folder, 'tmp'),
    // Nobody has to permit it.
    AEGIR_GUARD: '/bin/sh -c ',
    // All plays of a run of the tests make a module once.
    AEGIR_MODULES: await modulesOf(join(inject('enginesFolder'), 'modules'), {
      folder: join(project, 'roles', role),
      version: role,
    }),
    PATH: [pythonBin, process.env.PATH].join(delimiter),
    HOME: folder,
  };
}

function readResult(code: number, output: string): PlayResult {
  const stats = /CUSTOM STATS: \*+\s+RUN: (\{.*\})/s.exec(output)?.[1];
  return {
    code,
    output,
    changed: Number(/changed=(\d+)/.exec(output)?.[1] ?? 0),
    outputs: stats ? JSON.parse(stats) : {},
  };
}
