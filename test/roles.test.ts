// What holds for every Task type of ours, without running one.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readCatalogue } from '../catalogue/index.ts';
import { project, pythonBin } from './play-role.ts';

const rolesFolder = join(project, 'roles');
const roles = readdirSync(rolesFolder);
const ansibleRoles = roles.filter(role => existsSync(join(rolesFolder, role, 'tasks/main.yml')));

const keywords = new Set(
  `name when register loop loop_control changed_when failed_when check_mode environment vars no_log diff until retries delay
  block rescue always ignore_errors module_defaults`.split(/\s+/),
);

type AnsibleTask = Record<string, unknown>;

/** The tasks of a file, those inside of blocks included. */
function tasksOf(file: unknown): AnsibleTask[] {
  return ((file ?? []) as AnsibleTask[]).flatMap(task => [
    task,
    ...tasksOf(task.block),
    ...tasksOf(task.rescue),
    ...tasksOf(task.always),
  ]);
}

function readYaml(...path: string[]): unknown {
  const file = join(rolesFolder, ...path);
  return existsSync(file) ? parse(readFileSync(file, 'utf8')) : {};
}

test('the catalogue accepts every Task, Operation and Application type', async () => {
  const folder = (name: string) => [join(project, name)];
  const catalogue = await readCatalogue({
    roles: folder('roles'),
    operations: folder('operations'),
    applications: folder('applications'),
  });
  expect(catalogue.problems).toEqual([]);
  expect([...catalogue.taskTypes.keys()].sort()).toEqual(roles.sort());
});

describe.each(ansibleRoles)('%s', role => {
  test('has the same defaults in argument_specs.yml and in defaults/main.yml', () => {
    const specs = readYaml(role, 'meta', 'argument_specs.yml') as {
      argument_specs: { main: { options: Record<string, { default?: unknown }> } };
    };
    const options = Object.entries(specs.argument_specs.main.options);
    const defaults = options.filter(([, spec]) => 'default' in spec).map(([name, spec]) => [name, spec.default]);
    expect(readYaml(role, 'defaults', 'main.yml')).toEqual(Object.fromEntries(defaults));
  });

  test('names its modules in full and its own variables with its prefix', () => {
    const tasks = readdirSync(join(rolesFolder, role, 'tasks')).flatMap(file => tasksOf(readYaml(role, 'tasks', file)));
    for (const task of tasks) {
      const modules = Object.keys(task).filter(key => !keywords.has(key));
      expect(modules.filter(name => !/^(ansible\.builtin\.|aegir_)/.test(name) && !name.startsWith(role))).toEqual([]);
      expect(`${task.register ?? role}`).toMatch(role);
      expect(task.name).toMatch(/^[A-Z].*[^.]$/);
    }
    const variables = Object.keys(readYaml(role, 'vars', 'main.yml') as object);
    expect(variables.filter(name => !name.startsWith(`${role}_`))).toEqual([]);
  });
});

test('every role is valid for Ansible', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aegir-syntax-'));
  try {
    const play = ansibleRoles.map(role => ({ hosts: 'all', gather_facts: false, roles: [{ role }] }));
    await writeFile(join(folder, 'play.yml'), JSON.stringify(play));
    const env = {
      HOME: folder,
      ANSIBLE_ROLES_PATH: rolesFolder,
      ANSIBLE_LIBRARY: join(project, 'activities/backends/ansible/library'),
    };
    const flags = ['--syntax-check', '--inventory', 'localhost,', join(folder, 'play.yml')];
    await execa(join(pythonBin, 'ansible-playbook'), flags, { cwd: folder, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

test('what several Task types need is one file, to which the others link', () => {
  const paths = readdirSync(rolesFolder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !/^(main|argument_specs|aegir)\.yml$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name));
  const first = new Map<string, string>();
  const copies = paths.filter(path => {
    const text = readFileSync(path, 'utf8');
    // A few lines may be alike by chance.
    if (text.length < 300) return false;
    const other = first.get(text) ?? path;
    first.set(text, other);
    return other !== path;
  });
  expect(copies).toEqual([]);
});
