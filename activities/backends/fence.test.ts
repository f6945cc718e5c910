import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { BackendName } from '../../model/task-type.ts';
import type { Backend } from './backend.ts';
import { enter, explainRefusal, explainSilence, isPermitted, leave, supersededMessage } from './fence.ts';
import { renderGuard, renderShellGuard } from './guard.ts';
import { createBackends, createSshMasters } from './index.ts';
import { type Machine, thisMachine } from './machine.ts';
import { type Folder, makeFolder, makeRun, python, recordReport } from './test-run.ts';

vi.setConfig({ testTimeout: 120_000 });

let base: string;
let backends: Record<BackendName, Backend>;
const folders: Folder[] = [];
const never = new AbortController().signal;
const dependencies = () => ({ python, runFolder: base });

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
  backends = createBackends({ ...dependencies(), masters: createSshMasters(dependencies()) });
});
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function runOf(files: Record<string, string>) {
  const folder = await makeFolder(files);
  folders.push(folder);
  return makeRun({ folder: folder.path });
}

test('a command starts only with the permit, and carries the marker before it looks for it', async () => {
  const permit = join(base, 'T.1');
  const start = async (argv: string[]) => {
    const [file = '', ...rest] = argv;
    return execa(file, rest, { reject: false });
  };
  const words = ['sh', '-c', 'echo "$AEGIR_RUN $1"', 'sh', `it's "$(id)"`];
  const refused = await start([...renderGuard('T.1', permit), ...words]);
  expect(refused).toMatchObject({ exitCode: 75, stdout: '', stderr: supersededMessage });
  await writeFile(permit, '');
  expect((await start([...renderGuard('T.1', permit), ...words])).stdout).toBe(`T.1 it's "$(id)"`);
  expect((await start([...renderGuard('T.1', permit), 'false'])).exitCode).toBe(1);
  const line = `${renderShellGuard('T.1', permit)}'echo $AEGIR_RUN; exit 3'`;
  expect(await start(['sh', '-c', line])).toMatchObject({ stdout: 'T.1', exitCode: 3 });
  await rm(permit);
});

test('a run that has lost its permit in the middle is superseded, whatever it ended with', async () => {
  for (const backend of ['ansible', 'shell'] as const) {
    const lose = `rm ${base}/aegir-fences-*/permits/*`;
    const run = await runOf({
      'tasks/main.yml': `- ansible.builtin.shell: ${lose}\n`,
      'shell/run': `#!/bin/sh\n${lose}\n`,
    });
    expect(await backends[backend].run(run, recordReport(), never)).toMatchObject({
      status: 'superseded',
      outputs: {},
    });
  }
});

test('a run whose machine did not hear of its end may have left its permit there', async () => {
  const result = { status: 'succeeded', exitCode: 0, changed: true, outputs: { path: '/x' }, message: '' } as const;
  const answering = (run: Machine['run']): Machine => ({ ...thisMachine(undefined, dependencies()), run });
  const lost = answering(async () => ({ exitCode: 255, stdout: '', stderr: 'Connection closed' }));
  const silent = answering(() => Promise.reject(new Error('The operation was aborted due to timeout')));
  expect(await leave(lost, '/run/aegir/permits/T.1', result)).toEqual({ ...result, isLeft: true });
  expect(await leave(silent, '/run/aegir/permits/T.1', result)).toEqual({ ...result, isLeft: true });
});

test('the highest token wins, for each key by itself', async () => {
  const machine = thisMachine(undefined, dependencies());
  const outcome = async (fences: Record<string, number>) => {
    const list = Object.entries(fences).map(([key, token]) => ({ key, token }));
    const entry = await enter(machine, makeRun({ folder: '', fences: list }), never);
    return isPermitted(entry) ? 'permitted' : entry.status;
  };
  expect(await outcome({ 'environment-A': 1, 'server-B': 9 })).toBe('permitted');
  expect(await outcome({ 'environment-A': 2 ** 52 })).toBe('permitted');
  expect(await outcome({ 'environment-A': 2 ** 52 - 1, 'server-B': 10 })).toBe('superseded');
  // Whoever was refused has raised nothing.
  expect(await outcome({ 'server-B': 9 })).toBe('permitted');
  expect(await outcome({ 'server-B': 8 })).toBe('superseded');
  expect(await outcome({})).toBe('permitted');
});

test('what stands in the way is said, and only what may pass by itself is tried again', () => {
  const machine = { name: 'web1', python: '/opt/python', become: true };
  const told = (exitCode: number | null, said: string) => {
    const { status, message } = explainRefusal(machine, explainSilence(machine, exitCode, said));
    return [status, message];
  };
  expect(told(1, 'sudo: a password is required\n')).toEqual([
    'failed',
    '/opt/python could not be run on web1 by sudo (code 1): sudo: a password is required',
  ]);
  expect(told(255, '')).toEqual(['unreachable', 'The connection to web1 was lost in the middle.']);
  expect(explainRefusal(machine, { left: ['71 sleep 9'] })).toMatchObject({
    status: 'unreachable',
    message:
      'What should be over before this run begins is not. On web1 these processes could not be ended: 71 sleep 9.',
  });
});
