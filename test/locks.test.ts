// Who may work on what at the same time: the queue of a lock, seen by those who wait in it.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { ClaimView, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { isOver } from '../model/run.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const journal = join(types.path, 'journal');
const go = join(types.path, 'go');
let aegir: Aegir;
let connection: Connection;
let client: Client;

/** Notes its begin and its end; waits in between until the file is there. */
const workScript = `read -r json
name=$(echo "$json" | sed -n 's/.*"name": *"\\([^"]*\\)".*/\\1/p')
echo "begin $name" >> ${journal}
until [ -e ${go} ]; do sleep 0.05; done
echo "end $name" >> ${journal}`;

const entries = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []);
const view = async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
const make = async (plural: string, values: Record<string, unknown>) => {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
};
const start = async (plural: string, name: string, type: string, more: Record<string, unknown> = {}) => {
  const { status, body } = await aegir.call<OperationView>(
    'POST',
    `/api/${plural}/${encodeURIComponent(name)}/operations`,
    {
      type,
      ...more,
    },
  );
  expect(status, JSON.stringify(body)).toBe(201);
  started.push(body.id);
  return body.id;
};
let started: string[] = [];
/** A second is enough alone, not on loaded cores. */
const patience = { timeout: 60_000 };
const begun = async (count: number) =>
  expect.poll(() => entries().filter(line => line.startsWith('begin')).length, patience).toBe(count);
const waitingOf = async (id: string) => (await view(id)).claims.find(({ position }) => position > 0);
const place = (id: string) => expect.poll(async () => (await waitingOf(id))?.position ?? 0, patience);
const claimsOn = async (kind: string, id: string) =>
  (await aegir.call<ClaimView[]>('GET', `/api/locks?kind=${kind}&id=${id}`)).body;
const endAll = async () => {
  writeFileSync(go, '');
  return Promise.all(started.map(id => aegir.waitUntilQuiet(id)));
};

beforeAll(async () => {
  const name = 'name: {type: str, description: Whose}';
  types.shellTask('work_on', workScript, {
    options: name,
    meta: 'arguments:\n  name: {from: [release.name, project.name]}\n',
  });
  types.shellTask('make_thing', 'echo made', { meta: 'undo: take_back\n' });
  types.shellTask('take_back', 'echo taken back');
  types.shellTask('fail_always', 'exit 1');
  types.operation(
    'half',
    'project',
    '[{id: done, task: make_thing}, {id: bad, task: fail_always}]',
    'locks: {project: exclusive}\n',
  );
  types.operation('work', 'project', '[{id: work, task: work_on}]', 'locks: {project: exclusive}\n');
  types.operation('look', 'project', '[{id: work, task: work_on}]', 'locks: {project: shared}\n');
  types.operation(
    'work_release',
    'release',
    '[{id: work, task: work_on}]',
    'locks: {release: exclusive, project: shared}\n',
  );
  types.operation(
    'cross',
    'release',
    '[{id: work, task: work_on}]',
    'locks: {release: exclusive, project: exclusive}\n',
  );
  types.operation(
    'cross_back',
    'project',
    '[{id: work, task: work_on}]',
    'fields: {release: {type: reference, to: release, required: true, description: Which}}\nlocks: {project: exclusive, release: exclusive}\n',
  );
  types.operation('outer', 'project', '[{id: inner, operation: work}]', 'locks: {project: shared}\n');
  aegir = await startAegir({ types: types.path, environment: { AEGIR_CONCURRENT_TASKS: '12' } });
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '' });
  for (const project of ['site', 'other']) {
    const values = { name: project, repository: 'https://example.org/site.git', application: 'static' };
    await make('projects', values);
  }
  for (let number = 1; number <= 10; number += 1)
    await make('releases', { name: `v${number}`, project: 'site', git_ref: 'main' });
});

beforeEach(() => {
  started = [];
  rmSync(journal, { force: true });
  rmSync(go, { force: true });
});

afterEach(async () => {
  await endAll();
});

afterAll(async () => {
  await connection?.close();
  await aegir?.stop();
  types.remove();
});

describe('two Operations on one entity', () => {
  test('run one after the other, in the order in which they came; the one that waits says behind whom', async () => {
    const first = await start('projects', 'site', 'work');
    await begun(1);
    const second = await start('projects', 'site', 'work');
    await place(second).toBe(1);
    const third = await start('projects', 'site', 'work');
    await place(third).toBe(2);
    const waiting = await waitingOf(third);
    expect(waiting?.behind.map(({ operation }) => operation)).toEqual([first, second]);
    expect(waiting).toMatchObject({ kind: 'project', mode: 'exclusive', title: 'work site' });
    expect((await view(second)).state).toBe('queued');
    expect((await endAll()).map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(entries()).toEqual(Array(3).fill(['begin site', 'end site']).flat());
    await expect.poll(() => claimsOn('project', 'site'), patience).toEqual([]);
  });

  test('wait in a queue from which one goes at once when it is cancelled', async () => {
    await start('projects', 'site', 'work');
    await begun(1);
    const second = await start('projects', 'site', 'work');
    const third = await start('projects', 'site', 'work');
    await place(third).toBe(2);
    await aegir.call('POST', `/api/operations/${second}/cancel`);
    const cancelled = await aegir.waitUntilQuiet(second);
    expect([cancelled.state, cancelled.tasks.map(({ attempts }) => attempts.length)]).toEqual(['cancelled', [0, 0]]);
    await place(third).toBe(1);
  });

  test('ask nothing when they are cancelled before they have it, also in a further attempt', async () => {
    const failed = await aegir.waitFor(await start('projects', 'site', 'half'));
    await start('projects', 'site', 'work');
    await begun(1);
    expect((await aegir.call('POST', `/api/operations/${failed.id}/resume`, {})).status).toBe(202);
    await place(failed.id).toBe(1);
    await aegir.call('POST', `/api/operations/${failed.id}/cancel`);
    const cancelled = await aegir.waitUntilQuiet(failed.id);
    expect([cancelled.state, cancelled.attentions]).toEqual(['cancelled', []]);
    expect(cancelled.tasks.find(({ step }) => step === 'done')?.state).toBe('succeeded');
  });

  test('share it where both only need it as it is; who wants it alone is not overtaken', async () => {
    await start('projects', 'site', 'look');
    await start('projects', 'site', 'look');
    await begun(2);
    const alone = await start('projects', 'site', 'work');
    await place(alone).toBe(1);
    const late = await start('projects', 'site', 'look');
    await place(late).toBe(2);
    const urgent = await start('projects', 'site', 'look', { priority: 5 });
    await begun(3);
    expect((await view(urgent)).state).toBe('running');
  });
});

test('different entities are worked on side by side', async () => {
  for (let number = 1; number <= 10; number += 1) await start('releases', `site/v${number}`, 'work_release');
  await start('projects', 'other', 'work');
  await begun(11);
  expect(entries().filter(line => line.startsWith('end'))).toEqual([]);
});

test('two that want the same two locks never wait for each other', async () => {
  for (let round = 0; round < 3; round += 1) {
    await start('releases', 'site/v1', 'cross');
    await start('projects', 'site', 'cross_back', { input: { release: 'site/v1' } });
  }
  const ended = await endAll();
  expect(ended.map(({ state }) => state)).toEqual(Array(6).fill('succeeded'));
  expect(entries().map(line => line.split(' ')[0])).toEqual(Array(6).fill(['begin', 'end']).flat());
});

test('a nested Operation lives under the locks of the outer one, which takes the stronger of both', async () => {
  const id = await start('projects', 'site', 'outer');
  await begun(1);
  expect((await view(id)).claims.map(({ mode, position }) => [mode, position])).toEqual([['exclusive', 0]]);
});

describe('a lock is free again', () => {
  test('when its holder was terminated in the engine’s console', async () => {
    const first = await start('projects', 'site', 'work');
    await begun(1);
    const second = await start('projects', 'site', 'work');
    await place(second).toBe(1);
    await client.workflow.getHandle(first).terminate('by hand');
    await begun(2);
    await expect.poll(async () => isOver((await view(first)).state), { timeout: 30_000 }).toBe(true);
  });

  test('when its own workflow was terminated, which loses nobody’s place', async () => {
    const first = await start('projects', 'site', 'work');
    await begun(1);
    const second = await start('projects', 'site', 'work');
    await place(second).toBe(1);
    const { id } = (await aegir.call<Entity>('GET', '/api/projects/site')).body;
    await client.workflow.getHandle(`lock-project-${id}`).terminate('by hand');
    const third = await start('projects', 'site', 'work');
    await place(third).toBe(2);
    expect((await view(first)).state).toBe('running');
    expect((await view(second)).state).toBe('queued');
  });

  test('when an administrator takes it away', async () => {
    const first = await start('projects', 'site', 'work');
    await begun(1);
    const second = await start('projects', 'site', 'work');
    await place(second).toBe(1);
    const { id } = (await aegir.call<Entity>('GET', '/api/projects/site')).body;
    expect((await aegir.call('DELETE', `/api/locks/project/${id}/${first}`)).status).toBe(204);
    await begun(2);
    expect((await aegir.call('DELETE', `/api/locks/project/${id}/${first}`)).status).toBe(404);
  });
});
