// Terraform as a backend, with the whole of Aegir: what is planned is shown, approved and carried out exactly so; its state is
// kept, sealed, and known to whoever comes next.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CatalogueView, DryRunView, EntityView, OperationView, ProblemJson } from '../api/contract.ts';
import type { TerraformStateView } from '../api/contract-terraform.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { findSecrets, readFiles, readProcesses, readTables } from './secret-places.ts';
import { makeTypeFolder } from './task-types.ts';
import { noTerraform, noteModule } from './terraform.ts';

const reason = noTerraform();
vi.setConfig({ testTimeout: 180_000 });
const patient = { timeout: 90_000, interval: 100 };
const secret = 'Tr0ub4dor&3-for-terraform/ü';
const types = makeTypeFolder();
let aegir: Aegir;

beforeAll(async () => {
  if (reason) return;
  const options =
    'word: {type: str, description: What is noted, required: true}, password: {type: str, description: Secret, required: true, no_log: true}, things: {type: int, description: How many more, default: 0}';
  types.terraformTask('make_note', noteModule, {
    options,
    meta: 'arguments:\n  word: {remember: true}\n  password: {remember: true}\noutputs:\n  word: {type: str, sets: project.fields.word, help: What is noted}\n  id: {type: str, help: Its id}\nundo: destroy\n',
  });
  types.shellTask('break_down', 'echo no; exit 1');
  types.operation('note', 'project', '[{id: make, task: make_note}]', 'locks: {project: exclusive}\n');
  types.operation('loose_note', 'project', '[{id: make, task: make_note}]');
  types.operation('note_then_break', 'project', '[{id: make, task: make_note}, {id: bad, task: break_down}]');
  types.operation('approved_note', 'project', '[{id: make, task: make_note}]', 'locks: {project: exclusive}\n');
  types.operation('wrapped', 'project', '[{id: in, operation: approved_note}]');
  types.operation('wipe', 'project', '[{id: gone, task: make_note, destroy: true}]');
  aegir = await startAegir({ types: types.path });
  expect((await aegir.call<CatalogueView>('GET', '/api/catalogue')).body.problems).toEqual([]);
  await aegir.call('POST', '/api/field-definitions', { entityKind: 'project', name: 'word', type: 'str' });
  const rule = { name: 'looked-at', operation_types: ['approved_note'], four_eyes: false };
  expect((await aegir.call('POST', '/api/approval_rules', { values: rule })).status).toBe(201);
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

async function project(name: string): Promise<string> {
  const values = { name, repository: 'https://example.org/site.git', application: 'static' };
  const { status, body } = await aegir.call<EntityView>('POST', '/api/projects', { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

async function start(
  name: string,
  type: string,
  input: Record<string, unknown>,
  dryRun = false,
): Promise<OperationView> {
  const body = { type, input, dryRun };
  const { status, body: view } = await aegir.call<OperationView>('POST', `/api/projects/${name}/operations`, body);
  expect(status, JSON.stringify(view)).toBe(201);
  return view;
}

const given = (word: string, more: Record<string, unknown> = {}) => ({ word, password: secret, ...more });
const view = async ({ id }: OperationView) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
const fieldsOf = async (name: string) => (await aegir.call<EntityView>('GET', `/api/projects/${name}`)).body.fields;

async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  return database
    .query<T>(text, values)
    .then(({ rows }) => rows)
    .finally(() => database.end());
}

interface StateRow extends pg.QueryResultRow {
  resources: number;
  serial: string;
  held_by: string | null;
  changed_by: string | null;
}
const stateOf = async (id: string) =>
  (await query<StateRow>('select * from terraform_states where entity_id = $1', [id]))[0];

/** Of runs of Terraform on this machine: this suite's run folder is in their environment. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        return (
          environment.includes(`HOME=${aegir.environment.AEGIR_RUN_FOLDER}/`) && environment.includes('TF_INPUT=0')
        );
      } catch {
        return false;
      }
    });
}

describe.skipIf(reason)(`Terraform${reason ? ` (skipped: ${reason})` : ''}`, () => {
  test('a dry run shows the plan and makes nothing; the real run makes it, and sets fields by its outputs', async () => {
    const id = await project('first');
    const looked = await start('first', 'note', given('one'), true);
    expect((await aegir.waitFor(looked.id)).state).toBe('succeeded');
    const found = (await aegir.call<DryRunView>('GET', `/api/operations/${looked.id}/differences`)).body;
    expect(found.steps.map(({ title, differences }) => [title, differences.map(({ resource }) => resource)])).toEqual([
      ['make_note', ['terraform_data.account', 'terraform_data.note', 'output.account', 'output.id', 'output.word']],
    ]);
    const [account, note] = found.steps[0]?.differences ?? [];
    expect(note).toMatchObject({ task: 'Create', text: expect.stringContaining('+input = "one"') });
    expect(account?.text).toContain('+input = (sensitive)');
    expect(await stateOf(id)).toBeUndefined();

    const made = await aegir.run('projects', 'first', 'note', given('one'));
    expect(made.message).toBe('');
    expect(made.state).toBe('succeeded');
    const task = made.tasks.find(({ type }) => type === 'make_note');
    expect(task).toMatchObject({ changed: true, outputs: { word: 'one', made: true } });
    expect(Object.keys(task?.outputs ?? {}).sort()).toEqual(['id', 'made', 'word']);
    expect(await fieldsOf('first')).toMatchObject({ word: 'one' });
    expect(await stateOf(id)).toMatchObject({ resources: 2, held_by: null });
    expect(await aegir.log(made.id)).toMatch(/^terraform_data\.note: Creation complete/m);

    const again = await aegir.run('projects', 'first', 'note', given('one'));
    expect(again.tasks.find(({ type }) => type === 'make_note')).toMatchObject({
      changed: false,
      outputs: { word: 'one', made: false },
    });
    const compared = await start('first', 'note', given('two'), true);
    await aegir.waitFor(compared.id);
    const changed = (await aegir.call<DryRunView>('GET', `/api/operations/${compared.id}/differences`)).body;
    expect(changed.steps[0]?.differences[0]).toMatchObject({ task: 'Change', resource: 'terraform_data.note' });
    expect(changed.steps[0]?.differences[0]?.text).toMatch(/-input = "one"\n\+input = "two"/);
  });

  test('what is approved is shown beforehand and carried out exactly so', async () => {
    await project('approved');
    const { id } = await start('approved', 'approved_note', given('seen'));
    const asks = await aegir.waitUntilQuiet(id);
    expect(asks.state).toBe('needs_attention');
    const [question] = asks.attentions;
    expect(question?.planned?.steps[0]?.differences.map(({ resource }) => resource)).toContain('terraform_data.note');
    expect(JSON.stringify(question)).not.toContain(secret);
    const shown = await aegirCommand(aegir, 'operation', 'show', id);
    expect(shown.stdout).toContain('+input = "seen"');
    await aegir.decide(asks, 'approve');
    const done = await aegir.waitFor(id);
    expect([done.state, done.message]).toEqual(['succeeded', '']);
    expect(await aegir.log(id)).toContain('The plan that was approved is carried out.');
    expect(await fieldsOf('approved')).toMatchObject({ word: 'seen' });
    expect(await query('select task from terraform_plans')).toEqual([]);
  });

  test('what a nested Operation would do is shown before the outer one begins, and carried out exactly so', async () => {
    await project('nested');
    const { id } = await start('nested', 'wrapped', given('inside'));
    const asks = await aegir.waitUntilQuiet(id);
    expect(asks.attentions[0]?.planned?.steps.map(({ title }) => title)).toEqual(['approved_note › make_note']);
    await aegir.decide(asks, 'approve');
    const done = await aegir.waitFor(id);
    expect([done.state, done.message]).toEqual(['succeeded', '']);
    expect(await aegir.log(id)).toContain('The plan that was approved is carried out.');
    expect(await fieldsOf('nested')).toMatchObject({ word: 'inside' });
  });

  test('a plan that is stale by then is refused with words, and a resume asks anew', async () => {
    await project('stale');
    const { id } = await start('stale', 'approved_note', given('old'));
    const asks = await aegir.waitUntilQuiet(id);
    // It waits for the approval without a lock.
    expect((await aegir.run('projects', 'stale', 'loose_note', given('between'))).state).toBe('succeeded');
    await aegir.decide(asks, 'approve');
    const refused = await aegir.waitFor(id);
    expect(refused.state).toBe('failed');
    expect(refused.message).toContain('The plan that was approved is stale');
    expect(await fieldsOf('stale')).toMatchObject({ word: 'between' });
    expect((await aegir.call('POST', `/api/operations/${id}/resume`, {})).status).toBe(202);
    const anew = await aegir.waitUntilQuiet(id);
    expect(anew.attentions[0]?.planned?.steps[0]?.differences[0]?.text).toMatch(/-input = "between"\n\+input = "old"/);
    await aegir.decide(anew, 'approve');
    expect((await aegir.waitFor(id)).state).toBe('succeeded');
    expect(await fieldsOf('stale')).toMatchObject({ word: 'old' });
  });

  test('an undo destroys what the Operation has made, and leaves what was there before', async () => {
    const id = await project('undone');
    const first = await start('undone', 'note_then_break', given('gone'));
    const parked = await aegir.waitUntilQuiet(first.id);
    expect(await stateOf(id)).toMatchObject({ resources: 2 });
    await aegir.decide(parked, 'undo');
    const ended = await aegir.waitFor(first.id);
    expect(ended.message).toContain('Undone: make_note.');
    expect(await stateOf(id)).toBeUndefined();
    expect(await fieldsOf('undone')).toEqual({});

    await aegir.run('projects', 'undone', 'note', given('stays'));
    const second = await start('undone', 'note_then_break', given('other'));
    await aegir.decide(await aegir.waitUntilQuiet(second.id), 'leave');
    const left = await aegir.waitFor(second.id);
    expect(left.state).toBe('failed');
    expect(await stateOf(id)).toMatchObject({ resources: 2 });
    const third = await start('undone', 'note_then_break', given('third'));
    const asks = await aegir.waitUntilQuiet(third.id);
    await aegir.decide(asks, asks.attentions[0]?.choices.includes('undo') ? 'undo' : 'leave');
    expect((await aegir.waitFor(third.id)).message).toContain('Left as they are: make_note.');
    expect(await stateOf(id)).toMatchObject({ resources: 2 });
  });

  test('what Terraform still manages keeps its entity from being deleted', async () => {
    const id = await project('managed');
    await aegir.run('projects', 'managed', 'note', given('here'));
    const refused = await aegir.call<ProblemJson>('DELETE', '/api/projects/managed');
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      expect.stringContaining('Terraform still manages things of this Project: make_note (2). Destroy them first'),
    ]);
    expect((await aegir.run('projects', 'managed', 'wipe', given('here'))).state).toBe('succeeded');
    expect(await query('select secret from terraform_former_states where entity_id = $1', [id])).toEqual([]);
    expect((await aegir.call('DELETE', '/api/projects/managed')).status).toBe(204);
    expect(await stateOf(id)).toBeUndefined();
  });

  test('an administrator goes back to a former state, which is written down; nobody sees what is in one', async () => {
    const id = await project('former');
    await aegir.run('projects', 'former', 'note', given('one'));
    await aegir.run('projects', 'former', 'note', given('two'));
    const [state] = (await aegir.call<TerraformStateView[]>('GET', `/api/terraform-states?kind=project&id=${id}`)).body;
    expect(state).toMatchObject({ taskType: 'make_note', resources: 2, heldBy: '', former: [{ resources: 2 }] });
    expect(JSON.stringify(state)).not.toContain('one');
    const former = state?.former[0]?.id ?? '';
    expect((await aegirCommand(aegir, 'terraform', 'project/former')).stdout).toContain(former);
    const restored = await aegirCommand(aegir, 'terraform', 'restore', 'project/former', former, '--reason', 'spoilt');
    expect(restored.code, restored.stderr).toBe(0);
    const looked = await start('former', 'note', given('two'), true);
    await aegir.waitFor(looked.id);
    const found = (await aegir.call<DryRunView>('GET', `/api/operations/${looked.id}/differences`)).body;
    expect(found.steps[0]?.differences[0]?.text).toMatch(/-input = "one"\n\+input = "two"/);
    const noted = await query(`select after from audit where verb = 'restore terraform state' and object_id = $1`, [
      id,
    ]);
    expect(noted).toEqual([{ after: expect.objectContaining({ taskType: 'make_note', reason: 'spoilt' }) }]);
  });

  test('of two at once the second waits, and says behind whom', async () => {
    const id = await project('twice');
    const one = await start('twice', 'loose_note', given('first', { things: 1 }));
    await expect.poll(async () => (await stateOf(id))?.held_by ?? null, patient).not.toBeNull();
    const two = await start('twice', 'loose_note', given('second', { things: 1 }));
    const ended = await Promise.all([aegir.waitFor(one.id), aegir.waitFor(two.id)]);
    expect(ended.map(({ state, message }) => [state, message])).toEqual([
      ['succeeded', ''],
      ['succeeded', ''],
    ]);
    expect(await aegir.log(two.id)).toContain(
      `“make_note” of the Operation ${one.id} works on the state of twice: it waits until that is over.`,
    );
    expect(await stateOf(id)).toMatchObject({ resources: 5, held_by: null });
  });

  test('a worker that is killed in the middle: the next attempt knows what was made, and goes on', async () => {
    const id = await project('killed');
    const { id: operation } = await start('killed', 'note', given('on', { things: 1 }));
    await expect.poll(async () => (await stateOf(id))?.resources ?? 0, patient).toBeGreaterThanOrEqual(3);
    const worker = aegir.worker;
    process.kill(worker.pid, 'SIGKILL');
    await worker.exited;
    expect((await stateOf(id))?.held_by).not.toBeNull();
    await expect.poll(processes, patient).toEqual([]);
    aegir.worker = await aegir.startWorker();
    const done = await aegir.waitFor(operation);
    expect([done.state, done.message]).toEqual(['succeeded', '']);
    const task = done.tasks.find(({ type }) => type === 'make_note');
    expect(task?.attempts.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
    expect(task?.outputs).toMatchObject({ made: true });
    const log = await aegir.log(operation);
    // What the first attempt has made is not made again.
    expect([...log.matchAll(/^terraform_data\.note: Creating\.\.\./gm)].length).toBe(1);
    expect(await stateOf(id)).toMatchObject({ resources: 5, held_by: null });
  });

  test('killed while it carries out what was approved, it goes on with the rest of that', async () => {
    const id = await project('rest');
    const { id: operation } = await start('rest', 'approved_note', given('on', { things: 1 }));
    await aegir.decide(await aegir.waitUntilQuiet(operation), 'approve');
    await expect.poll(async () => (await stateOf(id))?.resources ?? 0, patient).toBeGreaterThanOrEqual(3);
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.worker.exited;
    aegir.worker = await aegir.startWorker();
    const done = await aegir.waitFor(operation);
    expect([done.state, done.message]).toEqual(['succeeded', '']);
    expect(await aegir.log(operation)).toContain('An earlier attempt has carried out a part of what was approved');
    expect(await stateOf(id)).toMatchObject({ resources: 5 });
  });

  test('a cancel lets Terraform write its state, leaves no process, and another run goes on from there', async () => {
    const id = await project('cancelled');
    const { id: operation } = await start('cancelled', 'note', given('off', { things: 1 }));
    await expect.poll(async () => (await stateOf(id))?.resources ?? 0, patient).toBeGreaterThanOrEqual(3);
    await aegir.call('POST', `/api/operations/${operation}/cancel?choice=leave`, {});
    const ended = await aegir.waitFor(operation);
    expect(ended.state).toBe('cancelled');
    expect(await aegir.log(operation)).toContain('Gracefully shutting down');
    expect(processes()).toEqual([]);
    const left = await stateOf(id);
    expect(left?.held_by).toBeNull();
    expect(left?.resources).toBeLessThan(5);
    const again = await aegir.run('projects', 'cancelled', 'note', given('off', { things: 1 }));
    expect(again.state).toBe('succeeded');
    expect((await stateOf(id))?.resources).toBe(5);
  });

  test('without the program it says what to do', async () => {
    await project('without');
    process.kill(aegir.worker.pid, 'SIGTERM');
    await aegir.worker.exited;
    const without = await aegir.startWorker({ AEGIR_TERRAFORM: '/opt/none/terraform' });
    const failed = await aegir.run('projects', 'without', 'note', given('none'));
    expect(failed.message).toContain(
      'There is no program /opt/none/terraform on this worker: correct AEGIR_TERRAFORM.',
    );
    await without.stop();
    aegir.worker = await aegir.startWorker();
  });

  test('no secret of it is in a table, a log, a file, the engine or a process', async () => {
    await project('secret');
    const { id } = await start('secret', 'note', given('hidden', { things: 1 }));
    await expect.poll(() => processes().length, patient).toBeGreaterThan(0);
    const running = readProcesses();
    const done = await aegir.waitFor(id);
    expect(done.state).toBe('succeeded');
    const kept = await aegir.call('GET', `/api/tasks/${done.tasks.at(-1)?.id}/kept`);
    const places = {
      processes: running,
      log: await aegir.log(id),
      view: JSON.stringify([await view(done), kept.body]),
      ...Object.fromEntries(await readTables(aegir.databaseUrl)),
      ...Object.fromEntries(readFiles(aegir.home, path => !path.includes('compiled'))),
    };
    for (const [place, text] of Object.entries(places))
      expect.soft(findSecrets(text, { password: secret }), place).toEqual([]);
    expect(readdirSync(join(aegir.home, 'runs')).filter(name => name.startsWith('aegir-run-')).length).toBeLessThan(2);
    // The state is there, sealed: it is what holds the secret.
    const [row] = await query<{ sealed: string }>(
      'select s.sealed from secrets s join terraform_states t on t.secret = s.id limit 1',
    );
    expect(Buffer.from(row?.sealed ?? '', 'base64').toString('latin1')).not.toContain('terraform');
  });
});
