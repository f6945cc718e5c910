import { expect, test } from 'vitest';
import type { FieldSpec, FieldType } from './fields.ts';
import { validateFields } from './validate.ts';

const one = (spec: Partial<FieldSpec>, value: unknown, options = {}) =>
  validateFields([{ name: 'x', type: 'str', ...spec }], { x: value }, options);

const accepted: [FieldType, unknown, unknown][] = [
  ['str', 'a', 'a'],
  ['str', 3, '3'],
  ['str', "{{ lookup('pipe','id') }}", "{{ lookup('pipe','id') }}"],
  ['path', '/a', '/a'],
  ['int', '3', 3],
  ['int', ' -3 ', -3],
  ['int', '3.0', 3],
  ['float', '1.5', 1.5],
  ['float', 2, 2],
  ['bool', 'yes', true],
  ['bool', 'True', true],
  ['bool', 1, true],
  ['bool', 'off', false],
  ['bool', 0, false],
  ['list', 'a, b,c', ['a', 'b', 'c']],
  ['list', '[1, 2]', [1, 2]],
  ['list', '', []],
  ['list', 3, ['3']],
  ['dict', '{"a": [1]}', { a: [1] }],
  ['dict', 'a=1, b=two words', { a: '1', b: 'two words' }],
  ['raw', [null, { a: 1 }], [null, { a: 1 }]],
  ['json', { a: 1 }, '{"a":1}'],
  ['jsonarg', ' [1] ', '[1]'],
  ['bytes', '10M', 10485760],
  ['bytes', '1.5 GB', 1610612736],
  ['bytes', '2kilobyte', 2048],
  ['bytes', 17, 17],
  ['bytes', '1b', 1],
  ['bits', '1Mb', 1048576],
  ['bits', '3', 3],
  ['reference', '01J', '01J'],
];

test.each(accepted)('%s takes %j as Ansible does', (type, value, expected) => {
  expect(one({ type }, value)).toEqual({ values: { x: expected }, problems: [] });
});

const refused: [FieldType, unknown][] = [
  ['str', true],
  ['str', ['a']],
  ['str', { $secret: 'a' }],
  ['str', 'a\0'],
  ['str', 'a'.repeat(1024 * 1024 + 1)],
  ['int', 'three'],
  ['int', '1.5'],
  ['int', true],
  ['int', '0x10'],
  ['int', '99999999999999999999'],
  ['int', Number.NaN],
  ['float', 'Infinity'],
  ['bool', 'maybe'],
  ['bool', 2],
  ['list', { a: 1 }],
  ['list', '[1'],
  ['list', ['\0']],
  ['dict', 'a'],
  ['dict', '{"a"'],
  ['dict', '["a"]'],
  ['dict', []],
  ['dict', new Date()],
  ['dict', { a: '\0' }],
  ['dict', '{"a": "\\u0000"}'],
  ['json', '{'],
  ['bytes', '10X'],
  ['bytes', '10Mb'],
  ['bits', '10MB'],
  ['bytes', '-1'],
  ['bytes', '10E'],
  ['reference', 3],
  ['raw', () => 1],
  ['raw', 1n],
];

test.each(refused)('%s refuses %o with a sentence', (type, value) => {
  const { values, problems } = one({ type }, value);
  expect(values).toEqual({});
  expect(problems).toEqual([{ path: 'x', message: expect.stringMatching(/\.$/) }]);
});

test('data that contains itself is refused, not walked for ever', () => {
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  expect(one({ type: 'raw' }, loop).problems).toHaveLength(1);
});

test('choices are compared after conversion, and hold for each element of a list', () => {
  expect(one({ type: 'int', choices: ['1', '2'] }, '2').values).toEqual({ x: 2 });
  expect(one({ choices: ['a', 'b'] }, 'c').problems).toEqual([{ path: 'x', message: 'must be one of a, b.' }]);
  const list: Partial<FieldSpec> = { type: 'list', elements: 'str', choices: ['a', 'b'] };
  expect(one(list, 'a,c').problems).toEqual([{ path: 'x.1', message: 'must be one of a, b.' }]);
  expect(one(list, 'a,b').values).toEqual({ x: ['a', 'b'] });
});

test('formats are checked, in lists for each element', () => {
  expect(one({ format: 'git_ref' }, '--upload-pack=id').problems).toHaveLength(1);
  const names = one({ type: 'list', elements: 'str', format: 'host_name' }, 'a.example, B.example, -c');
  expect(names.problems.map(problem => problem.path)).toEqual(['x.1', 'x.2']);
});

test('a default is not held against the format', () => {
  expect(validateFields([{ name: 'x', type: 'str', format: 'address', default: '' }], {})).toEqual({
    values: { x: '' },
    problems: [],
  });
});

test('what a form left empty is no value', () => {
  expect(one({ type: 'int', default: 3 }, '').values).toEqual({ x: 3 });
  expect(one({ format: 'address' }, '')).toEqual({ values: {}, problems: [] });
  expect(one({ required: true }, '').problems).toEqual([{ path: 'x', message: 'is required.' }]);
  expect(one({}, '').values).toEqual({ x: '' });
});

test('an edit needs nothing, applies no default and may empty what is not required', () => {
  const specs: FieldSpec[] = [
    { name: 'a', type: 'str', required: true },
    { name: 'b', type: 'int', default: 3 },
    { name: 'c', type: 'str', format: 'text' },
  ];
  expect(validateFields(specs, {}, { partial: true })).toEqual({ values: {}, problems: [] });
  expect(validateFields(specs, { b: '4', c: '' }, { partial: true }).values).toEqual({ b: 4, c: null });
  expect(validateFields(specs, { a: null }, { partial: true }).problems).toHaveLength(1);
});

test('an unknown field is named with the one that was meant', () => {
  const { problems } = validateFields([{ name: 'repository', type: 'str' }], { repositry: 'a' }, { path: 'fields' });
  expect(problems).toEqual([
    {
      path: 'fields.repositry',
      message: '"repositry" is not a field of fields. Did you mean "repository"? Known: repository.',
    },
  ]);
});

test('aliases fill their field, but not twice', () => {
  const spec = { name: 'path', type: 'str', aliases: ['dest'] } as const;
  expect(validateFields([{ ...spec, aliases: ['dest'] }], { dest: '/a' }).values).toEqual({ path: '/a' });
  expect(validateFields([{ ...spec, aliases: ['dest'] }], { dest: '/a', path: '/b' }).problems).toHaveLength(1);
});

test('a secret is a text or a reference, nothing else', () => {
  expect(one({ secret: true }, { $secret: '01J' }).values).toEqual({ x: { $secret: '01J' } });
  expect(one({ secret: true }, 'plain').values).toEqual({ x: 'plain' });
  expect(one({ secret: true }, { $secret: '01J', more: 1 }).problems).toHaveLength(1);
  expect(one({ secret: true }, { $secret: 3 }).problems).toHaveLength(1);
});

const nested: FieldSpec = {
  name: 'vhosts',
  type: 'list',
  elements: 'dict',
  options: [
    { name: 'host', type: 'str', required: true, format: 'host_name' },
    { name: 'port', type: 'int', default: 80 },
    {
      name: 'tls',
      type: 'dict',
      options: [
        { name: 'key', type: 'str' },
        { name: 'cert', type: 'str' },
      ],
      rules: { required_together: [['key', 'cert']] },
    },
  ],
  rules: { mutually_exclusive: [['port', 'tls']] },
};

test('nested options are converted, given defaults and checked with their rules at every level', () => {
  expect(validateFields([nested], { vhosts: '[{"host": "a.example"}]' }).values).toEqual({
    vhosts: [{ host: 'a.example', port: 80 }],
  });
  const { problems } = validateFields([nested], {
    vhosts: [{ port: 'x' }, { host: 'b', port: 1, tls: { key: 'k' } }, { hots: 'c' }, 'd'],
  });
  expect(problems.map(problem => problem.path)).toEqual([
    'vhosts.0.host',
    'vhosts.0.port',
    'vhosts.1.tls',
    'vhosts.1',
    'vhosts.2.hots',
    'vhosts.2.host',
    'vhosts.3',
  ]);
});

const abc: FieldSpec[] = ['a', 'b', 'c'].map(name => ({ name, type: 'str' }));
const rules: [string, object, Record<string, unknown>, boolean][] = [
  ['required_if', { required_if: [['a', 'x', ['b', 'c']]] }, { a: 'x', b: '1' }, false],
  ['required_if', { required_if: [['a', 'x', ['b', 'c']]] }, { a: 'y' }, true],
  ['required_if with any', { required_if: [['a', 'x', ['b', 'c'], true]] }, { a: 'x', b: '1' }, true],
  ['required_if with any', { required_if: [['a', 'x', ['b', 'c'], true]] }, { a: 'x' }, false],
  ['mutually_exclusive', { mutually_exclusive: [['a', 'b']] }, { a: '1', b: '1' }, false],
  ['mutually_exclusive', { mutually_exclusive: [['a', 'b']] }, { a: '1' }, true],
  ['required_together', { required_together: [['a', 'b']] }, { a: '1' }, false],
  ['required_together', { required_together: [['a', 'b']] }, {}, true],
  ['required_one_of', { required_one_of: [['a', 'b']] }, { c: '1' }, false],
  ['required_one_of', { required_one_of: [['a', 'b']] }, { b: '1' }, true],
  ['required_by', { required_by: { a: ['b', 'c'] } }, { a: '1', b: '1' }, false],
  ['required_by', { required_by: { a: ['b'] } }, { b: '1' }, true],
];

test.each(rules)('%s %j judges %j', (_name, ruleSet, input, fine) => {
  expect(validateFields(abc, input, { rules: ruleSet }).problems).toHaveLength(fine ? 0 : 1);
});

test('a default counts for required_if, but not for mutually_exclusive', () => {
  const specs: FieldSpec[] = [{ name: 'a', type: 'str', default: 'x' }, ...abc.slice(1)];
  expect(validateFields(specs, {}, { rules: { required_if: [['a', 'x', ['b']]] } }).problems).toHaveLength(1);
  expect(validateFields(specs, { b: '1' }, { rules: { mutually_exclusive: [['a', 'b']] } }).problems).toHaveLength(0);
});

test('odd input is refused without throwing and reaches no prototype', () => {
  for (const input of [null, undefined, [], 'a', 3, new Map()]) {
    expect(validateFields(abc, input as never).problems, String(input)).toHaveLength(1);
  }
  const hostile = JSON.parse('{"__proto__": {"a": "1"}, "constructor": "2", "toString": "3"}') as Record<
    string,
    unknown
  >;
  const { values, problems } = validateFields(abc, hostile);
  expect(values).toEqual({});
  expect(problems.map(problem => problem.path)).toEqual(['__proto__', 'constructor', 'toString']);
  const own = validateFields(
    [{ name: '__proto__', type: 'str' }],
    JSON.parse('{"__proto__": "v"}') as Record<string, unknown>,
  );
  expect(Object.entries(own.values)).toEqual([['__proto__', 'v']]);
  expect(one({ type: 'dict' }, JSON.parse('{"__proto__": {"polluted": 1}}')).problems).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('all mistakes are listed at once', () => {
  const specs: FieldSpec[] = [
    { name: 'a', type: 'int' },
    { name: 'b', type: 'bool' },
    { name: 'c', type: 'str', required: true },
  ];
  const { problems } = validateFields(specs, { a: 'x', b: 'x', d: 1 }, { path: 'with' });
  expect(problems.map(problem => problem.path)).toEqual(['with.d', 'with.a', 'with.b', 'with.c']);
});
