// Mistakes about the Environments beside the subject: where data come from, what is added, what is checked before the start.

import { afterEach, expect, test } from 'vitest';
import { readCatalogue } from './read-catalogue.ts';
import { goodTypes, makeTypeFolders, type TypeFolders } from './testing/type-folders.ts';

const made: TypeFolders[] = [];
afterEach(async () => {
  for (const folders of made.splice(0)) await folders[Symbol.asyncDispose]();
});

const operation = (steps: string, head = 'on: environment') => ({
  'operations/try.yml': `title: Try\ndescription: Tries.\n${head}\nsteps:\n${steps}`,
});

test.each<[title: string, files: Record<string, string>, expected: RegExp]>([
  [
    'an Environment that is added',
    operation('  - {id: a, task: install_static}\n', 'on: environment\nadds: {asks: [nome], takes: [salt]}'),
    /adds.asks.0: "nome" is no field of an environment.*adds.takes.0: "salt" is a secret of its own/s,
  ],
  [
    'an Environment that is added elsewhere',
    operation('  - {id: a, task: install_static}\n', 'on: release\nadds: {asks: [name]}'),
    /adds: has a meaning only with "on: environment"/,
  ],
  [
    'fields that are changed',
    operation(
      '  - {id: a, task: install_static}\n',
      `on: environment
changes:
  asks: [nome, release, sure]
  extends: {kind: {by: environment.nome, when: sure}, aliases: {by: environment.name, when: unsure}, redirects: {}}
fields: {sure: {type: str, description: Sure}}`,
    ),
    /asks.0: "nome" is no field.*asks.1: "release" is a reference.*asks.2: "sure" is no field.*asks.2: "sure" is a field here as well.*extends.kind: "kind" is no list.*kind.by: .*has no "nome".*kind.when: "sure" is no field of the type bool.*aliases.when: "unsure".*redirects.by: is required.*redirects.when: is required/s,
  ],
  [
    'a check',
    operation(
      '  - {id: a, task: install_static}\n',
      'on: environment\nchecks: [{that: environment.nome, is: x, unless: sure, message: No.}, {that: environment.name, message: No.}]',
    ),
    /environment has no "nome".*needs "is" or "is_not".*checks.0.unless: "sure" is no field of the type bool here/s,
  ],
  [
    'where data come from',
    operation('  - {id: a, task: install_static, with: {path: $source.path}}\n'),
    /There is no source here: add a field "source".* or "needs: source" to the step/,
  ],
  [
    'a nested Operation on what is not added',
    operation('  - {id: a, operation: install_environment, on: target}\n'),
    /There is no target here: add "adds", which makes it/,
  ],
  [
    'what the two sides change for each other',
    operation('  - {id: a, task: install_static}\n', 'on: environment\nexchanges: [web_server, name]'),
    /exchanges: needs the other side.*exchanges.1: "name" is not of a place. These are: cluster, web_server/s,
  ],
  [
    'the other side, which nobody may choose',
    operation(
      '  - {id: a, task: install_static, on: target}\n',
      'on: environment\nfields: {target: {type: reference, to: server, description: Any.}}',
    ),
    /target: must be a reference to an environment.*target: must have "ask: false"/s,
  ],
  [
    'a Task on another Environment that is not there',
    operation('  - {id: a, task: install_static, on: source}\n'),
    /There is no source here: add a field "source"/,
  ],
  [
    'what a step needs, or is left out by',
    operation(
      '  - {id: a, task: install_static, needs: environment.nome}\n  - {id: b, task: install_static, needs: backup.name, unless: sure}\n',
    ),
    /environment has no "nome".*"sure" is no field of the type bool here.*"backup.name" is not known here/s,
  ],
  [
    'what makes a question needless',
    {
      'roles/a_b/meta/argument_specs.yml':
        'argument_specs:\n  main:\n    short_description: T\n    options:\n      x: {type: str, description: X}\n',
      'roles/a_b/meta/aegir.yml': 'target: worker\narguments: {x: {unless: [sauce]}}\n',
      'roles/a_b/tasks/main.yml': '[]\n',
    },
    /x.unless: "sauce" begins with "sauce", which is no root/,
  ],
  [
    'an argument that gets all fields of an entity',
    {
      'roles/a_b/meta/argument_specs.yml':
        'argument_specs:\n  main:\n    short_description: T\n    options:\n      x: {type: dict, description: X}\n',
      'roles/a_b/meta/aegir.yml': 'target: worker\narguments: {x: {to: backup_store}}\n',
      'roles/a_b/tasks/main.yml': '[]\n',
    },
    /gives all fields of a Backup store: it needs "ask: false".*gives the secrets of a Backup store: it needs "no_log: true"/s,
  ],
  [
    'what names the entity of which all fields are given',
    {
      'roles/a_b/meta/argument_specs.yml':
        'argument_specs:\n  main:\n    short_description: T\n    options:\n      x: {type: dict, description: X, no_log: true, required: true}\n',
      'roles/a_b/meta/aegir.yml': 'target: worker\narguments: {x: {to: backup_store, ask: false}}\n',
      'roles/a_b/tasks/main.yml': '[]\n',
      ...operation(
        '  - {id: a, task: a_b, with: {x: $input.store}}\n',
        'on: environment\nfields: {store: {type: reference, to: backup_store, required: true, description: S}}',
      ),
    },
    /"\$input.store" must be a path: the argument x gives all fields of what it names/,
  ],
])('%s is refused where it is wrong', async (_, files, expected) => {
  const folders = await makeTypeFolders({ ...goodTypes, ...files });
  made.push(folders);
  const { problems } = await readCatalogue(folders.paths);
  expect(problems.map(({ message }) => message).join('\n')).toMatch(expected);
});
