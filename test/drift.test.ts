// How differences are found, kept, accepted and put right: with Task types of this suite, on this machine.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EntityView, FormView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { DifferenceView, DriftView } from '../api/drift-contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const folder = mkdtempSync(join(tmpdir(), 'aegir-drift-'));
const file = (name: string) => join(folder, name);
const secret = 'correct-horse-battery-staple';
let aegir: Aegir;
let database: pg.Client;

/** Three files: of a loop, with a secret, and one that is told only when all is known. */
const keepFiles = `- name: Keep the files
  ansible.builtin.copy:
    content: "{{ kept_file.text }}"
    dest: "${folder}/{{ kept_file.name }}"
    mode: '0644'
  loop:
    - {name: one, text: "first\\nsecond\\n"}
    - {name: two, text: "password = {{ password }}\\nlast\\n"}
  loop_control: {loop_var: kept_file}
- name: Tell where
  ansible.builtin.set_stats:
    data: {place: "${folder}/one"}
    per_host: false
`;

const wait = `- name: Wait until it is let go
  ansible.builtin.wait_for:
    path: ${file('gate')}
    timeout: 120
  check_mode: false
- name: Keep a file
  ansible.builtin.copy: {content: "waited\\n", dest: ${file('gate')}.waited, mode: '0644'}
`;

beforeAll(async () => {
  types.ansibleTask('keep_files', keepFiles, {
    options: `password: {type: str, description: A secret, required: true, no_log: true}`,
    meta: `arguments:\n  password: {from: server.fields.password}\noutputs:\n  place: {type: path, sets: server.database_ca, help: Where}\n`,
  });
  types.ansibleTask(
    'keep_more',
    '- {name: Keep more, ansible.builtin.copy: {content: "more\\n", dest: "{{ place }}.more", mode: "0644"}}\n',
    {
      options: 'place: {type: path, description: Where, required: true}',
    },
  );
  types.ansibleTask('fail_to_compare', '- {name: Fail, ansible.builtin.fail: {msg: It cannot be known today}}\n');
  types.ansibleTask('wait_and_keep', wait);
  types.ansibleTask(
    'keep_large',
    `- {name: Keep a large one, ansible.builtin.copy: {src: ${file('large')}, dest: ${file('large.kept')}, mode: '0644'}}
- name: Write a long configuration
  aegir_config_file: {file: ${file('larger.kept')}, content: "{{ lookup('ansible.builtin.file', '${file('large')}') }}"}
`,
  );
  // A program cannot be carried out without changing anything.
  types.shellTask('burn', `echo burnt >${file('burnt')}`, { target: 'worker' });
  types.shellTask(
    'list_strangers',
    `test -e ${file('gone')} && printf '{"differences": [], "seen": 0}' >"$AEGIR_OUTPUTS" && exit
printf '{"differences": [{"name": "stranger Ivo", "text": "-Ivo knows ${secret}"}], "seen": 3}' >"$AEGIR_OUTPUTS"`,
    { meta: 'changes: false\noutputs:\n  differences: {type: list}\n  seen: {type: int}\n' },
  );
  const check = 'check: true\nput_right_by: put_right\nlocks: {server: shared}\n';
  const both = '{id: files, task: keep_files}, {id: more, task: keep_more, with: {place: $steps.files.place}}';
  types.operation('put_right', 'server', `[${both}]`);
  types.operation('look', 'server', '[{id: look, task: list_strangers}]');
  types.operation('compare', 'server', `[${both}, {id: strangers, task: list_strangers}]`, check);
  types.operation('compare_in_part', 'server', `[{id: fail, task: fail_to_compare}, ${both}]`, check);
  types.operation('compare_slowly', 'server', '[{id: slow, task: wait_and_keep}]', check);
  types.operation('compare_large', 'server', '[{id: large, task: keep_large}]', check);
  aegir = await startAegir({ types: types.path });
  expect((await aegir.call<{ problems: object[] }>('GET', '/api/catalogue')).body.problems).toEqual([]);
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  await post('/api/clusters', { values: { name: 'here', kind: 'servers' } });
  await post('/api/field-definitions', {
    entityKind: 'server',
    name: 'password',
    type: 'str',
    label: 'Password',
    secret: true,
  });
  const python = join(pythonBin, 'python3');
  for (const name of ['desk', 'lamp'])
    await post('/api/servers', {
      values: { name, cluster: 'here', connection: 'local', python },
      fields: { password: secret },
    });
}, 120_000);

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<Entity> {
  const answer = await aegir.call<Entity>('POST', path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
}

async function run(type: string, state = 'succeeded', server = 'desk'): Promise<OperationView> {
  const operation = await aegir.run('servers', server, type);
  expect(operation.state, `${operation.message}\n${await aegir.log(operation.id)}`).toBe(state);
  return operation;
}

const driftOf = async (server = 'desk') => (await aegir.call<DriftView>('GET', `/api/servers/${server}/drift`)).body;
const serverOf = async (server = 'desk') => (await aegir.call<EntityView>('GET', `/api/servers/${server}`)).body;
const about = ({ differences }: DriftView) => differences.map(({ resource }) => resource).sort();
const listed = async (filter: string) =>
  (await aegir.call<Page<Entity>>('GET', `/api/servers?drift=${filter}`)).body.items.map(({ values }) => values.name);
const find = ({ differences }: DriftView, name: string): DifferenceView => {
  const found = differences.find(({ resource }) => resource === name);
  if (!found) throw new Error(`no difference of ${name} in ${JSON.stringify(differences)}`);
  return found;
};
const accept = ({ id, content }: DifferenceView, reason = 'it is wanted') =>
  aegir.call<DifferenceView & ProblemJson>('PUT', `/api/differences/${id}/acceptance`, { content, reason });

test('what was never compared says so, and a form of what compares asks nothing', async () => {
  expect(await driftOf()).toMatchObject({ open: 0, accepted: 0, checkedAt: null, operation: '', differences: [] });
  expect(await listed('never')).toEqual(['desk', 'lamp']);
  const form = await aegir.call<FormView>('GET', '/api/servers/desk/operation-types/compare/form');
  expect(form.body.groups).toEqual([]);
  expect(form.body.steps.map(({ title }) => title)).toEqual(['keep_files', 'keep_more', 'list_strangers']);
});

test('a comparison finds what would be changed, changes nothing, and writes nothing into the model', async () => {
  await run('put_right');
  const before = await serverOf();
  expect(before.values.database_ca).toBe(file('one'));
  writeFileSync(file('one'), 'first\nby hand\n');
  rmSync(`${file('one')}.more`);
  await database.query(`update servers set database_ca = 'elsewhere' where name = 'desk'`);
  const operation = await run('compare');
  expect(operation.tasks.map(({ changed }) => changed)).toEqual([false, false, false, false]);
  expect(operation.tasks.slice(1).map(({ outputs }) => outputs.summary)).toEqual([
    '1 difference',
    '1 difference',
    '1 difference',
  ]);
  expect(readFileSync(file('one'), 'utf8')).toBe('first\nby hand\n');
  expect((await serverOf()).values.database_ca).toBe('elsewhere');

  const drift = await driftOf();
  expect(drift).toMatchObject({ open: 3, accepted: 0, notCompared: 0, operation: operation.id });
  expect(about(drift)).toEqual([file('one'), `${file('one')}.more`, 'stranger Ivo']);
  const one = find(drift, file('one'));
  expect(one).toMatchObject({ title: 'keep_files', task: 'Keep the files', leftOut: 0, acceptance: null });
  expect(one.text).toBe('@@ -1,2 +1,2 @@\n first\n-by hand\n+second');
  expect((await serverOf()).drift).toMatchObject({ open: 3, accepted: 0 });
  expect(await listed('open')).toEqual(['desk']);
  expect(await listed('never')).toEqual(['lamp']);
});

test('a difference keeps its identity and its since, and is gone when it is gone', async () => {
  const first = find(await driftOf(), file('one'));
  await run('compare');
  const again = find(await driftOf(), file('one'));
  expect(again).toMatchObject({ id: first.id, firstSeen: first.firstSeen, changedAt: first.changedAt });
  expect(Date.parse(again.lastSeen)).toBeGreaterThan(Date.parse(first.lastSeen));
  writeFileSync(file('one'), 'first\nby another hand\n');
  await run('compare');
  const other = find(await driftOf(), file('one'));
  expect(other).toMatchObject({ id: first.id, firstSeen: first.firstSeen });
  expect(other.changedAt).not.toBe(first.changedAt);
  writeFileSync(`${file('one')}.more`, 'more\n');
  await run('compare');
  expect(about(await driftOf())).toEqual([file('one'), 'stranger Ivo']);
});

test('an accepted one does not count until it becomes another one; the acceptance can be taken back', async () => {
  const one = find(await driftOf(), file('one'));
  expect((await accept(one, ' ')).body.detail).toContain('Say why');
  expect((await accept(one)).status).toBe(200);
  expect(await driftOf()).toMatchObject({ open: 1, accepted: 1 });
  expect(await listed('accepted')).toEqual(['desk']);
  await run('compare');
  const kept = find(await driftOf(), file('one'));
  expect(kept.acceptance).toMatchObject({ reason: 'it is wanted', counts: false });

  writeFileSync(file('one'), 'first\nby a third hand\n');
  await run('compare');
  const changed = find(await driftOf(), file('one'));
  expect([(await driftOf()).open, changed.acceptance?.counts]).toEqual([2, true]);
  const late = await accept(kept);
  expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining('changed meanwhile')]);
  expect((await accept(changed)).body.acceptance?.counts).toBe(false);
  const back = await aegir.call<DifferenceView>('DELETE', `/api/differences/${one.id}/acceptance`);
  expect([back.status, back.body.acceptance]).toEqual([200, null]);
  expect(await driftOf()).toMatchObject({ open: 2, accepted: 0 });
  const { rows } = await database.query<{ verb: string; after: { reason?: string } }>(
    `select verb, after from audit where verb like '%accept%' order by id`,
  );
  expect(rows.map(({ verb, after }) => [verb, after.reason])).toEqual([
    ['accept difference', 'it is wanted'],
    ['accept difference', 'it is wanted'],
    ['take acceptance back', undefined],
  ]);
});

test('what really applies a Task clears what it compares, at once', async () => {
  expect((await driftOf()).putRightBy).toEqual({ type: 'prepare_server', title: 'Prepare' });
  const { checkedAt } = await driftOf();
  await run('put_right');
  expect(about(await driftOf())).toEqual(['stranger Ivo']);
  expect((await driftOf()).checkedAt).toBe(checkedAt);
  await run('compare');
  expect(about(await driftOf())).toEqual(['stranger Ivo']);
});

test('a secret is in no difference: not the known one, nor what stands in its place, wherever it is told', async () => {
  writeFileSync(file('two'), 'password = another-one-by-hand\nlast\n');
  await run('compare');
  const drift = await driftOf();
  expect(find(drift, file('two')).text).toBe('@@ -1,2 +1,2 @@\n-password = ********\n+password = ********\n last');
  expect(find(drift, 'stranger Ivo').text).toBe('-Ivo knows ********');
  const { rows } = await database.query('select * from differences');
  const logs = await database.query('select text, marks from log_chunks');
  expect(JSON.stringify([rows, logs.rows])).not.toMatch(/correct-horse|another-one-by-hand/);
  await run('put_right');
});

test('a step that cannot compare hides none of the others; what was found before of it stays', async () => {
  writeFileSync(file('one'), 'by hand\n');
  const operation = await run('compare_in_part', 'failed');
  expect(operation.message).toContain('It cannot be known today');
  expect(operation.tasks.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'succeeded', 'succeeded']);
  const drift = await driftOf();
  expect(about(drift)).toContain(file('one'));
  expect(drift.parts).toEqual([{ title: 'fail_to_compare', reason: expect.stringContaining('cannot be known today') }]);
  await run('compare');
  expect((await driftOf()).parts).toEqual([]);
  await run('put_right');
});

test('a long difference is cut with its number of characters, and ten MiB of a file are no trouble', async () => {
  const line = (text: string, at: number) => `${text} ${at} ${'x'.repeat(80)}\n`;
  writeFileSync(file('large'), Array.from({ length: 1000 }, (_, at) => line('new', at)).join(''));
  writeFileSync(file('large.kept'), Array.from({ length: 1000 }, (_, at) => line('old', at)).join(''));
  writeFileSync(file('larger.kept'), Array.from({ length: 110_000 }, (_, at) => line('old', at)).join(''));
  await run('compare_large', 'succeeded', 'lamp');
  const drift = await driftOf('lamp');
  for (const name of ['large.kept', 'larger.kept']) {
    const { text, leftOut } = find(drift, file(name));
    expect(text.length).toBeLessThanOrEqual(64 * 1024);
    expect(text.split('\n').at(-1)).toMatch(/^[+-](old|new) \d+ x{80}$/);
    expect(leftOut).toBeGreaterThan(64 * 1024);
  }
  expect(find(drift, file('larger.kept')).leftOut).toBeGreaterThan(9 * 1024 * 1024);
  const { stdout } = await aegirCommand(aegir, 'drift', 'server/lamp');
  expect(stdout).toMatch(/… and \d+ characters more, which are not kept/);
}, 60_000);

test('two comparisons go on side by side, and one whose worker is killed comes to its end', async () => {
  const start = async () =>
    (await aegir.call<OperationView>('POST', '/api/servers/lamp/operations', { type: 'compare_slowly', input: {} }))
      .body;
  const both = [await start(), await start()];
  await expect
    .poll(
      async () => {
        const views = await Promise.all(
          both.map(({ id }) => aegir.call<OperationView>('GET', `/api/operations/${id}`)),
        );
        return views.map(({ body }) => body.tasks[1]?.state);
      },
      { timeout: 30_000 },
    )
    .toEqual(['running', 'running']);
  const next = await aegir.startWorker();
  await aegir.worker.stop(true);
  writeFileSync(file('gate'), '');
  for (const { id } of both) {
    const { state, message } = await aegir.waitFor(id);
    expect([state, message]).toEqual(['succeeded', '']);
  }
  expect(about(await driftOf('lamp'))).toEqual([`${file('gate')}.waited`]);
  expect(next.output()).not.toContain('"level":50');
}, 120_000);

test('the terminal shows who has differences and what they are, and accepts', async () => {
  writeFileSync(file('one'), 'first\nby hand\n');
  await run('compare');
  const all = await aegirCommand(aegir, 'drift');
  expect(all.stdout).toMatch(/server\/desk +2 +0 /);
  const shown = await aegirCommand(aegir, 'drift', 'server/desk');
  expect(shown.stdout).toContain('server/desk: 2 differences, checked');
  expect(shown.stdout).toContain('    -by hand\n    +second');
  expect(shown.stdout).toContain('aegir run prepare_server desk');
  const { id } = find(await driftOf(), file('one'));
  const done = await aegirCommand(aegir, 'drift', 'accept', id, '--reason', 'until Friday');
  expect(done.stdout).toContain(': until Friday');
  expect((await driftOf()).accepted).toBe(1);
  expect((await aegirCommand(aegir, 'drift', 'take-back', id)).stdout).toContain('It counts again');
  expect((await aegirCommand(aegir, 'drift', 'desk')).stderr).toContain('is not environment/name or server/name');
});

test('what somebody looks for is gone when it is not told any more, whoever asks', async () => {
  await run('look');
  expect(about(await driftOf())).toContain('stranger Ivo');
  writeFileSync(file('gone'), '');
  await run('look');
  expect(about(await driftOf())).toEqual([file('one')]);
});

test('a type that compares may neither write nor hold anything alone, and names no Task that cannot compare', async () => {
  types.operation(
    'compare_badly',
    'server',
    '[{id: burn, task: burn}, {id: in, operation: put_right}]',
    'check: true\nput_right_by: install_environment\nlocks: {server: exclusive}\nstates: {succeeded: verified}\n',
  );
  const { body } = await aegir.call<{ problems: { message: string }[] }>('GET', '/api/catalogue');
  const words = body.problems.map(({ message }) => message).join('\n');
  for (const part of [
    '"burn" cannot be carried out without changing anything',
    'The step "in" is an Operation',
    'takes shared locks',
    'changes nothing.',
    '"install_environment" runs on a environment',
  ])
    expect(words).toContain(part);
});

test('what is known of an entity goes with it', async () => {
  expect((await aegir.call('DELETE', '/api/servers/lamp')).status).toBe(204);
  const { rows } = await database.query('select distinct entity_id from differences');
  expect(rows).toEqual([{ entity_id: (await serverOf()).id }]);
});
