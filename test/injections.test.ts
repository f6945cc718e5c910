import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

/** Each would do something if anything on its way took it for more than a text. */
const hostile = [
  "{{ lookup('pipe', 'id') }}",
  '{% for x in range(3) %}{{ x }}{% endfor %}',
  `${'$'}{IFS}$(id)\`id\``,
  '; touch /tmp/injected #',
  '--upload-pack=touch /tmp/injected',
  '-oProxyCommand=id',
  'it\'s "quoted" \\ and\nof two lines',
  '!unsafe &anchor *alias %TAG',
  '{"__ansible_unsafe": "x"}',
  '$steps.first.echoed',
  '{ "$secret": "x" }',
  'ünïcödé 🐘 \u202Eabc',
];

const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;

beforeAll(async () => {
  types.shellTask(
    'echo_value',
    `exec python3 -c 'import json, os, sys; json.dump({"echoed": json.load(sys.stdin)["arguments"]["typed"]}, open(os.environ["AEGIR_OUTPUTS"], "w"))'`,
    {
      options: 'typed: {type: str, description: Typed by a person, required: true}',
      meta: 'outputs: {echoed: {type: str, help: The same, sets: project.fields.echoed}}\n',
    },
  );
  types.ansibleTask(
    'write_values',
    `- name: Write what arrived
  ansible.builtin.copy:
    content: "{{ {'typed': typed, 'listed': listed, 'nested': nested, 'bound': bound, 'field': field, 'context': aegir.fields.project.note} | to_json }}"
    dest: "{{ target }}"
    mode: '0600'
`,
    {
      target: 'worker',
      options:
        'typed: {type: str, description: Typed, required: true}, listed: {type: list, elements: str, description: Listed}, nested: {type: dict, description: Nested}, bound: {type: str, description: Bound}, field: {type: str, description: Field}, target: {type: path, description: Where, required: true}',
      meta: 'arguments:\n  field: {from: project.fields.note}\n  typed: {remember: true}\n',
    },
  );
  types.operation(
    'carry',
    'project',
    '[{id: first, task: echo_value}, {id: second, task: write_values, with: {bound: $steps.first.echoed}}]',
  );
  aegir = await startAegir({ types: types.path });
  for (const name of ['note', 'echoed'])
    await aegir.call('POST', '/api/field-definitions', { entityKind: 'project', name, type: 'str' });
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

test('a hostile text arrives as its characters from every source: form, list, dict, output, custom field, memory', async () => {
  const target = join(aegir.home, 'arrived.json');
  for (const value of hostile) {
    const field = await aegir.call('PATCH', `/api/projects/${project.id}`, { fields: { note: value } });
    expect(field.status, JSON.stringify(field.body)).toBe(200);
    const input = { typed: value, listed: ['a', value], nested: { inner: { deep: [value] } }, target };
    const done = await aegir.run('projects', project.id, 'carry', input);
    expect(done.state, `${value}\n${done.message}\n${await aegir.log(done.id)}`).toBe('succeeded');
    expect(JSON.parse(readFileSync(target, 'utf8'))).toEqual({
      typed: value,
      listed: ['a', value],
      nested: { inner: { deep: [value] } },
      bound: value,
      field: value,
      context: value,
    });
    const echoed = await aegir.call<Entity>('GET', `/api/projects/${project.id}`);
    expect(echoed.body.fields.echoed).toBe(value);
  }
}, 240_000);

test('a reference to a secret cannot be smuggled in through a field that is none', async () => {
  const made = await aegir.call<Entity>('PATCH', `/api/projects/${project.id}`, {
    values: { deploy_key: 'THE-SECRET-KEY-TEXT' },
  });
  const reference = made.body.values.deploy_key;
  await aegir.call('PATCH', `/api/projects/${project.id}`, { fields: { note: 'plain' } });
  const target = join(aegir.home, 'smuggled.json');
  const done = await aegir.run('projects', project.id, 'carry', {
    typed: 'x',
    listed: [],
    nested: { inner: reference },
    target,
  });
  expect(done.state, done.message).toBe('succeeded');
  expect(readFileSync(target, 'utf8')).not.toContain('THE-SECRET');
  const direct = await aegir.call('POST', `/api/projects/${project.id}/operations`, {
    type: 'carry',
    input: { typed: reference, target },
  });
  expect(direct.status).toBe(422);
});

test('names, references and addresses that read as options or transports are refused with every mistake', async () => {
  const refused: [string, Record<string, unknown>][] = [
    ['projects', { name: 'p1', repository: '--upload-pack=id', application: 'static' }],
    ['projects', { name: 'p2', repository: 'ext::sh -c id', application: 'static' }],
    ['projects', { name: '-p3', repository: 'https://example.org/x.git', application: 'static' }],
    ['releases', { name: 'r1', project: 'site', git_ref: '--output=/etc/passwd' }],
    ['releases', { name: 'r2', project: 'site', git_ref: 'a b; id' }],
    ['servers', { name: 's1', cluster: 'x', address: '-oProxyCommand=id', ssh_key: 'k' }],
  ];
  for (const [plural, values] of refused) {
    const { status, body } = await aegir.call<OperationView>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(422);
  }
});
