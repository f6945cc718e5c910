// The language of manifests: what stands for a value, what is a mistake, how patches are laid over.

import { describe, expect, test } from 'vitest';
import { checkManifest } from './check-manifest.ts';
import { fillManifest } from './fill-manifest.ts';
import type { Manifest } from './manifest.ts';
import { mergeManifest } from './merge-manifest.ts';
import type { Argument } from './task-type.ts';

/** `${name}`, which a linter takes for a template of this language. */
const part = (name: string) => `$\{${name}}`;

const map = (data: unknown, more: Manifest = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a' },
  data,
  ...more,
});

const pod = (container: Manifest): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a' },
  spec: { containers: [{ name: 'a', ...container }] },
});

describe('filling', () => {
  const fill = (document: Manifest, values: Record<string, unknown> = {}, secretArguments: string[] = []) => {
    const { filled, mistakes } = fillManifest(document, {
      arguments: values,
      secretArguments,
      aegir: { namespace: 'aegir-shop', environment: 'shop', feedback_token: 'run-token' },
      files: folder => ({ one: `of ${folder}`, two: '$name' }),
    });
    return { documents: filled.map(one => one.document), mistakes };
  };
  const spec = (value: unknown, values: Record<string, unknown>) =>
    fill({ ...map({}), spec: { value } }, values).documents.map(document => (document.spec as Manifest).value)[0];

  test('a scalar that is a name becomes the value with its type; within a text it is put in as it is', () => {
    const awkward = `$other ${part('other')} {{ x }}\n- a: b # "'`;
    const values = { port: 80, yes: true, list: [1, { a: 2 }], text: awkward, other: 'never' };
    expect(spec('$port', values)).toBe(80);
    expect(spec('$yes', values)).toBe(true);
    expect(spec('$list', values)).toEqual([1, { a: 2 }]);
    expect(spec('$text', values)).toBe(awkward);
    expect(spec(`<${part('text')}|${part('port')}>`, values)).toBe(`<${awkward}|80>`);
    expect(spec(`$$text $$$$ ${part('aegir.namespace')} $HOME $(id) $1`, values)).toBe(
      '$text $$ aegir-shop $HOME $(id) $1',
    );
  });

  test('what has no value is left out, and within a text it is a mistake', () => {
    expect(fill(map({ a: '$none', b: 'x' })).documents).toEqual([map({ b: 'x' })]);
    expect(spec(['$none', 'b'], {})).toEqual(['b']);
    expect(fill(map({ a: `x${part('none')}` })).mistakes).toEqual([
      `ConfigMap a: "${part('none')}" has no value here.`,
    ]);
    expect(fill(map({ a: `x${part('list')}` }), { list: [] }).mistakes).toEqual([
      `ConfigMap a: "${part('list')}" is no single value here.`,
    ]);
  });

  test('$if and $unless leave out, $each repeats, for documents, elements and maps', () => {
    expect(fill(map({}, { $if: 'some' }), { some: '' }).documents).toEqual([]);
    expect(fill(map({}, { $unless: 'some' }), { some: [] }).documents).toEqual([map({})]);
    expect(spec({ a: { $if: 'some', b: 1 }, c: 2 }, { some: false })).toEqual({ c: 2 });
    expect(
      spec(
        [
          { $is: { a: null }, b: 1 },
          { $is: { b: null }, b: 2 },
        ],
        { a: '', b: 'x' },
      ),
    ).toEqual([{ b: 1 }]);
    expect(spec({ $keys: 'a', b: 1 }, { a: { c: 2, b: 3 } })).toEqual({ c: 2, b: 1 });
    expect(
      spec(
        [
          { $is: { a: 'x' }, b: 1 },
          { $is: { a: 'y' }, b: 2 },
        ],
        { a: 'y' },
      ),
    ).toEqual([{ b: 2 }]);
    expect(spec([{ $each: 'hosts', host: '$item', path: `/${part('item')}` }], { hosts: ['x', 'y'] })).toEqual([
      { host: 'x', path: '/x' },
      { host: 'y', path: '/y' },
    ]);
    const each = { ...map({ v: '$item.value' }), metadata: { name: `a-${part('item.name')}` }, $each: 'all' };
    expect(fill(each, { all: [{ name: 'b', value: 'c' }, { name: 'd' }] }).documents).toEqual([
      { ...map({ v: 'c' }), metadata: { name: 'a-b' } },
      { ...map({}), metadata: { name: 'a-d' } },
    ]);
    expect(fill(map({}, { $each: 'one' }), { one: 3 }).mistakes).toEqual(['ConfigMap a: "$each: one" is no list.']);
  });

  test('$value is all that stands in a place, and a list or map as a text is JSON', () => {
    const list = ['$first', { $each: 'hosts', $value: `*.${part('item')}` }, { $if: 'none', $value: 'x' }];
    expect(spec(list, { first: 'a', hosts: ['b', 'c'] })).toEqual(['a', '*.b', '*.c']);
    expect(spec({ a: { $if: 'first', $value: part('first') } }, { first: 'x' })).toEqual({ a: 'x' });
    expect(fill(map({ all: '$hosts' }), { hosts: ['b', { c: 1 }] }).documents).toEqual([map({ all: '["b",{"c":1}]' })]);
  });

  test('a document may belong to another Task type', () => {
    const { filled } = fillManifest(
      { ...map({}), $of: 'other_type' },
      {
        arguments: {},
        secretArguments: [],
        aegir: {},
        files: () => ({}),
      },
    );
    expect(filled).toEqual([{ document: map({}), absent: false, once: false, of: 'other_type' }]);
  });

  test('files are put in as they are', () => {
    expect(fill(map({ $files: 'scripts', more: 'x' })).documents).toEqual([
      map({ one: 'of scripts', two: '$name', more: 'x' }),
    ]);
  });

  test('a value in a command or a variable stays what it is when Kubernetes has read it', () => {
    const values = { text: '$(PASSWORD) $$x' };
    const filled = fill(
      pod({ args: ['$text', `-x=${part('text')}`, '$(KEPT)'], env: [{ name: 'A', value: '$text' }] }),
      values,
    );
    expect(filled.documents).toEqual([
      pod({
        args: ['$$(PASSWORD) $$$$x', '-x=$$(PASSWORD) $$$$x', '$(KEPT)'],
        env: [{ name: 'A', value: '$$(PASSWORD) $$$$x' }],
      }),
    ]);
    // Elsewhere nobody reads it again.
    expect(fill(map({ args: '$text' }), values).documents).toEqual([map({ args: '$(PASSWORD) $$x' })]);
  });

  test('numbers become texts where Kubernetes takes only texts', () => {
    expect(fill(map({ port: '$port' }), { port: 80 }).documents).toEqual([map({ port: '80' })]);
    expect(
      fill(pod({ env: [{ name: 'A', value: '$port' }], ports: [{ containerPort: '$port' }] }), { port: 80 }).documents,
    ).toEqual([pod({ env: [{ name: 'A', value: '80' }], ports: [{ containerPort: 80 }] })]);
  });

  test('a secret stands in a Secret only, encoded there', () => {
    const secret = (more: Manifest) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, ...more });
    const values = { password: 'pässword' };
    expect(
      fill(secret({ stringData: { p: '$password', q: 'x', t: '$aegir.feedback_token' } }), values, ['password']),
    ).toEqual({
      documents: [secret({ data: { p: 'cMOkc3N3b3Jk', q: 'eA==', t: 'cnVuLXRva2Vu' } })],
      mistakes: [],
    });
    const wrong = '"password" is a secret: it may stand in "stringData" of a Secret only.';
    expect(fill(map({ p: '$password' }), values, ['password']).mistakes).toEqual([`ConfigMap a: ${wrong}`]);
    expect(fill(secret({ metadata: { name: part('password') } }), values, ['password']).mistakes).toHaveLength(1);
  });
});

describe('checking', () => {
  const specs: Argument[] = [
    { name: 'mode', type: 'str', choices: ['add', 'remove'] },
    { name: 'title', type: 'str', required: true },
    { name: 'note', type: 'str' },
    { name: 'hosts', type: 'list', elements: 'str', default: [] },
    { name: 'password', type: 'str', secret: true, required: true },
  ];
  const check = (document: Manifest) =>
    checkManifest(document, { arguments: specs, outputs: ['url'], folders: ['scripts'], hasRole: false }).map(
      ({ path, message }) => `${path}: ${message}`,
    );
  const job = (spec: Manifest, podSpec: Manifest = {}) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'a' },
    spec: { ...spec, template: { spec: { containers: [], ...podSpec } } },
  });

  test.each<[what: string, document: Manifest, ...wrong: string[]]>([
    [
      'an unknown name',
      map({ a: '$titl' }),
      'data.a: "titl" is no argument of this Task type. Did you mean "title"? Known: mode, title, note, hosts, password.',
    ],
    [
      'a shell variable',
      map({ a: part('HOME') }),
      `data.a: "${part('HOME')}" is no name of an argument; "$\${" is a plain "\${".`,
    ],
    [
      'a secret in the open',
      map({ a: `x $${part('p')} ${part('password')}` }),
      'data.a: "password" is a secret: it may stand in "stringData" of a Secret only; containers read it from there.',
    ],
    [
      'a token in the open',
      map({ a: '$aegir.feedback_token' }),
      'data.a: "aegir.feedback_token" is a secret: it may stand in "stringData" of a Secret only; containers read it from there.',
    ],
    [
      'a role that is not there',
      map({ a: '$aegir.role' }),
      'data.a: "aegir.role" is what the same folder has for Servers, and there is neither tasks/main.yml nor shell/run.',
    ],
    [
      'what may be empty',
      map({ a: `x${part('note')}` }),
      'data.a: "note" may have no value: make it required, give it a default, or put "$if: note" around it.',
    ],
    ['a list in a text', map({ a: `x${part('hosts')}` }), 'data.a: "hosts" is no single value.'],
    [
      'an unknown key',
      map({ $iff: 'note' }),
      'data.$iff: is not known. Known: $if, $unless, $is, $each, $value, $keys, $files, $absent, $once, $of.',
    ],
    ['$each of a map', map({ $each: 'hosts' }), 'data.$each: belongs to a document or an element of a list.'],
    [
      'a value beside others',
      { ...map({}), spec: [{ $value: 'x', b: 1 }] },
      'spec.0.$value: is all that stands there: take b away.',
    ],
    [
      'a choice that is none',
      map({}, { $is: { mode: 'addd' } }),
      '$is: "mode" is never "addd", but one of add, remove.',
    ],
    ['once and never', map({}, { $absent: true, $once: true }), '$once: makes no sense with "$absent".'],
    ['an owner that is none', map({}, { $of: 'Not one' }), '$of: must be the name of a Task type.'],
    [
      'an output that is none',
      { apiVersion: 'aegir.dev/v1', kind: 'Outputs', outputs: { urls: '$title' } },
      'outputs.urls: is no output of this Task type. Did you mean "url"? Known: url.',
    ],
    ['a refusal without words', { apiVersion: 'aegir.dev/v1', kind: 'Refusal' }, 'message: must be given.'],
    ['an item without $each', map({ a: '$item' }), 'data.a: "item" is known within "$each" only.'],
    [
      'a folder that is not there',
      map({ $files: 'none' }),
      'data.$files: There is no folder kubernetes/none with files. There are: scripts.',
    ],
    [
      'a namespace of its own',
      { ...map({}), metadata: { name: 'a', namespace: 'b' } },
      'metadata.namespace: must not be given: it is that of the Environment.',
    ],
    ['a kind by value', { ...map({}), kind: '$title' }, 'kind: must be given, as a plain word.'],
    [
      'a Job with retries',
      job({ backoffLimit: 3 }),
      'spec.backoffLimit: must be 0, or left out: the Task\'s "retry" says how often it is tried.',
    ],
    [
      'a Job that restarts',
      job({}, { restartPolicy: 'OnFailure' }),
      'spec.template.spec.restartPolicy: must be Never, or left out.',
    ],
    [
      'a value in a script',
      pod({ command: ['sh', '-c', `echo ${part('title')}`] }),
      'spec.containers.0.command.2: A value must not be part of a script: give it by "env" and use the variable.',
    ],
    [
      'a value as a script',
      pod({ command: ['bash', '-ec'], args: ['$title'] }),
      'spec.containers.0.args.0: A value must not be part of a script: give it by "env" and use the variable.',
    ],
  ])('%s is named with its place', (_, document, ...wrong) => {
    expect(check(document)).toEqual(wrong);
  });

  test('what is right has no mistake', () => {
    expect(
      check(map({ a: part('title'), b: '$note', c: { $if: 'note', d: part('note') }, $files: 'scripts' })),
    ).toEqual([]);
    expect(
      check({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { p: '$password' } }),
    ).toEqual([]);
    expect(check({ ...map({ a: '$item' }), $each: 'hosts', metadata: { name: `a-${part('item')}` } })).toEqual([]);
    expect(
      check(pod({ command: ['sh', '-c', 'echo "$TITLE" $(id)'], env: [{ name: 'TITLE', value: '$title' }] })),
    ).toEqual([]);
  });
});

describe('patching', () => {
  const base = {
    kind: 'Deployment',
    spec: {
      replicas: 1,
      template: {
        spec: {
          containers: [
            {
              name: 'web',
              image: 'a',
              args: ['x', 'y'],
              env: [
                { name: 'A', value: '1' },
                { name: 'B', value: '2' },
              ],
            },
            { name: 'more', image: 'b' },
          ],
        },
      },
    },
  };
  const patched = (containers: unknown[], more: Manifest = {}) =>
    mergeManifest(base, { kind: 'Deployment', spec: { ...more, template: { spec: { containers } } } });

  test('maps are merged, named elements by their name, other lists replaced, null takes away', () => {
    expect(
      patched(
        [
          {
            name: 'web',
            args: ['z'],
            env: [
              { name: 'B', value: '3' },
              { name: 'C', value: '4' },
            ],
          },
        ],
        { replicas: null },
      ),
    ).toEqual({
      kind: 'Deployment',
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: 'web',
                image: 'a',
                args: ['z'],
                env: [
                  { name: 'A', value: '1' },
                  { name: 'B', value: '3' },
                  { name: 'C', value: '4' },
                ],
              },
              { name: 'more', image: 'b' },
            ],
          },
        },
      },
    });
  });

  test('$patch deletes an element, or replaces a map or a list', () => {
    const containersOf = (document: Manifest) =>
      ((document.spec as Manifest).template as { spec: { containers: unknown } }).spec.containers;
    expect(containersOf(patched([{ name: 'more', $patch: 'delete' }]))).toEqual([
      base.spec.template.spec.containers[0],
    ]);
    expect(containersOf(patched([{ name: 'more', $patch: 'replace', image: 'c' }]))).toContainEqual({
      name: 'more',
      image: 'c',
    });
    expect(containersOf(patched([{ $patch: 'replace' }, { name: 'only', image: 'd' }]))).toEqual([
      { name: 'only', image: 'd' },
    ]);
  });

  test('ports are known by the port of a container, and by that of a Service', () => {
    const ports = (key: string) =>
      mergeManifest(
        { spec: { ports: [{ [key]: 80, name: 'a' }] } },
        { spec: { ports: [{ [key]: 80, protocol: 'TCP' }, { [key]: 81 }] } },
      );
    for (const key of ['containerPort', 'port'])
      expect(ports(key)).toEqual({ spec: { ports: [{ [key]: 80, name: 'a', protocol: 'TCP' }, { [key]: 81 }] } });
  });
});
