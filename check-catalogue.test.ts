import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { goodTypes, makeTypeFolders, type TypeFolders } from './catalogue/testing/type-folders.ts';

let folders: TypeFolders;
beforeEach(async () => {
  folders = await makeTypeFolders(goodTypes);
});
afterEach(() => folders[Symbol.asyncDispose]());

const script = join(import.meta.dirname, 'check-catalogue.ts');

/** Nothing of Aegir runs, and no database is named. */
function check(words: string[], environment: Record<string, string> = {}) {
  const clean = { PATH: process.env.PATH ?? '', ...environment };
  return execa(process.execPath, [script, ...words], {
    reject: false,
    cwd: folders.root,
    env: clean,
    extendEnv: false,
  });
}

test('the types of this installation have no mistake', async () => {
  const { stdout, stderr, exitCode } = await check([]);
  expect(`${stdout}${stderr}`).toMatch(/ usable\. No mistakes\.$/);
  expect(exitCode).toBe(0);
});

test('folders of the *_PATH settings are checked, each mistake as file:line: message', async () => {
  await folders.write({
    'extra/roles/a_b/meta/aegir.yml': 'target: moon\nundoo: x\n',
    'extra/operations/one.yml': 'title: One\n',
  });
  const { stdout, exitCode } = await check([], {
    AEGIR_ROLES_PATH: join(folders.root, 'extra/roles'),
    AEGIR_OPERATIONS_PATH: join(folders.root, 'extra/operations'),
  });
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^extra\/roles\/a_b\/meta\/argument_specs\.yml:1: This file is missing/m);
  expect(stdout).toMatch(/^extra\/operations\/one\.yml:1: description: is required\.$/m);
  expect(stdout).toMatch(/^extra\/operations\/one\.yml:1: steps: is required\.$/m);
});

test('a set, a role, an operation and an application can be named on the command line', async () => {
  await folders.write({
    'set/roles/try_this/meta/argument_specs.yml': 'argument_specs: {main: {short_description: T}}\n',
    'set/roles/try_this/meta/aegir.yml': 'target: worker\n',
    'set/roles/try_this/tasks/main.yml': '[]\n',
    'set/operations/try_it.yml': 'title: T\ndescription: T.\non: server\nsteps: [{id: a, task: try_this}]\n',
    'single/application.yml': 'title: S\ndescription: S.\n',
  });
  const set = await check(['--json', 'set', 'single']);
  const report = JSON.parse(set.stdout) as Record<string, string[]>;
  expect(report.problems).toEqual([]);
  expect(report.taskTypes).toContain('try_this');
  expect(report.operationTypes).toContain('try_it');
  expect(report.applicationTypes).toContain('single');
  expect((await check(['set/roles/try_this', 'set/operations/try_it.yml'])).exitCode).toBe(0);
  const wrong = await check(['--json', 'roles']);
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stdout).toContain('Neither a role');
});

test('a folder that is configured already is no duplicate of itself', async () => {
  const { stdout, exitCode } = await check([import.meta.dirname]);
  expect(stdout).not.toContain('duplicate');
  expect(exitCode).toBe(0);
});
