import { symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { catalogueSignature } from './find-types.ts';
import { readCatalogue } from './read-catalogue.ts';
import { goodTypes, makeTypeFolders, type TypeFolders } from './testing/type-folders.ts';

const made: TypeFolders[] = [];
afterEach(async () => {
  for (const folders of made.splice(0)) await folders[Symbol.asyncDispose]();
});

async function folders(files: Record<string, string | Uint8Array | null>): Promise<TypeFolders> {
  const all = await makeTypeFolders({ ...goodTypes, ...files });
  made.push(all);
  return all;
}

test('types without a mistake are read with everything that their files say', async () => {
  const { paths, root } = await folders({});
  const catalogue = await readCatalogue(paths);
  expect(catalogue.problems).toEqual([]);
  expect([...catalogue.taskTypes.keys()]).toEqual(['deploy_release', 'install_static', 'remove_release']);
  const deploy = catalogue.taskTypes.get('deploy_release');
  expect(deploy).toMatchObject({
    title: 'Deploy a release',
    description: 'Fetches the code. It lies below the base folder.',
    target: 'server',
    backends: ['ansible'],
    rules: { required_together: [['user', 'token']] },
    outputs: [
      { name: 'path', type: 'path', sets: 'presence.path', help: 'Folder' },
      { name: 'branches', type: 'list', sets: 'project.refs' },
    ],
    timeoutSeconds: 600,
    retry: { attempts: 2, firstDelaySeconds: 5 },
    repeatable: true,
    changes: true,
    preview: true,
    facts: false,
    undo: 'remove_release',
    needs: ['project', 'release', 'server'],
    templates: ['b.j2', 'nested/a.j2'],
  });
  expect(deploy?.version).toMatch(/^[0-9a-f]{64}$/);
  expect(catalogue.folders.get(deploy?.version ?? '')).toBe(join(root, 'roles/deploy_release'));
  expect(deploy?.arguments.slice(0, 4)).toEqual([
    {
      name: 'repository',
      type: 'str',
      label: 'Repository',
      help: 'Where the code is',
      required: true,
      format: 'git_url',
      from: ['project.repository'],
    },
    {
      name: 'hash',
      type: 'str',
      label: 'Hash',
      help: 'Commit',
      required: true,
      from: ['release.hash'],
      ask: false,
      missing: 'Build it first.',
    },
    { name: 'deploy_key', type: 'str', label: 'Deploy key', help: 'Key', secret: true, from: ['project.deploy_key'] },
    { name: 'depth', type: 'int', label: 'Depth', help: 'History to fetch', default: 1, remember: true },
  ]);
  expect(catalogue.taskTypes.get('install_static')).toMatchObject({
    backends: ['shell'],
    preview: false,
    target: 'worker',
  });
  expect(catalogue.applicationTypes.get('static')).toMatchObject({
    recognisedBy: ['index.html'],
    values: { docroot: '.' },
    database: 'optional',
    php: true,
    verbs: { install: 'install_static' },
  });
  expect(catalogue.operationTypes.get('install_environment')).toMatchObject({
    on: 'environment',
    when: ['new', 'broken'],
    for: { cluster: ['servers'], application: ['static'] },
    minimumRole: 'engineer',
    dangerous: false,
    steps: [
      { id: 'build', operation: 'build_release', on: 'release', with: { server: '$environment.web_server', depth: 5 } },
      { id: 'both', parallel: [{ id: 'install', task: '$application.install' }, { id: 'again' }] },
    ],
  });
});

test('a refused Task type names every mistake with file and line, and harms only what is made of it', async () => {
  const { paths, root } = await folders({
    'roles/remove_release/meta/argument_specs.yml': `argument_specs:
  main:
    short_description: Remove
    options:
      path:
        typ: path
        type: pth
        description: Folder
      Bad-Name:
        type: str
      class: {type: str, description: Reserved}
      size:
        type: int
        description: Size
        default: many
        choices: [1, x]
        elements: str
      title:
        type: str
        description: Title
        default: '{{ lookup("pipe", "id") }}'
`,
    'roles/remove_release/meta/aegir.yml': `target: moon
timeuot: 3
timeout: 0
arguments:
  size: {from: environment.nam}
  pat: {}
  title: {from: project.deploy_key, to: release}
outputs:
  x: {type: int, sets: environment.path}
  y: {type: str, sets: environment.name}
  z: {type: str, sets: server.facts.os}
undo: remove_al
`,
  });
  const { problems, taskTypes, operationTypes, applicationTypes } = await readCatalogue(paths);
  const lines = problems.map(({ file, line, message }) => `${relative(root, file)}:${line}: ${message}`);
  const specs = 'roles/remove_release/meta/argument_specs.yml';
  const aegir = 'roles/remove_release/meta/aegir.yml';
  const expected: [string, number, RegExp][] = [
    [specs, 6, /"typ" is not a field.*Did you mean "type"/],
    [specs, 7, /type: must be one of str, int/],
    [specs, 9, /Bad-Name: must consist of/],
    [specs, 9, /description: is required/],
    [specs, 11, /class: has a meaning of its own/],
    [specs, 15, /default: is no value of this argument/],
    [specs, 16, /choices: x: must be a whole number/],
    [specs, 17, /elements: belongs to the type list/],
    [specs, 21, /default: is a template/],
    [specs, 15, /defaults\/main.yml has none/],
    [aegir, 1, /target: must be one of server, worker/],
    [aegir, 2, /"timeuot" is not a field.*Did you mean "timeout"/],
    [aegir, 3, /timeout: must be 1 or more/],
    [aegir, 5, /environment has no "nam". Did you mean "name"/],
    [aegir, 6, /pat: is not an argument/],
    [aegir, 7, /is a secret: the argument needs "no_log: true"/],
    [aegir, 9, /"environment.path": the output gives a int, but a str/],
    [aegir, 10, /"environment.name" cannot be set by an output/],
    [aegir, 11, /"server.facts.os" cannot be set/],
    [aegir, 12, /There is no Task type "remove_al"/],
  ];
  for (const [file, line, message] of expected) {
    const found = lines.some(text => text.startsWith(`${file}:${line}:`) && message.test(text));
    expect.soft(found, `${file}:${line} ${message}\n${lines.join('\n')}`).toBe(true);
  }
  expect(lines.filter(text => /install_environment|no declared output/.test(text))).toEqual([
    expect.stringMatching(/^operations\/install_environment.yml:10: .*"build_release" is refused/),
  ]);
  expect([...taskTypes.keys()]).toEqual(['install_static']);
  expect([...applicationTypes.keys()]).toEqual(['static']);
  expect([...operationTypes.keys()]).toEqual([]);
  expect(lines).toContainEqual(expect.stringMatching(/build_release.yml:11: .*"deploy_release" is refused/));
});

test('an Application type with mistakes does not make Operation types of others wrong', async () => {
  const { paths } = await folders({
    'applications/joomla/application.yml': 'title: Joomla\ndescription: J.\nverbs: {install: nothing}\n',
  });
  const { problems, operationTypes, applicationTypes } = await readCatalogue(paths);
  expect(problems).toHaveLength(1);
  expect([...operationTypes.keys()]).toEqual(['build_release', 'install_environment']);
  expect([...applicationTypes.keys()]).toEqual(['static']);
});

test('a name of a later folder is refused as a duplicate, the earlier one stays', async () => {
  const { paths, root } = await folders({
    'more/roles/install_static/x': '1',
    'more/operations/build_release.yml': 'x: 1',
  });
  paths.roles.push(join(root, 'more/roles'), join(root, 'roles'));
  paths.operations.push(join(root, 'more/operations'), join(root, 'nowhere'));
  const { problems, taskTypes, operationTypes } = await readCatalogue(paths);
  expect(problems.map(problem => problem.message)).toEqual([
    expect.stringMatching(/"build_release" is a duplicate/),
    expect.stringMatching(/"install_static" is a duplicate/),
    'This folder does not exist or cannot be read.',
  ]);
  expect(taskTypes.has('install_static') && operationTypes.has('build_release')).toBe(true);
});

test('a link or an over-large file inside of a Task type is refused, a link to a whole type is followed', async () => {
  const all = await folders({
    'roles/remove_release/files/big': Buffer.alloc(5 * 1024 * 1024 + 1),
    'elsewhere/README': '',
  });
  await symlink('/etc/passwd', join(all.root, 'roles/install_static/passwd'));
  await symlink(join(all.root, 'roles/deploy_release'), join(all.root, 'roles/deploy_linked'));
  const { problems, taskTypes } = await readCatalogue(all.paths);
  const lines = problems.map(({ file, message }) => `${relative(all.root, file)}: ${message}`);
  expect(lines).toContainEqual(expect.stringMatching(/^roles\/install_static\/passwd: .*a link that leads out/));
  expect(lines).toContainEqual(expect.stringMatching(/^roles\/remove_release: .*5 MiB/));
  expect(taskTypes.has('install_static') || taskTypes.has('remove_release')).toBe(false);
});

test('the version follows content, names and the executable bit, and nothing that tools leave behind', async () => {
  const all = await folders({});
  const version = async () => (await readCatalogue(all.paths)).taskTypes.get('install_static')?.version;
  const first = await version();
  await all.write({
    'roles/install_static/__pycache__/a.pyc': 'x',
    'roles/install_static/run~': 'x',
    'roles/install_static/.a.swp': 'x',
  });
  expect(await version()).toBe(first);
  await all.write({ 'roles/install_static/files/a': 'x' });
  const second = await version();
  expect(second).not.toBe(first);
  await all.write({ 'roles/install_static/files/a!': 'x' });
  expect(await version()).not.toBe(second);
});

test('the signature changes with every change on disk, and only then', async () => {
  const all = await folders({});
  const signature = () => catalogueSignature(all.paths);
  let last = await signature();
  expect(await signature()).toBe(last);
  const changes: Record<string, string | null>[] = [
    { 'roles/install_static/shell/run!': '#!/bin/sh\necho {} > "$AEGIR_OUTPUTX"\n' },
    { 'roles/new_one/meta/aegir.yml': 'x' },
    { 'roles/new_one': null },
    { 'operations/build_release.yml': null },
    { 'applications/static/application.yml': 'x' },
  ];
  for (const change of changes) {
    await all.write(change);
    const next = await signature();
    expect(next, JSON.stringify(change)).not.toBe(last);
    last = next;
  }
});

test('a comment in an Operation type makes no new version, a change of what it says does', async () => {
  const text = goodTypes['operations/build_release.yml'] ?? '';
  const all = await folders({});
  const version = async () => (await readCatalogue(all.paths)).operationTypes.get('build_release')?.version;
  const first = await version();
  await all.write({ 'operations/build_release.yml': `# comment\n${text}` });
  expect(await version()).toBe(first);
  await all.write({ 'operations/build_release.yml': text.replace('title: Build', 'title: Make') });
  expect(await version()).not.toBe(first);
});
