// What an Operation would change, looked at before it is done.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgainView, DryRunView, EntityView, FormView, OperationView, ProblemJson } from '../api/contract.ts';
import type { DriftView } from '../api/drift-contract.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const folder = mkdtempSync(join(tmpdir(), 'aegir-dry-'));
const file = (name: string) => join(folder, name);
const secret = 'correct-horse-battery-staple';
let aegir: Aegir;

const keepFile = `- name: Keep the file
  ansible.builtin.copy: {content: "{{ word }}\\nsecond {{ password }}\\n", dest: "${folder}/one", mode: '0644'}
- name: Tell where
  ansible.builtin.set_stats:
    data: {place: "${folder}/one"}
    per_host: false
`;
const keepMore =
  '- {name: Keep more, ansible.builtin.copy: {content: "more\\n", dest: "{{ place }}.more", mode: "0644"}}\n';

beforeAll(async () => {
  types.ansibleTask('keep_file', keepFile, {
    options:
      'word: {type: str, description: The first line, default: first}, password: {type: str, description: A secret, no_log: true, required: true}',
    meta: 'arguments:\n  word: {remember: true}\noutputs:\n  place: {type: path, sets: server.database_ca, help: Where}\n',
  });
  types.put('roles/keep_file/defaults/main.yml', 'word: first\n');
  types.ansibleTask('keep_more', keepMore, { options: 'place: {type: path, description: Where, required: true}' });
  // A program cannot be carried out without changing anything.
  types.shellTask('make_place', `echo burnt >${file('burnt')}; exit 1`, {
    meta: 'outputs:\n  place: {type: path, help: Where}\n',
  });
  types.operation('put', 'server', '[{id: file, task: keep_file}]', 'locks: {server: exclusive}\n');
  types.operation(
    'deliver',
    'server',
    '[{id: inner, operation: put}, {id: make, task: make_place}, {id: more, task: keep_more, with: {place: $steps.inner.file.place}}, {id: last, task: keep_more, with: {place: $steps.make.place}}]',
    'states: {begin: verified, succeeded: verified, failed: failed}\ndangerous: true\n',
  );
  types.operation('fail', 'server', '[{id: bad, task: fail_to_compare}, {id: inner, operation: put}]');
  types.operation('compare', 'server', '[{id: last, task: fail_to_compare}]', 'check: true\n');
  types.ansibleTask('fail_to_compare', '- {name: Fail, ansible.builtin.fail: {msg: It cannot be known today}}\n');
  aegir = await startAegir({ types: types.path });
  expect((await aegir.call<{ problems: object[] }>('GET', '/api/catalogue')).body.problems).toEqual([]);
  await aegir.call('POST', '/api/clusters', { values: { name: 'here', kind: 'servers' } });
  const python = join(pythonBin, 'python3');
  const values = { name: 'desk', cluster: 'here', connection: 'local', python };
  expect((await aegir.call('POST', '/api/servers', { values })).status).toBe(201);
  expect((await aegir.run('servers', 'desk', 'put', { password: secret })).state).toBe('succeeded');
}, 120_000);

afterAll(async () => {
  await aegir?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function dryRun(type: string, input: Record<string, unknown>): Promise<OperationView> {
  const body = { type, input, dryRun: true };
  const started = await aegir.call<OperationView>('POST', '/api/servers/desk/operations', body);
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  return aegir.waitFor(started.body.id);
}

const findingsOf = async ({ id }: OperationView) =>
  (await aegir.call<DryRunView>('GET', `/api/operations/${id}/differences`)).body;
const serverNow = async () => {
  const { values, state, drift } = (await aegir.call<EntityView>('GET', '/api/servers/desk')).body;
  return { values, state, drift };
};
const driftNow = async () => (await aegir.call<DriftView>('GET', '/api/servers/desk/drift')).body;

test('it shows what would be changed by the answers that are given, does nothing and remembers nothing', async () => {
  writeFileSync(file('one'), 'first\nby hand\n');
  const before = [await serverNow(), await driftNow()];
  const ended = await dryRun('deliver', { word: 'other', password: secret });
  expect([ended.title, ended.state, ended.isDryRun, ended.message]).toEqual([
    'Dry run: deliver',
    'succeeded',
    true,
    '',
  ]);
  expect(ended.tasks.map(({ changed }) => changed)).not.toContain(true);
  const found = await findingsOf(ended);
  expect(found.steps.map(({ title, differences }) => `${title} ${differences.length}`)).toEqual([
    'put › keep_file 1',
    'keep_more 1',
  ]);
  const [difference] = found.steps[0]?.differences ?? [];
  expect(difference).toMatchObject({ resource: file('one'), task: 'Keep the file' });
  expect(difference?.text).toContain('-by hand');
  expect(difference?.text).toContain('+other');
  expect(JSON.stringify([found, ended])).not.toContain(secret);
  expect(found.notCompared).toEqual([
    { title: 'make_place', reason: 'It cannot be carried out without changing anything.' },
    { title: 'keep_more', reason: 'It works with what an earlier step would give.' },
  ]);
  expect(readFileSync(file('one'), 'utf8')).toBe('first\nby hand\n');
  expect(existsSync(file('burnt'))).toBe(false);
  expect([await serverNow(), await driftNow()]).toEqual(before);
  const form = await aegir.call<FormView>('GET', '/api/servers/desk/operation-types/deliver/form');
  expect(form.body.groups.flatMap(({ fields }) => fields).find(({ name }) => name === 'word')?.default).toBe('first');
  // To run it again is to do it.
  expect((await aegir.call<AgainView>('GET', `/api/operations/${ended.id}/again`)).body.type).toBe('deliver');
});

test('a step that cannot be tried today keeps nobody from trying the others', async () => {
  const ended = await dryRun('fail', { password: secret });
  expect([ended.state, ended.message]).toEqual(['failed', expect.stringContaining('It cannot be known today')]);
  const found = await findingsOf(ended);
  expect(found.steps.map(({ title }) => title)).toEqual(['put › keep_file']);
  expect(found.notCompared).toEqual([{ title: 'fail_to_compare', reason: expect.stringContaining('It cannot be') }]);
});

test('nobody has to approve it, and the command line shows it; what has no dry run says so', async () => {
  await aegir.call('POST', '/api/approval_rules', { values: { name: 'all', operation_types: ['deliver', 'put'] } });
  writeFileSync(file('password'), secret);
  const words = ['run', 'deliver', 'desk', '--password', `@${file('password')}`, '--dry-run'] as const;
  const { code, stdout, stderr } = await aegirCommand(aegir, ...words);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain(`It would change:\nput › keep_file: 1 difference\n  ${file('one')}`);
  expect(stdout).toContain('    -by hand');
  expect(stdout).toContain('Not known before it is done: keep_more. It works with what an earlier step would give.');
  const body = { type: 'compare', input: {}, dryRun: true };
  const refused = await aegir.call<ProblemJson>('POST', '/api/servers/desk/operations', body);
  expect([refused.status, refused.body.detail]).toEqual([422, '“compare” only compares already.']);
});
