import { describe, expect, test } from 'vitest';
import { makeForm } from './form.ts';
import { checkTaskValues } from './make-plan.ts';
import { refusalOf, unconfirmed } from './offers.ts';
import type { OperationType, StepType } from './operation-type.ts';
import { type TaskStep, tasksOf } from './plan.ts';
import type { PathRoots, Scope } from './step-values.ts';
import type { Argument, TaskType } from './task-type.ts';
import { catalogue, entity, operationType, plan, release, roots, scope, taskType } from './testing/plan.ts';
import { resolveSteps } from './walk-steps.ts';

const inputsOf = (step: TaskStep | undefined) => step?.inputs;

describe('the value of an argument', () => {
  const types = catalogue([
    taskType('do_it', [
      { name: 'plain', type: 'str', required: true },
      { name: 'repository', type: 'str', from: ['project.repository'] },
      { name: 'contact', type: 'str', from: ['project.fields.contact'], default: 'nobody' },
      { name: 'key', type: 'str', secret: true, from: ['project.deploy_key'] },
      { name: 'owner', type: 'str', from: ['environment.release'] },
      { name: 'size', type: 'int', remember: true, default: 1 },
    ]),
  ]);
  const first = (type: OperationType, more: Partial<Scope> = {}) =>
    inputsOf([...tasksOf(plan(types, type, more))][0]?.step);

  test('comes from `with` before `from`, from `from` before memory, from memory before the default', () => {
    const type = operationType('run', [{ task: 'do_it', with: { plain: 'fixed', contact: '$$dollar' } }]);
    expect(first(type, { remembered: { do_it: { size: 7 } } })).toEqual({
      plain: { from: 'value', value: 'fixed' },
      repository: { from: 'value', value: 'https://example.org/x.git' },
      contact: { from: 'value', value: '$dollar' },
      key: { from: 'secret', id: 'k1' },
      owner: { from: 'value', value: 'release-1' },
      size: { from: 'value', value: 7 },
    });
  });

  test('that only the first run needs is asked then, and is later what it was', () => {
    const title: Argument = {
      name: 'title',
      type: 'str',
      remember: true,
      default: 'New',
      unless: ['environment.path'],
    };
    const once = catalogue([taskType('do_it', [title])]);
    const type = operationType('op', [{ task: 'do_it' }]);
    const ask = (own: Scope) =>
      makeForm(type, resolveSteps(once, type.steps, own), own).groups.flatMap(({ fields }) => fields);
    const remembered = { do_it: { title: 'Blog' } };
    expect(ask(scope(type, { remembered }))).toMatchObject([{ name: 'title', default: 'Blog' }]);
    const installed = { roots: { ...roots, environment: entity('environment-1', { release, path: '/srv/x' }) } };
    expect(ask(scope(type, { ...installed, remembered }))).toEqual([]);
    const [step] = [...tasksOf(plan(once, type, { ...installed, remembered }))];
    expect(inputsOf(step?.step)).toEqual({ title: { from: 'value', value: 'Blog' } });
  });

  test('that nothing fills is asked, once for all Tasks, with what is remembered shown first', () => {
    const type = operationType('run', [{ task: 'do_it' }, { task: 'do_it', with: { size: 3 } }]);
    const own = scope(type, { remembered: { do_it: { size: 7 } } });
    const form = makeForm(type, resolveSteps(types, type.steps, own), own);
    expect(
      form.groups.map(group => [group.title, group.fields.map(field => [field.name, field.required, field.default])]),
    ).toEqual([
      [
        'Title of do_it',
        [
          ['plain', true, undefined],
          ['size', false, 7],
        ],
      ],
    ]);
    expect(first(type, { answers: { plain: '$input.plain', size: 9 } })).toMatchObject({
      plain: { from: 'value', value: '$input.plain' },
      size: { from: 'value', value: 9 },
    });
  });

  test('of a person is a value, whatever it looks like', () => {
    const type = operationType('run', [{ task: 'do_it' }]);
    for (const plain of [{ $secret: 'k1' }, '$steps.a.b', { from: 'secret', id: 'k1' }]) {
      expect(first(type, { answers: { plain } })?.plain).toEqual({ from: 'value', value: plain });
    }
  });
});

describe('what cannot be filled', () => {
  const types = catalogue([
    taskType('needs_hash', [
      { name: 'hash', type: 'str', required: true, from: ['release.hash'], ask: false, missing: 'Build first.' },
    ]),
    taskType('on_server', [], { target: 'server' }),
  ]);

  test('is a problem in the words of the Task type', () => {
    const type = operationType('run', [{ task: 'needs_hash' }]);
    const form = makeForm(type, resolveSteps(types, type.steps, scope(type)), scope(type));
    expect(form.problems).toEqual([{ path: 'hash', message: 'Title of needs_hash: Build first.' }]);
  });

  test('waits for the answer that chooses its root', () => {
    const type = operationType('run', [{ task: 'on_server' }], {
      fields: [{ name: 'server', type: 'reference', to: 'server', required: true }],
    });
    const without = { ...roots, server: undefined } as unknown as PathRoots;
    const open = scope(type, { roots: without, openRoots: new Set(['server']) });
    expect(makeForm(type, resolveSteps(types, type.steps, open), open).problems).toEqual([]);
    const closed = scope(type, { roots: without });
    expect(makeForm(type, resolveSteps(types, type.steps, closed), closed).problems).toHaveLength(1);
  });

  test('is also what breaks a rule between the arguments of one Task', () => {
    const rules = { required_if: [['mode', 'full', ['reason']]] } as TaskType['rules'];
    const types = catalogue([
      taskType(
        'ruled',
        [
          { name: 'mode', type: 'str' },
          { name: 'reason', type: 'str' },
        ],
        { rules },
      ),
    ]);
    const type = operationType('run', [{ task: 'ruled' }]);
    const problems = (answers: Record<string, unknown>) =>
      checkTaskValues(resolveSteps(types, type.steps, scope(type, { answers })));
    expect(problems({ mode: 'full' }).map(problem => problem.path)).toEqual(['reason']);
    expect(problems({ mode: 'full', reason: 'x' })).toEqual([]);
  });
});

describe('the plan', () => {
  const say = taskType('say', [{ name: 'text', type: 'str', required: true }], {
    outputs: [{ name: 'said', type: 'str' }],
  });
  const inner = operationType('inner', [
    { id: 'one', task: 'say' },
    { id: 'two', task: 'say', with: { text: '$steps.one.said' } },
  ]);

  test('nests Operations: their values by name, their outputs by the path of step ids', () => {
    const types = catalogue([say], [inner]);
    const type = operationType('outer', [
      { id: 'nested', operation: 'inner', with: { text: 'hello' } },
      { id: 'after', task: 'say', with: { text: '$steps.nested.two.said' } },
    ]);
    const steps = [...tasksOf(plan(types, type))];
    expect(steps.map(({ step, within }) => [step.id, within])).toEqual([
      ['one', ['Title of inner']],
      ['two', ['Title of inner']],
      ['after', []],
    ]);
    expect(steps.map(({ step }) => step.inputs.text)).toEqual([
      { from: 'value', value: 'hello' },
      { from: 'output', step: ['nested', 'one'], output: 'said' },
      { from: 'output', step: ['nested', 'two'], output: 'said' },
    ]);
  });

  test('picks the Task type of the application, and says when the application has none', () => {
    const put = taskType('put_files', []);
    const types = catalogue([put]);
    expect([...tasksOf(plan(types, operationType('i', [{ task: '$application.install' }])))][0]?.step.taskType).toBe(
      'put_files',
    );
    expect(() => plan(types, operationType('i', [{ task: '$application.dance' }]))).toThrow(/“static” have no “dance”/);
  });
});

describe('an offer', () => {
  const type = operationType('run', [], { when: ['enabled', 'broken'], for: { cluster: [], application: ['drupal'] } });

  test.each([
    ['viewer', {}, 'Needs the role operator; yours is viewer.'],
    ['operator', {}, 'Offered when the Environment is enabled or broken; it is new.'],
    ['operator', { state: 'deleted' }, 'This Environment is deleted.'],
    ['operator', { state: 'enabled' }, 'Not for applications of the type static.'],
  ] as const)('is refused to a %s with the reason (%o)', (role, change, reason) => {
    const subject = { ...roots.environment, ...change } as NonNullable<PathRoots['environment']>;
    expect(refusalOf(catalogue([]), type, { ...roots, environment: subject }, role)).toBe(reason);
  });

  test('may need a yes in one state of its subject, by a field that is named', () => {
    const sure = { name: 'sure', type: 'bool', label: 'I am sure', help: 'Or disable it.' } as const;
    const asking = operationType('run', [], { fields: [sure], confirmedBy: { enabled: 'sure' } });
    const message = 'The Environment is enabled, and “I am sure” was not said. Or disable it.';
    expect(unconfirmed(asking, 'enabled', { sure: false })).toEqual([{ path: 'sure', message }]);
    expect(unconfirmed(asking, 'enabled', { sure: true })).toEqual([]);
    expect(unconfirmed(asking, 'disabled', {})).toEqual([]);
  });

  test('is refused where the application has no such verb, unless the step is optional', () => {
    const refusal = (optional: boolean) =>
      refusalOf(catalogue([]), operationType('run', [{ task: '$application.dance', optional }]), roots, 'operator');
    expect(refusal(false)).toBe('Applications of the type “static” have no “dance”.');
    expect(refusal(true)).toBe('');
  });
});

describe('an optional step', () => {
  const types = catalogue([
    taskType('on_database', [{ name: 'where', type: 'str', from: ['server.name'] }], {
      target: 'server',
      server: 'environment.database_server',
    }),
    taskType('use_it', [{ name: 'docroot', type: 'str', from: ['environment.fields.docroot', 'application.docroot'] }]),
  ]);
  const type = operationType('run', [
    { task: 'on_database', optional: true },
    { task: '$application.dance', optional: true },
    { task: 'use_it' },
  ]);
  const withDatabase: PathRoots = {
    ...roots,
    environment: { ...entity('environment-1', {}), database_server: entity('db-1', {}) },
    application: { docroot: 'public' },
  };

  test('is left out where its Server is not known and where the application has no such verb', () => {
    expect([...tasksOf(plan(types, type))].map(({ step }) => step.taskType)).toEqual(['use_it']);
  });

  test('runs on the Server that its Task type names, which is `server` in its paths; the first path with a value counts', () => {
    const [database, use] = [...tasksOf(plan(types, type, { roots: withDatabase }))].map(({ step }) => step);
    expect(database?.server).toEqual({ kind: 'server', id: 'db-1', name: 'db-1' });
    expect(database?.roots.server).toBe('db-1');
    expect(inputsOf(database)).toEqual({ where: { from: 'value', value: 'db-1' } });
    expect(inputsOf(use)).toEqual({ docroot: { from: 'value', value: 'public' } });
  });

  test('that is not optional says which Server is missing', () => {
    const strict = operationType('run', [{ task: 'on_database' }]);
    const own = scope(strict, { roots });
    expect(makeForm(strict, resolveSteps(types, strict.steps, own), own).problems).toMatchObject([
      { path: 'environment.database_server' },
    ]);
  });
});

describe('a source', () => {
  const types = catalogue(
    [
      taskType('keep', [{ name: 'of', type: 'str', from: ['environment.name'] }], { target: 'server' }),
      taskType('bring', [
        { name: 'from', type: 'str', from: ['source.web_server.name'] },
        { name: 'title', type: 'str', unless: ['source'], default: 'New' },
      ]),
    ],
    [operationType('back_up', [{ task: 'keep' }], { locks: { environment: 'shared', server: 'shared' } })],
  );
  const steps: Partial<StepType>[] = [
    { operation: 'back_up', on: 'source' },
    { task: 'bring', needs: ['source'] },
    { task: 'keep' },
  ];
  const type = operationType('copy', steps, { locks: { environment: 'exclusive' } });
  const other = entity('environment-2', { release, web_server: entity('server-2', {}) });
  const withSource: PathRoots = { ...roots, source: other };

  test('is the subject of a nested Operation, on its own Server and under a lock of its own', () => {
    const copied = plan(types, type, { roots: withSource });
    const tasks = [...tasksOf(copied)];
    expect(tasks.map(({ step, plan: own }) => [step.taskType, own.subject.name, step.server?.name])).toEqual([
      ['keep', 'environment-2', 'server-2'],
      ['bring', 'environment-1', undefined],
      ['keep', 'environment-1', 'server-1'],
    ]);
    expect(inputsOf(tasks[0]?.step)).toEqual({ of: { from: 'value', value: 'environment-2' } });
    expect(tasks[0]?.step.roots.environment).toBe('environment-2');
    expect(inputsOf(tasks[1]?.step)?.from).toEqual({ from: 'value', value: 'server-2' });
    expect(copied.locks.map(({ id, mode }) => `${id} ${mode}`)).toEqual([
      'environment-1 exclusive',
      'environment-2 shared',
      'server-2 shared',
    ]);
  });

  test('leaves out what needs one, and asks nothing that comes with it', () => {
    const own = operationType('run', steps.slice(1));
    expect([...tasksOf(plan(types, own))].map(({ step }) => step.taskType)).toEqual(['keep']);
    const asked = (pathRoots: PathRoots) => {
      const bringing = operationType('run', [{ task: 'bring' }]);
      const given = scope(bringing, { roots: pathRoots });
      const { groups } = makeForm(bringing, resolveSteps(types, bringing.steps, given), given);
      return groups.flatMap(group => group.fields.map(({ name }) => name));
    };
    expect(asked(roots)).toContain('title');
    expect(asked(withSource)).not.toContain('title');
  });
});
