// What only Terraform does; what every back end does is in ../contract.test.ts, the whole of it in test/terraform.test.ts.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { noTerraform } from '../../../test/terraform.ts';
import type { Run } from '../backend.ts';
import { createBackends, createSshMasters } from '../index.ts';
import { marked, runMarker } from '../process-tree.ts';
import { type Folder, leftIn, makeFolder, makeRun, python, recordReport } from '../test-run.ts';
import { createMemoryStore, type MemoryStore } from '../testing/terraform-store.ts';
import { createComplaints } from './complaints.ts';
import { differencesOf, knownOutputs, stepsOf } from './differences.ts';
import { mirrorState } from './mirror.ts';
import type { RunWithState } from './store.ts';

vi.setConfig({ testTimeout: 60_000 });
const reason = noTerraform();
const never = new AbortController().signal;
const state = { kind: 'project' as const, id: 'thing', name: 'thing', organisation: 'o' };
let base: string;
let store: MemoryStore;
const folders: Folder[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
});
beforeEach(() => {
  store = createMemoryStore();
});
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
  expect(await leftIn(base)).toEqual([]);
});
afterAll(() => rm(base, { recursive: true, force: true }));

const backend = () =>
  createBackends({
    python,
    runFolder: base,
    environment: { PATH: process.env.PATH ?? '' },
    masters: createSshMasters({ runFolder: base }),
    terraform: { program: '', plugins: '/opt/none/plugins', store },
  }).terraform;

async function runOf(main: string, values: Partial<Run> = {}): Promise<RunWithState> {
  const folder = await makeFolder({ 'terraform/main.tf': main });
  folders.push(folder);
  return { ...makeRun({ folder: folder.path, ...values }), state };
}

const one = 'variable "word" { default = "a" }\nresource "terraform_data" "one" { input = var.word }\n';
const slow = `resource "terraform_data" "one" {}
resource "terraform_data" "two" { input = bcrypt(terraform_data.one.id, 16) }
resource "terraform_data" "three" { input = bcrypt(terraform_data.two.id, 16) }
`;

describe.skipIf(reason)(`Terraform${reason ? ` (skipped: ${reason})` : ''}`, () => {
  test('a provider that is not on the worker is named, with what to do; nothing is downloaded', async () => {
    const result = await backend().run(await runOf('resource "aws_instance" "x" {}\n'), recordReport(), never);
    expect(result.status).toBe('failed');
    expect(result.message).toMatch(
      /^The provider hashicorp\/aws is not on this worker, and nothing is downloaded: put it into \/opt\/none\/plugins .*AEGIR_TERRAFORM_PLUGINS/,
    );
  });

  test('files that Terraform cannot read fail with its own words', async () => {
    const result = await backend().run(
      await runOf('resource "terraform_data" "x" { inputs = 1 }\n'),
      recordReport(),
      never,
    );
    expect(result).toMatchObject({ status: 'failed', exitCode: 1 });
    expect(result.message).toMatch(/^Terraform could not plan it: Unsupported argument\. .*inputs/);
  });

  test('an approved plan is found by its token, is carried out, and not a second time', async () => {
    const run = await runOf(one);
    const { token, changed, differences } = await backend().preview(run, recordReport(), never);
    expect([changed, differences?.map(({ resource }) => resource)]).toEqual([true, ['terraform_data.one']]);
    const gone = await backend().run(run, recordReport(), never, 'another');
    expect(gone.message).toMatch(/^The plan that was approved is not there any more/);
    expect((await backend().run(run, recordReport(), never, token)).status).toBe('succeeded');
    const again = await backend().run({ ...run, attempt: 2 }, recordReport(), never, token);
    // By this very Task, so what is left of the plan follows: nothing.
    expect(again).toMatchObject({ status: 'succeeded', changed: false });
    expect(store.count(state.id)).toBe(1);
  });

  test('a plan is stale for another Task, and of one that was carried out in part only the rest may follow', async () => {
    const run = await runOf(one);
    const { token } = await backend().preview(run, recordReport(), never);
    const other = await runOf(`${one}resource "terraform_data" "more" {}\n`);
    await backend().run(other, recordReport(), never);
    const stale = await backend().run(run, recordReport(), never, token);
    expect(stale).toMatchObject({ status: 'failed', changed: false });
    expect(stale.message).toMatch(/^The plan that was approved is stale/);
    const mine = await store.take({ ...run, attempt: 2 });
    await mine?.write(`${mine.text} `);
    await mine?.release();
    const rest = await backend().run({ ...run, attempt: 3 }, recordReport(), never, token);
    expect(rest.message).toMatch(/what is left is not a part of what was approved \(delete terraform_data\.more\)/);
    expect(store.count(state.id)).toBe(2);
  });

  test('whoever loses the state in the middle stops, and writes nothing any more', async () => {
    const run = await runOf(slow);
    const report = recordReport();
    const running = backend().run(run, report, never);
    await report.until('one: Creation complete');
    await expect.poll(() => store.count(state.id)).toBe(1);
    await store.release(run.taskId, 1);
    const later = await store.take({ ...run, taskId: 'another' });
    expect(await running).toMatchObject({ status: 'superseded', outputs: {} });
    expect(await marked(runMarker(run.taskId, 1))).toEqual([]);
    expect(await later?.isMine()).toBe(true);
    expect(store.count(state.id)).toBe(1);
  });

  test('what does not stop in time is killed, which is said, and what was made until then is known', async () => {
    // Longer than what a cancel gives: it cannot be interrupted in the middle.
    const run = await runOf(slow.replace('16', '20'));
    const report = recordReport();
    const abort = new AbortController();
    const running = backend().run(run, report, abort.signal);
    await report.until('one: Creation complete');
    await expect.poll(() => store.count(state.id)).toBe(1);
    abort.abort();
    const result = await running;
    expect(result).toMatchObject({ status: 'cancelled', changed: true });
    expect(result.message).toMatch(/^Cancelled\. Terraform did not stop in time and was killed/);
    expect(await marked(runMarker(run.taskId, 1))).toEqual([]);
    expect(store.count(state.id)).toBe(1);
  });

  test('of two the second waits until the state is free, unless it is cancelled', async () => {
    const first = await runOf(one);
    const held = await store.take(first);
    const second = await runOf(one);
    const report = recordReport();
    const abort = new AbortController();
    const running = backend().run(second, report, abort.signal);
    expect(await report.until('works on the state')).toBe(
      `“${first.taskId}” works on the state of thing: it waits until that is over.`,
    );
    abort.abort();
    expect((await running).status).toBe('cancelled');
    const third = backend().run(await runOf(one), recordReport(), never);
    await held?.release();
    expect((await third).status).toBe('succeeded');
  });

  test('an undo destroys what its own Task has made from nothing, and nothing else', async () => {
    const made = await runOf(one);
    expect((await backend().run(made, recordReport(), never)).outputs).toEqual({ made: true });
    const changed = await runOf(one, { arguments: { word: 'b' } });
    expect((await backend().run(changed, recordReport(), never)).outputs).toEqual({ made: false });
    const undo = async (undoes: string) =>
      backend().run(await runOf(one, { destroys: true, undoes }), recordReport(), never);
    expect((await undo('one that did nothing')).changed).toBe(false);
    expect(await undo(changed.taskId)).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('was there before this Operation, so it is not destroyed, but it was changed'),
    });
    expect(store.count(state.id)).toBe(1);
    expect(await undo(made.taskId)).toMatchObject({ status: 'succeeded', changed: true });
    expect((await store.read(made)).text).toBe('');
  });
});

test('a state that is just being written is read when it is whole; the last one counts', async () => {
  const file = join(base, 'state');
  const run = { ...makeRun({ folder: base }), state };
  const held = await store.take(run);
  if (!held) throw new Error('it is free');
  const mirror = mirrorState(file, held, () => undefined);
  const text = JSON.stringify({ serial: 1, resources: [{ mode: 'managed' }] });
  await writeFile(file, text.slice(0, 20));
  await new Promise(resolve => setTimeout(resolve, 250));
  expect(held.text).toBe('');
  await writeFile(file, text);
  await mirror.finish();
  expect(held.text).toBe(text);
  await rm(file);
});

test('what a plan would change is told by attribute, with sensitive values hidden', () => {
  const shown = {
    resource_changes: [
      {
        address: 'a.b',
        mode: 'managed',
        change: {
          actions: ['delete', 'create'],
          before: { id: '1', name: 'x', secret: 's3cret', same: [1], gone: true },
          after: { name: 'y', secret: 'other', same: [1], list: [{ p: 's3cret' }] },
          after_unknown: { id: true },
          before_sensitive: { secret: true },
          after_sensitive: { secret: true, list: [{ p: true }] },
        },
      },
      { address: 'a.read', mode: 'data', change: { actions: ['read'] } },
      { address: 'a.same', mode: 'managed', change: { actions: ['no-op'], before: {}, after: {} } },
    ],
    output_changes: { out: { actions: ['create'], after: 's3cret', after_sensitive: true } },
    planned_values: { outputs: { out: { sensitive: true, value: 's3cret' }, plain: { value: 1 }, later: {} } },
  };
  expect(differencesOf(shown)).toEqual([
    {
      task: 'Destroy and create anew',
      resource: 'a.b',
      left: 0,
      text: '-gone = true\n-id = "1"\n+id = (known afterwards)\n+list = (sensitive)\n-name = "x"\n+name = "y"\n-secret = (sensitive)\n+secret = (sensitive)',
    },
    { task: 'Create', resource: 'output.out', left: 0, text: '+value = (sensitive)' },
  ]);
  expect(stepsOf(shown)).toEqual(['delete+create a.b']);
  expect(knownOutputs(shown)).toEqual({ plain: 1 });
});

test('what Terraform says is wrong is found in what it prints, framed or not', () => {
  const complaints = createComplaints();
  const lines = [
    'Planning',
    '',
    '╷',
    '│ Error: No moon',
    '│ ',
    '│   on main.tf line 1:',
    '│ It is not there.',
    '╵',
    'Error: And no sun!',
  ];
  for (const line of [...lines, '', 'Warning: It is dark', 'never mind']) complaints.take(line);
  expect(complaints.text()).toBe('No moon. on main.tf line 1: It is not there. And no sun!');
});
