// Everything that waits for a person stands in one answer, and is gone from it when it is done.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Entity } from '../model/entities.ts';
import type { Need, NeedTopic } from '../model/need.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

vi.setConfig({ testTimeout: 180_000 });

const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;
let database: pg.Client;

const needs = () => aegir.send<{ items: Need[]; totals: Partial<Record<NeedTopic, number>> }>('GET', '/api/needs');
const of = async (topic: NeedTopic) => (await needs()).items.filter(item => item.topic === topic);
const broken = join(types.path, 'broken');

beforeAll(async () => {
  types.shellTask('shaky', `[ ! -e "${broken}" ]`);
  types.operation('shaky', 'project', '[{id: one, task: shaky}]');
  aegir = await startAegir({ types: types.path });
  project = await aegir.add('projects', {
    name: 'shop',
    repository: 'https://example.org/shop.git',
    application: 'static',
  });
  await aegir.add('clusters', { name: 'farm', kind: 'servers' });
  await aegir.add('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types.remove();
});

test('nothing needs anybody at first', async () => {
  expect(await needs()).toEqual({ items: [], totals: {} });
});

test('an Operation asks, then has failed, until somebody has seen it or it succeeds', async () => {
  writeFileSync(broken, '');
  const start = async () =>
    aegir.waitUntilQuiet(
      (await aegir.send<{ id: string }>('POST', `/api/projects/${project.id}/operations`, { type: 'shaky' })).id,
    );
  const asking = await start();
  expect(await of('attention')).toMatchObject([
    { subject: { kind: 'operation', id: asking.id }, next: { words: 'Answer', path: `/operations/${asking.id}` } },
  ]);
  await aegir.decide(asking, 'leave');
  await aegir.waitUntilQuiet(asking.id);
  expect(await of('attention')).toEqual([]);
  expect(await of('failure')).toMatchObject([{ seen: asking.id }]);
  await aegir.send('POST', `/api/operations/${asking.id}/seen`, {});
  expect(await of('failure')).toEqual([]);
  const again = await start();
  await aegir.decide(again, 'leave');
  await aegir.waitUntilQuiet(again.id);
  expect(await of('failure')).toHaveLength(1);
  rmSync(broken);
  await start();
  expect(await of('failure')).toEqual([]);
});

test('a Schedule that is paused, and one that was missed', async () => {
  const { id } = await aegir.add('schedules', {
    name: 'nightly',
    operation_type: 'shaky',
    cron: '0 3 * * *',
    paused: true,
    pause_note: 'until the move',
  });
  expect(await of('paused')).toMatchObject([{ words: 'until the move', subject: { kind: 'schedule', id } }]);
  await database.query(
    `insert into schedule_entries (id, schedule, subject_kind, subject_id, last_state, last_reason, last_due_at)
     values ('x', $1, 'project', 'elsewhere', 'missed', 'Every worker was away.', now())`,
    [id],
  );
  expect(await of('missed')).toMatchObject([{ words: 'Every worker was away.', next: { path: `/schedules/${id}` } }]);
  await aegir.send('DELETE', `/api/schedules/${id}`);
  expect(await of('paused')).toEqual([]);
});

test('production without a proven backup, certificates that end, a full disk, drift, a broken site', async () => {
  const values = { release: 'one', cluster: 'farm', kind: 'production' };
  const shop = await aegir.add('environments', { ...values, name: 'shop', primary_name: 'shop.example.org' });
  await aegir.add('environments', { ...values, name: 'dev', primary_name: 'dev.example.org', kind: 'development' });
  await database.query(`update environments set state = 'enabled'`);
  expect(await of('unproven')).toMatchObject([
    {
      subject: { id: shop.id },
      words: 'No backup of it was ever restored.',
      next: { words: 'Prove its newest backup' },
    },
  ]);
  const days = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();
  const certificates = (count: number) => ({
    'shop.example.org': { state: 'valid', expires: days(count) },
    'www.example.org': { state: 'valid', expires: days(80) },
  });
  const certify = (count: number) =>
    database.query(`update environments set https = 'acme', certificates = $1 where id = $2`, [
      JSON.stringify(certificates(count)),
      shop.id,
    ]);
  await certify(60);
  expect(await of('certificate')).toEqual([]);
  await certify(5);
  expect(await of('certificate')).toMatchObject([{ words: `shop.example.org: until ${days(5).slice(0, 10)}` }]);
  const disk = (free: number) =>
    database.query('update servers set facts = $1', [
      JSON.stringify({ disk: { free_bytes: free, total_bytes: 100e9 } }),
    ]);
  await disk(50e9);
  expect(await of('disk')).toEqual([]);
  await disk(5e9);
  expect(await of('disk')).toMatchObject([{ subject: { kind: 'server', name: 'web' } }]);
  await database.query(
    `insert into drift_checks (entity_kind, entity_id, organisation, open) select 'environment', id, organisation, 3 from environments where name = 'shop'`,
  );
  expect(await of('drift')).toMatchObject([{ words: '3 differences', subject: { name: 'shop' } }]);
  await database.query(`update environments set state = 'broken' where id = $1`, [shop.id]);
  expect(await of('broken')).toMatchObject([{ subject: { name: 'shop' } }]);
});

test('a receiver that gets nothing for an hour, or was given up, until something arrives', async () => {
  const { id } = await aegir.add('receivers', { name: 'ops', type: 'email', addresses: ['ada@example.org'] });
  await database.query(`update receivers set trouble = 'The server is away.'`);
  const deliver = (state: string, minutes: number, ended: boolean) =>
    database.query(
      `insert into deliveries (id, organisation, receiver, state, engine_at, first_tried_at, ended_at)
       select $2 || $3::int, organisation, id, $2, now(), now() - make_interval(mins => $3::int), case when $4::boolean then now() end
       from receivers where id = $1`,
      [id, state, minutes, ended],
    );
  await deliver('sending', 50, false);
  expect(await of('receiver')).toEqual([]);
  await deliver('sending', 70, false);
  expect(await of('receiver')).toMatchObject([
    { subject: { kind: 'receiver', id }, words: 'The server is away.', next: { path: `/receivers/${id}` } },
  ]);
  await database.query('delete from deliveries');
  await deliver('given_up', 1, true);
  expect(await of('receiver')).toHaveLength(1);
  await deliver('delivered', 1, true);
  expect(await of('receiver')).toEqual([]);
  await deliver('given_up', 2, true);
  expect(await of('receiver')).toHaveLength(1);
  await aegir.send('DELETE', `/api/receivers/${id}`);
  expect(await of('receiver')).toEqual([]);
});

test('a Rollout that stands still, and no worker at all', async () => {
  writeFileSync(broken, '');
  const { id } = await aegir.send<{ id: string }>('POST', '/api/rollouts', { values: { operation_type: 'shaky' } });
  await expect
    .poll(async () => (await of('rollout'))[0]?.next, { timeout: 60_000 })
    .toEqual({
      words: 'Resume or abort',
      path: `/rollouts/${id}`,
    });
  rmSync(broken);
  await aegir.worker.stop();
  await expect.poll(async () => (await of('worker')).length, { timeout: 30_000 }).toBe(1);
});
