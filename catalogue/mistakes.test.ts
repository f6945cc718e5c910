import { relative } from 'node:path';
import { afterEach, expect, test } from 'vitest';
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

/** Mistakes as `path:line: message`. */
async function mistakes(files: Record<string, string | Uint8Array | null>): Promise<string[]> {
  const { paths, root } = await folders(files);
  const { problems } = await readCatalogue(paths);
  return problems.map(({ file, line, message }) => `${relative(root, file)}:${line}: ${message}`);
}

const task = (name: string, specs: string, aegir = 'target: worker\n', more: Record<string, string | null> = {}) => ({
  [`roles/${name}/meta/argument_specs.yml`]: `argument_specs:\n  main:\n    short_description: T\n    options:\n${specs}`,
  [`roles/${name}/meta/aegir.yml`]: aegir,
  [`roles/${name}/tasks/main.yml`]: '[]\n',
  ...more,
});

const oneStep = '  - {id: a, task: install_static, with: {path: /x}}\n';
const operation = (steps: string, head = 'on: environment') => ({
  'operations/try.yml': `title: Try\ndescription: Tries.\n${head}\nsteps:\n${steps}`,
});

const broken: [title: string, files: Record<string, string | null>, expected: RegExp][] = [
  ['a duplicate key', { 'operations/try.yml': 'title: a\ntitle: b\n' }, /try.yml:2: Map keys must be unique/],
  ['broken YAML', { 'operations/try.yml': 'title: a\n  b: [\n' }, /try.yml:[0-9]+: .+\.$/],
  ['two documents', { 'operations/try.yml': 'title: a\n---\ntitle: b\n' }, /try.yml:[0-9]+: .*documents/],
  ['a tag', { 'operations/try.yml': 'title: a\ndescription: !vault x\n' }, /try.yml:2: Unresolved tag: !vault/],
  ['an alias bomb', { 'operations/try.yml': bomb() }, /try.yml:1: .*alias/i],
  ['a list as file', { 'operations/try.yml': '- a\n' }, /try.yml:1: must hold keys and values/],
  ['an empty file', { 'operations/try.yml': '' }, /try.yml:1: title: is required/],
  [
    'a name',
    { 'operations/Try-This.yml': goodTypes['operations/build_release.yml'] ?? '' },
    /Try-This.yml:1: The name/,
  ],
  ['a missing meta', { 'roles/deploy_release/meta/aegir.yml': null }, /meta\/aegir.yml:1: This file is missing/],
  [
    'no argument_specs',
    { 'roles/deploy_release/meta/argument_specs.yml': 'a: 1\n' },
    /entry point argument_specs.main is missing/,
  ],
  ['no backend', { 'roles/deploy_release/tasks/main.yml': null }, /neither tasks\/main.yml nor shell\/run/],
  [
    'a backend without files',
    task('a_b', '      {}\n', 'target: worker\nbackends: [shell]\n'),
    /"shell" needs the file shell\/run/,
  ],
  [
    'a shell/run that cannot run',
    { 'roles/a_b/shell/run': 'x', ...task('a_b', '      {}\n') },
    /shell\/run is not executable/,
  ],
  [
    'a default that differs',
    { 'roles/deploy_release/defaults/main.yml': 'depth: 2\n' },
    /argument_specs.yml:17: .*is 1, but defaults\/main.yml has 2/,
  ],
  [
    'a default at one place',
    { 'roles/deploy_release/defaults/main.yml': 'depth: 1\nuser: x\n' },
    /defaults\/main.yml:2: user: .*no default/,
  ],
  [
    'a rule about nothing',
    task(
      'a_b',
      '      x: {type: dict, description: X, options: {a: {type: str, description: A}}, required_by: {a: b}}\n',
    ),
    /"b" is not one of the options/,
  ],
  [
    'a rule of wrong form',
    task(
      'a_b',
      '      x: {type: dict, description: X, options: {a: {type: str, description: A}}, required_if: [[a]]}\n',
    ),
    /each rule must be/,
  ],
  [
    'nested options',
    task('a_b', '      x: {type: list, elements: dict, description: X, options: {a: {type: st}}}\n'),
    /options.a.type: must be one of/,
  ],
  [
    'options of a text',
    task('a_b', '      x: {type: str, description: X, options: {a: {type: str, description: A}}}\n'),
    /options: belong to a dict/,
  ],
  [
    'an alias that is taken',
    task('a_b', '      x: {type: str, description: X, aliases: [y]}\n      y: {type: str, description: Y}\n'),
    /"y" is taken/,
  ],
  [
    'a second path that does not exist',
    task(
      'a_b',
      '      x: {type: str, description: X}\n',
      'target: worker\narguments: {x: {from: [project.name, project.nam]}}\n',
    ),
    /"project.nam" does not exist/,
  ],
  [
    'a path into a value of the application',
    task('a_b', '      x: {type: str, description: X}\n', 'target: worker\narguments: {x: {from: application.a.b}}\n'),
    /must name one value: application.<name>/,
  ],
  [
    'a Server of a Task that runs on the worker',
    task('a_b', '      {}\n', 'target: worker\nserver: environment.web_server\n'),
    /server: has a meaning only beside "target: server"/,
  ],
  [
    'a Server that is none',
    task('a_b', '      {}\n', 'target: server\nserver: environment.release\n'),
    /"environment.release" does not name a server/,
  ],
  [
    'an Action of two steps',
    operation(
      '  - {id: a, task: install_static, with: {path: /x}}\n  - {id: b, task: install_static, with: {path: /x}}\n',
      'on: environment\naction: true',
    ),
    /An Action has exactly one step/,
  ],
  [
    'a field with a path of something else',
    operation(
      oneStep,
      'on: environment\nfields:\n  release: {type: reference, to: release, description: One, from: project.current_release}',
    ),
    /fields.release.from: must be a path of the subject: environment.<field>/,
  ],
  [
    'a field that nobody fills',
    operation(oneStep, 'on: environment\nfields:\n  word: {type: str, description: One, ask: false}'),
    /fields.word.ask: is false, so it needs "from"/,
  ],
  [
    'a choice among what is no field',
    operation(
      oneStep,
      'on: environment\nfields:\n  release: {type: reference, to: release, description: One, among: {projekt: environment.release.project}}',
    ),
    /among.projekt: "projekt" is no field of a release/,
  ],
  [
    'a first step that is none',
    operation(oneStep, 'on: environment\ntouches_from: b'),
    /touches_from: "b" is no step with a task here/,
  ],
  [
    'an Action that sets states',
    operation(oneStep, 'on: environment\naction: true\nstates: {failed: broken}\nlocks: {environment: shared}'),
    /An Action sets no states/,
  ],
  [
    'a link that nothing opens',
    operation(oneStep, 'on: environment\nopens: url'),
    /opens: has a meaning only beside "action: true"/,
  ],
  [
    'a path of the wrong type',
    task('a_b', '      x: {type: int, description: X}\n', 'target: worker\narguments: {x: {from: project.name}}\n'),
    /gives a str, but a int is needed/,
  ],
  [
    'a presence as source',
    task('a_b', '      x: {type: str, description: X}\n', 'target: worker\narguments: {x: {from: presence.path}}\n'),
    /can be set, not read/,
  ],
  [
    'fresh without a path',
    task('a_b', '      x: {type: str, description: X}\n', 'target: worker\narguments: {x: {fresh: true}}\n'),
    /aegir.yml:2: .*fresh: has a meaning only beside one path/,
  ],
  [
    'missing without ask',
    task('a_b', '      x: {type: str, description: X}\n', 'target: worker\narguments: {x: {missing: Do it.}}\n'),
    /only beside "ask: false"/,
  ],
  [
    'an unknown verb target',
    { 'applications/static/application.yml': 'title: S\ndescription: S\nverbs: {install: instal_static}\n' },
    /application.yml:3: .*Did you mean "install_static"/,
  ],
  [
    'a mark outside',
    { 'applications/a/application.yml': 'title: S\ndescription: S\nrecognised_by: [../x]\n' },
    /inside of the codebase/,
  ],
  [
    'an unknown Task type',
    operation('  - {id: a, task: instal_static}\n'),
    /try.yml:5: .*no Task type "instal_static". Did you mean/,
  ],
  [
    'an unknown verb',
    operation('  - {id: a, task: $application.instal}\n'),
    /has the verb "instal". Did you mean "install"/,
  ],
  [
    'an application that is not there',
    operation(
      '  - {id: a, task: $application.install, with: {path: /a}}\n',
      'on: environment\nfor: {application: [statc]}',
    ),
    /for.application.0: There is no Application type "statc"/,
  ],
  [
    'an application of a server',
    operation('  - {id: a, task: $application.install, with: {path: /a}}\n', 'on: server'),
    /no Project, hence no application/,
  ],
  [
    'two things in a step',
    operation('  - {id: a, task: install_static, operation: build_release}\n'),
    /exactly one of task, operation and parallel/,
  ],
  [
    'an id twice',
    operation('  - {id: a, task: install_static}\n  - {id: a, task: install_static}\n'),
    /try.yml:6: .*taken by another step/,
  ],
  ['no steps', operation('  []\n'), /at least one step/],
  ['a step that is no map', operation('  - install_static\n'), /try.yml:5: steps.0: must be a set of fields/],
  [
    'an unknown argument',
    operation('  - {id: a, task: install_static, with: {pth: /a}}\n'),
    /"pth" is no argument of "install_static". Did you mean "path"/,
  ],
  [
    'a wrong literal',
    operation('  - {id: a, task: install_static, with: {path: [a]}}\n'),
    /with.path: path must be a text, not a list/,
  ],
  [
    'an unknown input',
    operation('  - {id: a, task: install_static, with: {path: $input.folder}}\n'),
    /"\$input.folder" is no field/,
  ],
  [
    'an unknown output',
    operation(
      '  - {id: a, task: install_static, with: {path: /a}}\n  - {id: b, task: install_static, with: {path: $steps.a.uri}}\n',
    ),
    /"\$steps.a.uri" is no declared output/,
  ],
  [
    'an output of a later step',
    operation('  - {id: a, task: install_static, with: {path: $steps.b.url}}\n  - {id: b, task: install_static}\n'),
    /"b" is not over by then/,
  ],
  [
    'an output of a step beside',
    operation(
      '  - id: p\n    parallel:\n      - {id: a, task: install_static}\n      - {id: b, task: install_static, with: {path: $steps.a.url}}\n',
    ),
    /try.yml:8: .*"a" is not over/,
  ],
  [
    'an output of the wrong type',
    operation(
      '  - {id: a, task: deploy_release, on: server}\n  - {id: b, task: install_static, with: {path: $steps.a.branches}}\n',
    ),
    /gives a list, but a path is needed/,
  ],
  [
    'a path that is not there',
    operation('  - {id: a, task: install_static, with: {path: $environment.pth}}\n'),
    /environment has no "pth". Did you mean "path"/,
  ],
  [
    'a root that is not there',
    operation('  - {id: a, task: install_static, with: {path: $environment.path}}\n', 'on: server'),
    /An Operation on a server has no environment/,
  ],
  [
    'a Task without its Server',
    operation('  - {id: a, task: remove_release, with: {path: /a}}\n', 'on: project'),
    /runs on a Server.*add a field "server"/,
  ],
  [
    'a value that nobody gives',
    operation('  - {id: a, task: remove_release}\n'),
    /"path" has no value here and is never asked/,
  ],
  [
    'a state',
    operation('  - {id: a, task: install_static}\n', 'on: server\nwhen: [enabled]\nstates: {failed: broken}'),
    /when.0: "enabled" is no state of a server/,
  ],
  [
    'a confirmation',
    operation('  - {id: a, task: install_static}\n', 'on: environment\nconfirmed_by: {on: sure}'),
    /confirmed_by.on: "on" is no state of a environment.*"sure" is no field of the type bool here/s,
  ],
  [
    'a lock',
    operation('  - {id: a, task: install_static}\n', 'on: server\nlocks: {release: shared}'),
    /locks.release: An Operation on a server has no release/,
  ],
  [
    'a role',
    operation('  - {id: a, task: install_static}\n', 'on: server\nminimum_role: root'),
    /minimum_role: must be one of viewer/,
  ],
  [
    'a root of another kind',
    operation(
      '  - {id: a, task: install_static}\n',
      'on: server\nfields: {release: {type: reference, to: server, description: R}}',
    ),
    /must be a reference to a release/,
  ],
  [
    'a reference to nothing',
    operation('  - {id: a, task: install_static}\n', 'on: server\nfields: {x: {type: reference, description: R}}'),
    /a reference needs "to"/,
  ],
  [
    'an unknown nested one',
    operation('  - {id: a, operation: bild_release, on: release}\n'),
    /no Operation type "bild_release". Did you mean "build_release"/,
  ],
  ['a nested one elsewhere', operation('  - {id: a, operation: build_release}\n'), /so this step needs "on: release"/],
  [
    'a nested one out of reach',
    operation('  - {id: a, operation: build_release, on: release}\n', 'on: server'),
    /An Operation on a server has no release/,
  ],
  ['a cycle of one', operation('  - {id: a, operation: try}\n'), /must not contain itself: try → try/],
  [
    'an undo',
    operation('  - {id: a, task: install_static, undo: remove_al}\n'),
    /undo: There is no Task type "remove_al"/,
  ],
  [
    'an undo argument',
    operation('  - {id: a, task: install_static, undo: remove_release, undo_with: {pth: /a}}\n'),
    /undo_with.pth: "pth" is no argument/,
  ],
  [
    'a secret into the open',
    operation(
      '  - {id: a, task: install_static, with: {path: $input.x}}\n',
      'on: server\nfields: {x: {type: path, no_log: true, description: X}}',
    ),
    /needs "no_log: true"/,
  ],
  [
    'two types of one name',
    {
      ...task('a_b', '      path: {type: int, description: P}\n'),
      ...operation('  - {id: a, task: install_static}\n  - {id: b, task: a_b}\n'),
    },
    /try.yml:6: .*"a_b" asks for "path" \(int\), "install_static" for the same name \(path\)/,
  ],
];

function bomb(): string {
  const levels = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name, index, all) => {
    const inner = index === 0 ? 'x' : `*${all[index - 1]}`;
    return `${name}: &${name} [${Array(9).fill(inner).join(', ')}]`;
  });
  return `${levels.join('\n')}\n`;
}

test.each(broken)('%s is a mistake with its file and line', async (_title, files, expected) => {
  const found = await mistakes(files);
  expect(found.join('\n')).toMatch(expected);
});

test('a cycle over several Operation types is named on each of them', async () => {
  const nested = (other: string) => `title: A\ndescription: A.\non: server\nsteps:\n  - {id: s, operation: ${other}}\n`;
  const found = await mistakes({
    'operations/a.yml': nested('b'),
    'operations/b.yml': nested('a'),
    'operations/c.yml': nested('a'),
  });
  expect(found).toEqual([
    'operations/a.yml:5: steps.0.operation: An Operation must not contain itself: a → b → a.',
    'operations/b.yml:5: steps.0.operation: An Operation must not contain itself: b → a → b.',
    'operations/c.yml:5: steps.0.operation: The Operation type "a" is refused for mistakes of its own: mend them first.',
  ]);
});
