import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../model/errors.ts';
import { launch, type Running, waitUntilReady } from './launch.ts';
import { explainExit } from './node-part.ts';
import { listTree, readProcess, signal } from './process-tree.ts';
import type { PartName, PartStatus } from './status.ts';
import { createSupervisor, type Part } from './supervisor.ts';

let folder: string;
let said: string[];
let last: PartStatus[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-supervisor-'));
  said = [];
  last = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A part that is a shell script; ready when it has printed "ready". */
function part(name: PartName, script: string, after: PartName[] = []): Part {
  const logFile = join(folder, `${name}.log`);
  return {
    ...{ name, port: null, logFile, after },
    explain: running => explainExit(name, running),
    start: async stopped => {
      const running = await launch({ command: 'sh', args: ['-c', script], logFile, graceMs: 500 });
      const check = () => running.output().includes('ready');
      try {
        await waitUntilReady(running, { what: name, logFile, timeoutMs: 10_000, check, signal: stopped });
      } catch (error) {
        await running.stop();
        throw (await explainExit(name, running)) ?? error;
      }
      return running;
    },
  };
}

function supervise(parts: Part[]) {
  const changed = (status: PartStatus[]) => {
    last = status;
  };
  return createSupervisor({ parts, say: line => said.push(line), changed });
}

const steady = 'echo ready; while :; do sleep 1; done';
const pidOf = (name: PartName) => last.find(status => status.name === name)?.pid ?? 0;

test('parts start after what they need, and stop leaves none', async () => {
  const supervisor = supervise([part('postgres', `sleep 0.2; ${steady}`), part('api', steady, ['postgres'])]);
  await supervisor.start();
  expect(said.map(line => line.trim().split(' ')[0])).toEqual(['postgres', 'api']);
  const pids = last.map(({ pid }) => pid ?? 0);
  expect(pids.map(readProcess)).not.toContain(undefined);
  await supervisor.stop();
  expect(pids.map(readProcess)).toEqual([undefined, undefined]);
  expect(last.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
});

test('a killed part is started again, counted, and said', async () => {
  const supervisor = supervise([part('api', steady)]);
  await supervisor.start();
  const before = pidOf('api');
  signal(before, 'SIGKILL');
  await expect.poll(() => last[0], { timeout: 10_000 }).toMatchObject({ state: 'ready', restarts: 1 });
  expect(pidOf('api')).not.toBe(before);
  expect(said.join('\n')).toContain('api was ended by SIGKILL; starting it again in 0.5 s');
  await supervisor.stop();
});

test('a part that cannot work here ends the whole with its sentence', async () => {
  const script = `[ -e ${folder}/once ] && { echo '{"level":30}'; echo "Use a newer Aegir."; exit 78; }; ${steady}`;
  const supervisor = supervise([part('api', script)]);
  await supervisor.start();
  writeFileSync(join(folder, 'once'), '');
  signal(pidOf('api'), 'SIGKILL');
  const reason = await supervisor.broken;
  expect(reason).toBeInstanceOf(AppError);
  expect(reason.message).toBe('Use a newer Aegir.');
  await supervisor.stop();
});

test('a first start that fails shows the end of the log and starts nothing that needs it', async () => {
  const supervisor = supervise([
    part('postgres', 'echo "no room on the disk"; exit 1'),
    part('api', steady, ['postgres']),
  ]);
  await expect(supervisor.start()).rejects.toThrow(/postgres ended while it was starting.*\n +no room on the disk/s);
  await supervisor.stop();
  expect(said).toEqual([]);
});

test('a stop in the middle of a start leaves nothing', async () => {
  const supervisor = supervise([part('api', 'sleep 60')]);
  const starting = supervisor.start();
  const outcome = expect(starting).rejects.toThrow('Stopped while it was starting.');
  await expect.poll(() => last[0]?.state).toBe('starting');
  await supervisor.stop();
  await outcome;
});

test('what a part has started in sessions of its own ends with it, deaf or not', async () => {
  let running: Running | undefined;
  const deaf = part('worker', `trap '' TERM; setsid sh -c "trap '' TERM; while :; do sleep 1; done" & ${steady}`);
  const supervisor = supervise([{ ...deaf, start: async stopped => (running = await deaf.start(stopped)) }]);
  await supervisor.start();
  await expect.poll(() => listTree(running?.pid ?? 0).length).toBeGreaterThan(2);
  const tree = listTree(running?.pid ?? 0);
  await supervisor.stop();
  await expect.poll(() => tree.map(({ pid }) => readProcess(pid)).filter(Boolean)).toEqual([]);
});
