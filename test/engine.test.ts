import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { EngineView, OperationView } from '../api/contract.ts';
import { connectEngine } from '../api/engine.ts';
import type { Entity } from '../model/entities.ts';
import type { Plan } from '../model/plan.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { createPayloadCodec } from '../secrets/payload-codec.ts';
import { type Aegir, startAegir } from './harness.ts';
import { openPayload } from './sealed.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;
let connection: Connection;
let client: Client;
let done: OperationView;
let failed: OperationView;

beforeAll(async () => {
  const options = 'word: {type: str, description: A word, required: true}';
  types.shellTask('say_word', 'cat >/dev/null; echo said', { options });
  types.shellTask('fail_word', 'cat; exit 3', { options });
  types.operation('say', 'project', '[{id: say, task: say_word}]');
  types.operation('fail', 'project', '[{id: fail, task: fail_word}]');
  aegir = await startAegir({ types: types.path });
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '' });
  done = await aegir.run('projects', project.id, 'say', { word: 'CONFIDENTIAL-WORD' });
  failed = await aegir.run('projects', project.id, 'fail', { word: 'CONFIDENTIAL-WORD' });
});

afterAll(async () => {
  await connection?.close();
  await aegir?.stop();
  types.remove();
});

describe('the engine’s own console', () => {
  test('is readable by itself: types are our types, runs are found by what they touch', async () => {
    const { status, type, typedSearchAttributes } = await client.workflow.getHandle(done.id).describe();
    expect([status.name, type]).toEqual(['COMPLETED', 'say']);
    const attributes = Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(attributes).toMatchObject({
      AegirType: 'say',
      AegirSubject: 'site',
      AegirProject: 'site',
      AegirActor: done.startedBy,
    });
    const history = await client.workflow.getHandle(done.id).fetchHistory();
    const activities = history.events?.flatMap(
      event => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    expect(activities).toEqual(['beginOperation', 'preflight', 'say_word', 'endOperation']);
  });

  test('shows no value in clear, nor what a failure says or where in our code it came from', async () => {
    expect(failed.message).toContain('CONFIDENTIAL-WORD');
    const histories = [done, failed].map(({ id }) => client.workflow.getHandle(id).fetchHistory());
    const json = JSON.stringify(await Promise.all(histories));
    for (const word of ['run-task', 'at ', 'TaskFailed:']) expect(json).not.toContain(word);
    // Bytes stand in it as base64.
    const bytes = json.match(/[A-Za-z0-9+/=]{12,}/g)?.map(text => Buffer.from(text, 'base64').toString('latin1')) ?? [];
    const everything = [json, ...bytes].join('\n');
    expect(everything.includes('CONFIDENTIAL-WORD')).toBe(false);
    expect(everything.includes('binary/aegir-sealed')).toBe(true);
  });

  test('opens sealed payloads for an engineer by the codec endpoint', async () => {
    const history = await client.workflow.getHandle(done.id).fetchHistory();
    const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    expect(await openPayload(aegir, payload)).toContain('CONFIDENTIAL-WORD');
    const events = (await client.workflow.getHandle(failed.id).fetchHistory()).events ?? [];
    const failure = events.flatMap(event => event.activityTaskFailedEventAttributes?.failure ?? [])[0];
    expect(failure?.message).toBe('Encoded failure');
    expect(await openPayload(aegir, failure?.encodedAttributes)).toContain('CONFIDENTIAL-WORD');
  });

  test('cannot be used to forge a run: an unsealed plan and a sealed one under another id do nothing', async () => {
    const start = (workflowId: string, args: unknown[]) =>
      client.workflow.start('say', { workflowId, taskQueue: 'aegir', args });
    const history = await client.workflow.getHandle(done.id).fetchHistory();
    const input = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input;
    await start('forged', [{ plan: { operationId: 'forged', steps: [] }, root: 'forged', outputs: {}, within: [] }]);
    await connection.workflowService.startWorkflowExecution({
      namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '',
      workflowId: 'replayed',
      workflowType: { name: 'say' },
      taskQueue: { name: 'aegir' },
      requestId: 'replayed',
      ...(input ? { input } : {}),
    });
    await expect
      .poll(async () => (await client.workflow.getHandle('replayed').describe()).status.name, { timeout: 20_000 })
      .toBe('FAILED');
    const forged = client.workflow.getHandle('forged');
    const refused = async () => {
      const events = (await forged.fetchHistory()).events ?? [];
      const failures = events.flatMap(event => event.workflowTaskFailedEventAttributes?.failure ?? []);
      return (await Promise.all(failures.map(failure => openPayload(aegir, failure.encodedAttributes)))).join();
    };
    await expect.poll(refused, { timeout: 20_000 }).toContain('did not seal');
    await forged.terminate('end of the test');
    const { body } = await aegir.call<{ items: OperationView[] }>('GET', '/api/operations');
    expect(body.items.map(operation => operation.id)).toEqual([failed.id, done.id]);
  });
});

test('the fold "Engine" tells the run’s history in words', async () => {
  const { body } = await aegir.call<EngineView>('GET', `/api/operations/${done.id}/engine`);
  const words = body.entries.map(entry => entry.text);
  expect(words[0]).toBe('The run say was started.');
  expect(words).toContain('say_word was handed out.');
  expect(words).toContain('say_word succeeded.');
  expect(words.at(-1)).toBe('The run ended.');
  expect(body.console).toContain(done.id);
});

test('the fold "Engine" says why a step and the run have failed, though the engine itself does not know', async () => {
  const { body } = await aegir.call<EngineView>('GET', `/api/operations/${failed.id}/engine`);
  const words = body.entries.map(entry => entry.text).filter(text => text.includes('failed'));
  expect(words).toHaveLength(2);
  for (const text of words) expect(text).toContain('CONFIDENTIAL-WORD');
});

test('a further attempt never takes the run of the one before, which is about to close, for its own', async () => {
  const keys = openKeyRing({ file: join(aegir.home, 'secret.key') }, () => undefined);
  const engine = await connectEngine({
    address: inject('temporalAddress'),
    namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '',
    // Nobody serves it: the run stays open.
    taskQueue: 'nobody',
    codec: createPayloadCodec(keys),
    publicUrl: aegir.url,
  });
  const subject = { kind: 'project', id: 'closing', name: 'site' };
  const plan = { operationId: 'closing', type: 'say', title: 'Say', subject, names: {}, startedBy: 'nobody' };
  const start = (attempt: number) => engine.start(plan as unknown as Plan, attempt);
  const first = await start(1);
  expect(await start(1)).toBe(first);
  await expect(start(2)).rejects.toThrow('not over in the engine');
  const second = start(2);
  await client.workflow.getHandle('closing').terminate('end of the test');
  expect(await second).not.toBe(first);
  expect(await start(2)).toBe(await second);
  await client.workflow.getHandle('closing').terminate('end of the test');
  await engine.close();
});

test('a cancel between two attempts ends the Operation, though the engine itself says so, in clear words', async () => {
  types.shellTask('reach_server', 'echo reached', { target: 'server' });
  types.operation('reach', 'server', '[{id: reach, task: reach_server}]');
  const make = async (plural: string, values: Record<string, unknown>) =>
    (await aegir.call<Entity>('POST', `/api/${plural}`, { values })).body;
  await make('clusters', { name: 'farm', kind: 'servers' });
  // Nobody listens there: it is tried again after some seconds.
  const at = { address: '127.0.0.1', port: 1, ssh_key: 'none' };
  const server = await make('servers', { name: 'nobody', cluster: 'farm', ...at });
  const path = `/api/servers/${server.id}/operations`;
  const { id } = (await aegir.call<OperationView>('POST', path, { type: 'reach' })).body;
  const load = async () => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
  await expect.poll(async () => (await load()).tasks[1]?.attempts[0]?.state, { timeout: 30_000 }).toBe('failed');
  await aegir.call('POST', `/api/operations/${id}/cancel?choice=leave`);
  await expect.poll(async () => (await load()).state, { timeout: 30_000 }).toBe('cancelled');
  expect((await load()).tasks.map(({ state }) => state)).toEqual(['succeeded', 'cancelled']);
});

test('an Operation that was terminated in the console ends as failed and says so', async () => {
  types.shellTask('wait_long', 'cat >/dev/null; echo waiting; sleep 600');
  types.operation('linger', 'project', '[{id: wait, task: wait_long}]');
  const { body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
    type: 'linger',
  });
  await expect.poll(() => aegir.log(body.id), { timeout: 20_000 }).toContain('waiting');
  await client.workflow.getHandle(body.id).terminate('by hand');
  const ended = await aegir.waitFor(body.id);
  expect(ended.state).toBe('failed');
  expect(ended.message).toContain('terminated');
  // The process hears of it by its next heartbeat and may have said so first.
  expect(['failed', 'cancelled']).toContain(ended.tasks[1]?.state);
});
