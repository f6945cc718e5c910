import { expect, test } from 'vitest';
import type { FieldSpec } from '../../model/fields.ts';
import { draftsFor, onlyChanges, parseDrafts } from './drafts.ts';
import { messagesFor, toFormPaths, unmatched } from './problems.ts';

const specs: FieldSpec[] = [
  { name: 'name', type: 'str', required: true },
  { name: 'port', type: 'int', default: 22 },
  { name: 'ratio', type: 'float' },
  { name: 'web', type: 'bool' },
  { name: 'kind', type: 'str', choices: ['a', 'b'] },
  { name: 'level', type: 'int', choices: [1, 2] },
  { name: 'aliases', type: 'list', elements: 'str' },
  { name: 'settings', type: 'dict' },
  { name: 'key', type: 'str', secret: true },
  { name: 'users', type: 'list', elements: 'dict', options: [{ name: 'login', type: 'str', required: true }] },
];

function parse(changes: Record<string, unknown>, before: Record<string, unknown> = {}) {
  return parseDrafts(specs, { ...draftsFor(specs, before), ...changes } as ReturnType<typeof draftsFor>, before);
}

test('every type goes from text to its value', () => {
  const { values, problems } = parse({
    name: ' site ',
    port: '2222',
    ratio: '0,5',
    web: true,
    kind: 'b',
    level: '2',
    aliases: ['a.test', '', 'b.test'],
    settings: '{"x": [1]}',
    key: { secret: 'replace', isSet: false, text: 'pw' },
    users: [{ login: 'ada' }],
  });
  expect(problems).toEqual([]);
  expect(values).toEqual({
    name: 'site',
    port: 2222,
    ratio: 0.5,
    web: true,
    kind: 'b',
    level: 2,
    aliases: ['a.test', 'b.test'],
    settings: { x: [1] },
    key: 'pw',
    users: [{ login: 'ada' }],
  });
});

test('a form of what exists sends it back unchanged, and no secret', () => {
  const before = {
    name: 'site',
    port: 80,
    web: false,
    kind: 'a',
    level: 1,
    aliases: ['x'],
    settings: { y: 1 },
    key: { $secret: 's1' },
    users: [{ login: 'bob' }],
  };
  const { key: _secret, ...rest } = before;
  expect(parse({}, before)).toEqual({ values: rest, problems: [] });
});

test('what has been emptied is sent as null, what was empty is left out', () => {
  const { values } = parse({ port: '', kind: '' }, { name: 'n', port: 80, kind: 'a' });
  expect(values.port).toBeNull();
  expect(values.kind).toBeNull();
  expect('ratio' in values).toBe(false);
});

test('a secret can be removed', () => {
  expect(parse({ key: { secret: 'remove', isSet: true, text: '' } }, { key: { $secret: 's1' } }).values.key).toBeNull();
});

test('all that cannot be sent is named, with its path', () => {
  const { problems } = parse({ port: '2.5', ratio: 'x', settings: '[1]', users: [{ login: '' }] });
  expect(problems.map(problem => problem.path)).toEqual(['name', 'port', 'ratio', 'settings', 'users.0.login']);
});

test('long text keeps its spaces and line ends', () => {
  const text: FieldSpec[] = [{ name: 'key', type: 'str', format: 'text' }];
  expect(parseDrafts(text, { key: '-----BEGIN\nx\n' }).values.key).toBe('-----BEGIN\nx\n');
});

test('problems of the API stand beside their fields and the rest on top', () => {
  const problems = toFormPaths(
    [
      { path: 'values.name', message: 'is taken' },
      { path: 'values.aliases.1', message: 'is no host name' },
      { path: 'users.0.login', message: 'is too long' },
      { path: '', message: 'everything is wrong' },
    ],
    ['values', 'input'],
  );
  const [name, , , , , , aliases, , , users] = specs;
  expect(name && messagesFor(problems, 'name', name)).toEqual(['is taken']);
  expect(aliases && messagesFor(problems, 'aliases', aliases)).toEqual(['Entry 2: is no host name']);
  expect(users && messagesFor(problems, 'users', users)).toEqual([]);
  expect(
    unmatched(
      problems,
      specs.map(spec => spec.name),
    ),
  ).toEqual([{ path: '', message: 'everything is wrong' }]);
});

test('only what differs from before is sent', () => {
  expect(onlyChanges({ a: 1, b: ['x'], c: null }, { a: 1, b: ['y'], c: 2 })).toEqual({ b: ['x'], c: null });
});
