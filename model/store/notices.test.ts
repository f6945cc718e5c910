// Which changes of rows people are told of, and when that is over.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import type { CronRun } from '../cron-run.ts';
import type { EntityKind } from '../entities.ts';
import type { Plan, RunnableStep } from '../plan.ts';
import type { Actor } from './audit.ts';
import { listCron, recordCron } from './cron-runs.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { createEntity } from './entities.ts';
import { raiseExpiring } from './expiring-certificates.ts';
import { endCheck } from './found-differences.ts';
import { endNotices, noticeKey, raiseNotice } from './notices.ts';
import { ensureFirstAdministrator } from './people.ts';
import { raiseUnproven } from './proofs.ts';
import { changeRollout, findRollout } from './rollouts.ts';
import { noteRun, removeEntry, type ScheduleEntry } from './schedules.ts';
import { judgeBackup } from './verdicts.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let actor: Actor;
const ids: Record<string, string> = {};

async function make(kind: EntityKind, values: Record<string, unknown>): Promise<string> {
  return (await createEntity(open.db, actor, kind, { values, custom: {} })).id;
}

const told = async () =>
  (
    await open.pool.query(
      `select event, subject_name, message, path, environment_kind, project, over_at is null and event <> 'recovered' as lasts from notices order by at`,
    )
  ).rows as Record<string, unknown>[];

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await migrateDatabase(open);
  await ensureFirstAdministrator(open.db);
  const { rows } = await open.pool.query('select id from organisations');
  actor = { name: 'ada', organisation: rows[0].id };
  const store = await make('backup_store', {
    name: 'store',
    type: 'directory',
    folder: '/s',
    password: await secret(),
  });
  const cluster = await make('cluster', { name: 'farm', kind: 'servers' });
  const server = await make('server', { name: 'web', cluster, connection: 'local' });
  ids.server = server;
  ids.project = await make('project', { name: 'shop', repository: 'https://example.org/x.git', application: 'static' });
  const release = await make('release', { name: 'v1', project: ids.project, git_ref: 'main' });
  const place = { cluster, web_server: server, primary_name: 'shop.example.org', kind: 'production', https: 'acme' };
  ids.environment = await make('environment', { name: 'shop', release, ...place });
  ids.backup = 'B1';
  await open.pool.query(
    `insert into backups (id, organisation, name, state, environment, release, backup_store, snapshot) values ('B1', $1, 'shop-1', 'unproven', $2, $3, $4, 'x')`,
    [actor.organisation, ids.environment, release, store],
  );
});

async function secret(): Promise<{ $secret: string }> {
  await open.pool.query(`insert into secrets (id, organisation, sealed) values ('S', $1, 'sealed')`, [
    actor.organisation,
  ]);
  return { $secret: 'S' };
}

beforeEach(() => open.pool.query('delete from notices'));

afterAll(async () => {
  await open?.close();
  await database?.drop();
});

test('what is rolled back is never told', async () => {
  const subject = { kind: 'project' as const, id: ids.project ?? '', name: 'shop' };
  const { organisation } = actor;
  const raised = open.db.transaction(async tx => {
    await raiseNotice(tx, { organisation, event: 'drift_found', subject, message: 'Three differences.' });
    throw new Error('It did not happen.');
  });
  await expect(raised).rejects.toThrow('did not happen');
  expect(await told()).toEqual([]);
  await open.db.transaction(tx => raiseNotice(tx, { organisation, event: 'drift_found', subject, message: 'One.' }));
  const key = noticeKey('drift_found', subject);
  await open.db.transaction(tx => endNotices(tx, { organisation, key, recovered: 'It is as it should be.' }));
  await open.db.transaction(tx => endNotices(tx, { organisation, key, recovered: 'Again.' }));
  expect((await told()).map(({ event, message, lasts, project }) => [event, message, lasts, project])).toEqual([
    ['drift_found', 'One.', false, ids.project],
    ['recovered', 'It is as it should be.', false, ids.project],
  ]);
});

test('a time that was missed or refused, the same words once, until it has started again', async () => {
  await open.pool.query(
    `insert into schedules (id, name, organisation, operation_type, every, catch_up_minutes) values ('SCH', 'nightly', $1, 'back_up_environment', '1d', 120)`,
    [actor.organisation],
  );
  const { rows } = await open.pool.query(
    `insert into schedule_entries (id, schedule, subject_kind, subject_id) values ('ENT', 'SCH', 'environment', $1) returning *`,
    [ids.environment],
  );
  expect(rows).toHaveLength(1);
  const entry = { id: 'ENT', schedule: 'SCH', subjectKind: 'environment', subjectId: ids.environment } as ScheduleEntry;
  const note = (state: 'missed' | 'started' | 'skipped' | 'refused', hour: number, reason = 'Nobody was there.') =>
    noteRun(open.db, entry, {
      ...{ organisation: actor.organisation, subjectName: 'shop', state, reason, operation: null },
      ...{ dueAt: new Date(Date.UTC(2026, 0, 1, hour)), nextAt: null },
    });
  await note('started', 1);
  await note('missed', 2);
  await note('missed', 2);
  await note('skipped', 3);
  expect(await told()).toEqual([
    {
      ...{ event: 'schedule_missed', subject_name: 'shop', message: 'Nobody was there.', path: 'schedules/SCH' },
      ...{ environment_kind: 'production', project: ids.project, lasts: true },
    },
  ]);
  await note('started', 4);
  expect((await told()).map(({ event, lasts }) => [event, lasts])).toEqual([
    ['schedule_missed', false],
    ['recovered', false],
  ]);
  await open.pool.query('delete from notices');
  for (const hour of [5, 6, 7]) await note('refused', hour, 'The field “release” is required.');
  await note('refused', 8, 'The role is missing.');
  const words = async () => (await told()).map(({ event, message, lasts }) => [event, message, lasts]);
  const refused = (lasts: boolean) => [
    ['schedule_missed', 'The field “release” is required.', lasts],
    ['schedule_missed', 'The role is missing.', lasts],
  ];
  expect(await words()).toEqual(refused(true));
  await removeEntry(open.db, 'ENT');
  expect(await words()).toEqual(refused(true));
  // It fits the Schedule no more: that is no recovery.
  await open.pool.query('update schedule_entries set leaving = true');
  await removeEntry(open.db, 'ENT');
  expect(await words()).toEqual(refused(false));
});

test('a Rollout that stops by itself, until somebody decides', async () => {
  await open.pool.query(
    `insert into rollouts (id, organisation, operation_type, title, subject_kind, input, selection, settings, waves, started_by, role)
     values ('ROL', $1, 'update_environment', 'Update', 'environment', '{}', '{}', '{}', 3, 'ada', 'operator')`,
    [actor.organisation],
  );
  const change = async (state: 'paused' | 'running' | 'waiting', byItself: boolean) =>
    changeRollout(open.db, actor, await findRollout(open.db, 'ROL'), {
      ...{ verb: 'x', from: ['running', 'paused', 'waiting'], byItself },
      change: { state, message: `It is ${state}.` },
    });
  await change('paused', false);
  expect(await told()).toEqual([]);
  await change('paused', true);
  expect(await told()).toMatchObject([{ event: 'rollout_paused', path: 'rollouts/ROL', lasts: true, project: null }]);
  await change('running', false);
  await change('waiting', true);
  expect((await told()).map(({ event, message, lasts }) => [event, message, lasts])).toEqual([
    ['rollout_paused', 'It is paused.', false],
    ['approval_wanted', 'It is waiting.', true],
  ]);
  const list = (id: string, position: number) =>
    open.pool.query(
      `insert into rollout_items (id, rollout, position, wave, subject_id, subject_name) values ($1, 'ROL', $2, 1, $1, 'x')`,
      [id, position],
    );
  const project = async () => {
    await change('paused', true);
    return (await told()).at(-1)?.project;
  };
  await list(ids.environment ?? '', 1);
  await list(ids.project ?? '', 2);
  expect(await project()).toBe(ids.project);
  await list('a Server', 3);
  expect(await project()).toBeNull();
});

test('a drill that fails, and a proof that is too old, until another backup is proven', async () => {
  const step = { roots: { backup: ids.backup }, taskType: 'judge', server: null } as unknown as RunnableStep;
  const judge = (verdict: Parameters<typeof judgeBackup>[3]) =>
    open.db.transaction(tx => judgeBackup(tx, actor, step, verdict));
  await judge({ state: 'failed', because: 'Two rows are missing.' });
  expect(await told()).toMatchObject([
    { event: 'drill_failed', subject_name: 'shop-1', message: 'Two rows are missing.', environment_kind: 'production' },
  ]);
  await judge({ state: 'proven' });
  expect((await told()).map(({ event, lasts }) => [event, lasts])).toEqual([
    ['drill_failed', false],
    ['recovered', false],
  ]);
  await open.pool.query('delete from notices');
  await open.pool.query(`update environments set state = 'enabled'`);
  const inDays = (days: number) => new Date(Date.now() + days * 24 * 3_600_000);
  await raiseUnproven(open.db, inDays(30));
  expect(await told()).toEqual([]);
  await raiseUnproven(open.db, inDays(32));
  await raiseUnproven(open.db, inDays(32));
  expect((await told()).map(({ event }) => event)).toEqual(['backup_unproven']);
  await judge({ state: 'proven' });
  expect((await told()).map(({ event, lasts }) => [event, lasts])).toEqual([
    ['backup_unproven', false],
    ['recovered', false],
  ]);
});

test('production whose backups nobody has ever restored, after a month, as long as it is production', async () => {
  await open.pool.query(`update backups set state = 'unproven'`);
  const kind = (name: string) => open.pool.query(`update environments set state = 'enabled', kind = $1`, [name]);
  const after = async (days: number) => {
    await raiseUnproven(open.db, new Date(Date.now() + days * 24 * 3_600_000));
    return (await told()).map(({ event, message, lasts }) => [event, message, lasts]);
  };
  const never = 'No backup of it was ever restored. Run “Prove the newest backup” and look at what it says.';
  await kind('staging');
  expect(await after(32)).toEqual([]);
  await kind('production');
  expect(await after(30)).toEqual([]);
  expect(await after(32)).toEqual([['backup_unproven', never, true]]);
  await kind('staging');
  expect(await after(32)).toEqual([['backup_unproven', never, false]]);
  await kind('production');
});

test('drift, once for each look that finds another number, until nothing is left', async () => {
  const subject = { kind: 'environment' as const, id: ids.environment ?? '', name: 'shop' };
  const { organisation } = actor;
  const look = async (steps: string[]) => {
    await open.pool.query('delete from differences');
    for (const step of steps)
      await open.pool.query(
        `insert into differences (id, organisation, entity_kind, entity_id, step, task_type, title, task, resource, text, left_out, content, operation)
         values ($1, $2, 'environment', $3, $1, 'write_vhost', 'Vhost', 't', 'r', '-a +b', 0, 'x', 'O')`,
        [step, organisation, subject.id],
      );
    const plan = { check: { notCompared: [] }, subject, organisation, operationId: 'O' } as unknown as Plan;
    await open.db.transaction(tx => endCheck(tx, plan));
    return (await told()).map(({ event, message, lasts }) => `${event} ${String(message).slice(0, 14)} ${lasts}`);
  };
  expect(await look(['one', 'two', 'three'])).toEqual(['drift_found 3 differences  true']);
  expect(await look(['one', 'two', 'three'])).toHaveLength(1);
  expect(await look(['one'])).toHaveLength(2);
  expect(await look([])).toEqual([
    'drift_found 3 differences  false',
    'drift_found One difference false',
    'recovered Nothing differ false',
  ]);
});

test('cron that failed three times in a row, once, until it goes well', async () => {
  const id = ids.environment ?? '';
  const run = async (state: CronRun['state'], server = ids.server) => {
    const cronRuns = [
      { environment: id, at: 1_795_000_000, seconds: 1, state, words: state === 'ok' ? '' : 'No moon.' },
    ];
    const step = {
      roots: { server },
      outputs: [{ name: 'runs', type: 'list', reports: 'cron' }],
    } as unknown as RunnableStep;
    const end = { state: 'succeeded', message: '', outputs: {}, startedAt: new Date() } as const;
    await open.db.transaction(tx => recordCron(tx, actor, step, { ...end, cronRuns }));
    return (await told()).map(({ event, message, lasts }) => `${event} ${message} ${lasts}`);
  };
  expect([await run('failed'), await run('timed_out'), await run('skipped')]).toEqual([[], [], []]);
  expect(await run('failed')).toEqual(['cron_failing 3 times in a row: No moon. true']);
  expect(await run('failed')).toHaveLength(1);
  expect(await run('ok')).toEqual([
    'cron_failing 3 times in a row: No moon. false',
    'recovered Cron goes well again. false',
  ]);
  expect([(await run('failed')).length, (await run('ok')).length]).toEqual([2, 2]);
  // A Server says nothing of the sites of others.
  expect(await run('failed', 'another')).toHaveLength(2);
  expect((await listCron(open.db, [id])).get(id)).toMatchObject({ state: 'ok', failures: 0 });
});

test('a certificate that ends, until it is renewed', async () => {
  const now = new Date('2026-06-01T00:00:00Z');
  const set = (expires: string) =>
    open.pool.query(`update environments set state = 'enabled', certificates = $1`, [
      JSON.stringify({ 'shop.example.org': { state: 'valid', expires }, 'www.example.org': { state: 'failed' } }),
    ]);
  await set('2026-06-16T00:00:00Z');
  await raiseExpiring(open.db, now);
  expect(await told()).toEqual([]);
  await set('2026-06-14T00:00:00Z');
  await raiseExpiring(open.db, now);
  await raiseExpiring(open.db, now);
  expect((await told()).map(({ event, message }) => [event, message])).toEqual([
    ['certificate_expiring', 'shop.example.org until 2026-06-14. Run “Get certificates” and look at what it says.'],
  ]);
  await set('2026-08-14T00:00:00Z');
  await raiseExpiring(open.db, now);
  expect((await told()).map(({ event, message }) => [event, message]).at(-1)).toEqual([
    'recovered',
    'Its certificates are good again.',
  ]);
});
