// Runs that last: their histories stay small, and they go on with whatever worker there is.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { RunningTemporal } from '../start/temporal.ts';
import { startTestTemporal } from './engines.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

/** Events after which the engine asks for a new run; it is 4,096 by itself. */
const manyEvents = 10;
const namespace = () => aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';

const types = makeTypeFolder();
const folder = mkdtempSync(join(tmpdir(), 'aegir-engine-'));
const go = join(types.path, 'go');
const broken = join(types.path, 'broken');
let temporal: RunningTemporal;
let aegir: Aegir;
let connection: Connection;
let client: Client;
let holder: string;
let waiting: string[];

const start = async (project: string, type: string) => {
  const { status, body } = await aegir.call<OperationView>('POST', `/api/projects/${project}/operations`, { type });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
};
const view = async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
const eventsOf = async (id: string, run?: string) =>
  (await client.workflow.getHandle(id, run).fetchHistory()).events ?? [];
const runsOf = async (id: string) =>
  (await Array.fromAsync(client.workflow.list({ query: `WorkflowId = '${id}'` }))).map(({ runId }) => runId);
const buildOf = async (id: string) =>
  (await eventsOf(id)).findLast(event => event.workflowTaskCompletedEventAttributes)
    ?.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId;

beforeAll(async () => {
  types.shellTask('hold_on', `until [ -e ${go} ]; do sleep 0.05; done`);
  types.shellTask('talk', 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i of many"; done');
  types.shellTask('maybe', `if [ -e ${broken} ]; then exit 7; fi`);
  types.operation('hold', 'project', '[{id: hold, task: hold_on}]', 'locks: {project: exclusive}\n');
  types.operation('talk_much', 'project', '[{id: talk, task: talk}]');
  types.operation('shaky', 'project', '[{id: try, task: maybe}]');
  temporal = await startTestTemporal(folder, {
    dynamicConfiguration: [`limit.historyCount.suggestContinueAsNew=${manyEvents}`],
  });
  const engines = { databaseUrl: inject('databaseUrl'), temporalAddress: temporal.address };
  aegir = await startAegir({ types: types.path, engines });
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection, namespace: namespace() });
  for (const name of ['site', 'other']) {
    const values = { name, repository: 'https://example.org/site.git', application: 'static' };
    await aegir.call<Entity>('POST', '/api/projects', { values });
  }
  // Waits while the other tests are at work: claims are repeated every 30 s.
  holder = await start('site', 'hold');
  await vi.waitFor(async () => expect((await view(holder)).state).toBe('running'), { timeout: 60_000, interval: 100 });
  waiting = await Promise.all(Array.from({ length: 12 }, () => start('site', 'hold')));
});

afterAll(async () => {
  await connection?.close();
  await aegir?.stop();
  await temporal?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('what a Task prints is not in the history', async () => {
  const id = await start('other', 'talk_much');
  expect((await aegir.waitFor(id)).state).toBe('succeeded');
  const { raw } = await client.workflow.getHandle(id).describe();
  expect(Number(raw.workflowExecutionInfo?.historySizeBytes)).toBeLessThan(50_000);
  expect((await aegir.log(id)).length).toBeGreaterThan(50_000);
});

test('a parked Operation goes on with another worker than the one that parked it', async () => {
  writeFileSync(broken, '');
  const parked = await aegir.waitUntilQuiet(await start('other', 'shaky'));
  rmSync(broken);
  await aegir.worker.stop();
  await aegir.decide(parked, 'retry');
  aegir.worker = await aegir.startWorker();
  expect((await aegir.waitUntilQuiet(parked.id)).state).toBe('succeeded');
});

test('a lock and those that wait for it go on as new runs, and nobody’s claim, place or cancel is lost', async () => {
  const { id } = (await aegir.call<Entity>('GET', '/api/projects/site')).body;
  const [cancelled = '', ...patient] = waiting;
  for (const each of [`lock-project-${id}`, cancelled, ...patient.slice(-1)])
    await expect.poll(async () => (await runsOf(each)).length, { timeout: 60_000 }).toBeGreaterThan(1);
  await aegir.call('POST', `/api/operations/${cancelled}/cancel`);
  expect((await aegir.waitUntilQuiet(cancelled)).state).toBe('cancelled');
  const places = async () =>
    (await Promise.all(patient.map(view))).flatMap(({ claims }) => claims.map(({ position }) => position));
  await expect
    .poll(async () => (await places()).sort((one, other) => one - other), { timeout: 30_000 })
    .toEqual(patient.map((_, index) => index + 1));
  writeFileSync(go, '');
  const ended = await Promise.all([holder, ...patient].map(each => aegir.waitUntilQuiet(each)));
  expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'));
  const histories = await Promise.all(
    (await runsOf(`lock-project-${id}`)).map(run => eventsOf(`lock-project-${id}`, run)),
  );
  // What one recorded change needs, with its answers and the signals that come meanwhile, is on top.
  for (const events of histories) expect(events.length).toBeLessThan(manyEvents + 60);
}, 180_000);

test('with versions switched on a run stays with the worker that began it, and a lock goes to the newer one', async () => {
  const makeCurrent = (buildId: string) =>
    connection.workflowService.setWorkerDeploymentCurrentVersion({
      namespace: namespace(),
      deploymentName: 'aegir',
      buildId,
    });
  const becomesCurrent = (buildId: string) =>
    expect.poll(() => makeCurrent(buildId).then(() => '', String), { timeout: 30_000 }).toBe('');
  await aegir.worker.stop();
  rmSync(go, { force: true });
  const first = await aegir.startWorker({ AEGIR_WORKER_VERSION: 'one' });
  await becomesCurrent('one');
  writeFileSync(broken, '');
  const parked = await aegir.waitUntilQuiet(await start('other', 'shaky'));
  rmSync(broken);
  const held = await start('site', 'hold');
  await expect.poll(async () => (await view(held)).state, { timeout: 30_000 }).toBe('running');
  const second = await aegir.startWorker({ AEGIR_WORKER_VERSION: 'two' });
  await becomesCurrent('two');
  const later = await aegir.waitFor(await start('other', 'talk_much'));
  const waits = await start('site', 'hold');
  await expect.poll(async () => (await view(waits)).claims.length, { timeout: 30_000 }).toBe(1);
  await aegir.decide(parked, 'retry');
  const done = await aegir.waitUntilQuiet(parked.id);
  writeFileSync(go, '');
  const ended = [done, later, ...(await Promise.all([held, waits].map(id => aegir.waitUntilQuiet(id))))];
  expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'));
  expect(await Promise.all(ended.map(({ id }) => buildOf(id)))).toEqual(['one', 'two', 'one', 'two']);
  const { id } = (await aegir.call<Entity>('GET', '/api/projects/site')).body;
  // Its newest run may just have begun.
  await expect.poll(() => buildOf(`lock-project-${id}`), { timeout: 30_000 }).toBe('two');
  await first.stop();
  await second.stop();
}, 180_000);
