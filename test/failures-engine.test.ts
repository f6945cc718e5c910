import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { OperationView, Page } from '../api/contract.ts';
import { type Aegir, startAegir } from './harness.ts';
import { expectFailed, type Operator, operatorOf, processesOf } from './operator.ts';
import { makeTypeFolder } from './task-types.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const types = makeTypeFolder();
const counter = join(types.path, 'count');
const stop = join(types.path, 'stop');
const journal = join(types.path, 'journal');
/** Counts in its log and in a file, until the test has written another file. */
const count = `i=0; until [ -s ${stop} ]; do i=$((i + 1)); echo count $i; echo $i > ${counter}; sleep 0.05; done`;

let engine: TcpProxy;
let aegir: Aegir;
let operator: Operator;

const counted = () => Number(readFileSync(counter, 'utf8'));
const view = async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;

beforeAll(async () => {
  types.shellTask('count_up', count);
  types.shellTask('say_done', 'echo done');
  types.operation('count', 'project', '[{id: count, task: count_up}, {id: after, task: say_done}]');
  types.shellTask('sleep_long', 'echo sleeping; sleep 600', { meta: 'timeout: 2\nrepeatable: false\n' });
  types.operation('overrun', 'project', '[{id: sleep, task: sleep_long}]');
  types.shellTask('count_only_once', count, { meta: 'repeatable: false\n' });
  types.operation('count_once', 'project', '[{id: count, task: count_only_once}]');
  types.shellTask('wait_for_go', `[ -s ${stop} ]`);
  types.operation('go', 'project', '[{id: go, task: wait_for_go}]');
  const note = (what: string) => `echo ${what} $$ >> ${journal}`;
  types.shellTask(
    'take_notes',
    `${note('begin')}; until [ -s ${stop} ]; do ${note('go')}; sleep 0.05; done; ${note('end')}`,
  );
  types.operation('note', 'project', '[{id: note, task: take_notes}]');
  engine = await startTcpProxy(inject('temporalAddress'));
  aegir = await startAegir({ types: types.path, environment: { TEMPORAL_ADDRESS: engine.address } });
  operator = operatorOf(aegir);
  const project = ['--repository', 'https://example.org/site.git', '--application', 'static'];
  await operator.must('project', 'create', '--name', 'site', ...project);
});

beforeEach(() => {
  writeFileSync(counter, '0');
  writeFileSync(stop, '');
});

afterEach(async () => {
  writeFileSync(stop, 'now');
  const open = async () => (await aegir.call<Page<unknown>>('GET', '/api/operations?state=running')).body.items;
  await expect.poll(open, { timeout: 30_000 }).toEqual([]);
});

afterAll(async () => {
  await aegir?.stop();
  await engine?.stop();
  types.remove();
});

/** Follows the Operation that counts, which is at work when this resolves. */
async function startCounting() {
  const followed = operator.cli('run', 'count', 'site', '--follow');
  await expect.poll(counted, { timeout: 60_000 }).toBeGreaterThan(5);
  const { id } = await operator.lastOperation('projects/site');
  return { id, followed };
}

function expectWhole(text: string): void {
  const numbers = [...text.matchAll(/^count (\d+)$/gm)].map(match => Number(match[1]));
  expect(numbers).toEqual(Array.from({ length: counted() }, (_, index) => index + 1));
}

describe('the control plane in trouble', () => {
  test('an API that is killed in the middle loses no line, and who follows goes on following', async () => {
    const { id, followed } = await startCounting();
    process.kill(aegir.server.pid, 'SIGKILL');
    await aegir.server.exited;
    const before = counted();
    await expect.poll(counted, { timeout: 30_000 }).toBeGreaterThan(before + 20);
    aegir.server = await aegir.startServer();
    const after = counted();
    await expect.poll(counted, { timeout: 30_000 }).toBeGreaterThan(after);
    writeFileSync(stop, 'now');
    const { code, stdout, stderr } = await followed;
    expect(code, stderr).toBe(0);
    expectWhole(stdout);
    expectWhole(await aegir.log(id));
    expect((await view(id)).tasks.map(task => task.state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  }, 180_000);

  test('an Operation that is started while the engine is away stays queued and runs when it is back', async () => {
    writeFileSync(stop, 'now');
    engine.cut();
    try {
      await operator.must('run', 'count', 'site');
      const { id, state } = await operator.lastOperation('projects/site');
      expect(state).toBe('queued');
      engine.heal();
      const done = await aegir.waitFor(id);
      expect(done.state, done.message).toBe('succeeded');
    } finally {
      engine.heal();
    }
  }, 120_000);

  test('what is decided while the engine is away is done when it is back', async () => {
    await operator.cli('run', 'go', 'site');
    const { id } = await operator.lastOperation('projects/site');
    const parked = await aegir.waitUntilQuiet(id);
    expect(parked.state).toBe('needs_attention');
    writeFileSync(stop, 'now');
    engine.cut();
    try {
      await aegir.decide(parked, 'retry');
      expect((await view(id)).attentions.map(({ isDecided }) => isDecided)).toEqual([true]);
    } finally {
      engine.heal();
    }
    const done = await aegir.waitFor(id);
    expect(done.state, done.message).toBe('succeeded');
  }, 120_000);

  test('an Operation that is cancelled while the engine is away is cancelled when it is back', async () => {
    const { id, followed } = await startCounting();
    engine.cut();
    try {
      await operator.must('cancel', id);
    } finally {
      engine.heal();
    }
    const { code, stdout } = await followed;
    expect(code, stdout).toBe(130);
    expect((await view(id)).state).toBe('cancelled');
  }, 120_000);

  test('a run that is terminated in the console fails within seconds, ends its process, and says where to look', async () => {
    const { id, followed } = await startCounting();
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
    await new Client({ connection, namespace }).workflow.getHandle(id).terminate('by a test');
    await connection.close();
    const { code, stdout } = await followed;
    expect(code, stdout).toBe(1);
    const operation = await view(id);
    expectFailed(operation);
    expect(operation.message).toContain('terminated');
    expect(stdout).toContain(operation.message);
    // The process ends with the worker's next heartbeat: then the counter stands still.
    await expect.poll(() => processesOf(operation), { timeout: 30_000 }).toEqual([]);
    expect((await view(id)).tasks.map(task => task.state)).toEqual(['succeeded', 'failed', 'skipped']);
    writeFileSync(stop, 'now');
    await operator.must('run', 'count', 'site', '--follow');
  }, 120_000);

  test('a worker that cannot reach the engine for longer than that waits: one attempt at a time', async () => {
    const entries = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []);
    await operator.must('run', 'note', 'site');
    await expect.poll(() => entries().length, { timeout: 60_000 }).toBeGreaterThan(5);
    const { id } = await operator.lastOperation('projects/site');
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    try {
      engine.cut();
      const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
      const run = new Client({ connection, namespace }).workflow.getHandle(id);
      const attempt = async () => (await run.describe()).raw.pendingActivities?.[0]?.attempt ?? 0;
      await expect.poll(attempt, { timeout: 60_000 }).toBe(2);
    } finally {
      engine.heal();
      await connection.close();
    }
    const begins = () => entries().filter(line => line.startsWith('begin'));
    await expect.poll(() => begins().length, { timeout: 60_000 }).toBe(2);
    writeFileSync(stop, 'now');
    const done = await aegir.waitFor(id);
    expect(done.state, done.message).toBe('succeeded');
    expect(done.tasks[1]?.attempts.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
    // The first was ended before the second began, and wrote nothing any more.
    const second = begins()[1]?.replace('begin ', '');
    const after = entries().slice(entries().indexOf(`begin ${second}`));
    expect(after.every(line => line.endsWith(` ${second}`))).toBe(true);
    expect(entries().filter(line => line.startsWith('end'))).toEqual([`end ${second}`]);
  }, 180_000);

  test('what was recorded counts, also when the engine did not hear of it and the Task must not run again', async () => {
    await operator.must('run', 'count_once', 'site');
    await expect.poll(counted, { timeout: 60_000 }).toBeGreaterThan(5);
    const { id } = await operator.lastOperation('projects/site');
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    try {
      engine.cut();
      writeFileSync(stop, 'now');
      await expect.poll(async () => (await view(id)).tasks[1]?.state, { timeout: 30_000 }).toBe('succeeded');
      const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
      const run = new Client({ connection, namespace }).workflow.getHandle(id);
      const attempt = async () => (await run.describe()).raw.pendingActivities?.[0]?.attempt ?? 0;
      await expect.poll(attempt, { timeout: 60_000 }).toBe(2);
    } finally {
      engine.heal();
      await connection.close();
    }
    const done = await aegir.waitFor(id);
    expect(done.state, done.message).toBe('succeeded');
    expect(done.tasks[1]?.attempts.map(({ state }) => state)).toEqual(['succeeded']);
  }, 180_000);

  test('a Task that takes longer than its limit is ended and says so', async () => {
    const { code, stdout } = await operator.cli('run', 'overrun', 'site', '--follow');
    expect(code, stdout).toBe(1);
    const operation = await operator.lastEnded('projects/site');
    expectFailed(operation);
    expect(operation.message).toContain('longer than its time limit');
    await expect.poll(() => processesOf(operation), { timeout: 30_000 }).toEqual([]);
  }, 120_000);

  test('a Task that must not simply run again is not, when its worker is killed', async () => {
    const followed = operator.cli('run', 'count_once', 'site', '--follow');
    await expect.poll(counted, { timeout: 60_000 }).toBeGreaterThan(5);
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.worker.exited;
    aegir.worker = await aegir.startWorker();
    const { code, stdout } = await followed;
    expect(code, stdout).toBe(1);
    const operation = await operator.lastEnded('projects/site');
    expectFailed(operation);
    expect(operation.message).toContain('The worker went away in the middle of a step');
    expect(operation.tasks[1]?.attempts.map(attempt => attempt.state)).toEqual(['failed']);
    expect(processesOf(operation)).toEqual([]);
  }, 120_000);
});
