// What a Schedule may be, what keeps it from starting, and what is said beforehand.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { OperationView, ProblemJson } from '../api/contract.ts';
import type { RunNowView, SchedulePreview } from '../api/contract-schedules.ts';
import type { Entity } from '../model/entities.ts';
import type { Aegir } from './harness.ts';
import { tokenOf } from './people.ts';
import { type ScheduleStage, startScheduleStage, wait } from './schedule-stage.ts';

vi.setConfig({ testTimeout: 240_000 });

let stage: ScheduleStage;
let aegir: Aegir;

beforeAll(async () => {
  stage = await startScheduleStage();
  aegir = stage.aegir;
});

afterAll(() => stage?.stop());

describe('times in which nothing starts', () => {
  test('a Blackout of a Project, one of everything, and a pause leave runs out and say why', async () => {
    const values = { operation_type: 'note', every: '5s', input: { file: 'black' }, where: ['default_ref=main'] };
    const schedule = await stage.addSchedule({ name: 'shaded', ...values });
    const freeze = await stage.send<Entity>('POST', '/api/blackouts', {
      values: { name: 'freeze', note: 'no changes before the fair', project: 'alpha' },
    });
    await vi.waitFor(async () => {
      const runs = await stage.runsOf(schedule);
      const of = (name: string, state: string) => runs.filter(run => run.subject.name === name && run.state === state);
      expect(of('alpha', 'skipped')[0]?.reason).toBe('It lies in the Blackout freeze (no changes before the fair).');
      expect(of('beta', 'started').length).toBeGreaterThan(0);
    }, wait);
    const all = await stage.send<Entity>('POST', '/api/blackouts', {
      values: { name: 'all', note: 'move of the data centre', ends: '2099-01-01T00:00Z' },
    });
    await vi.waitFor(async () => {
      const [newest] = (await stage.runsOf(schedule)).filter(({ subject }) => subject.name === 'beta');
      expect(newest?.reason).toContain('move of the data centre');
    }, wait);
    for (const { id } of [freeze, all]) await aegir.call('DELETE', `/api/blackouts/${id}`);
    await stage.remove(schedule);
  });

  test('a Blackout that repeats is shown in the next times, and mistakes in one are all said', async () => {
    const working = { name: 'working-hours', note: 'people work', cron: '0 0 * * *', lasts_minutes: 1439 };
    const { id } = await stage.send<Entity>('POST', '/api/blackouts', { values: working });
    const { times } = await stage.send<SchedulePreview>(
      'POST',
      '/api/schedules/preview',
      { values: { operation_type: 'note', cron: '30,59 23 * * *', project: 'alpha', input: { file: 'x' } } },
      200,
    );
    expect(times).toHaveLength(5);
    for (const { at, skipped } of times) expect(skipped === null, at).toBe(at.includes('T23:59'));
    await aegir.call('DELETE', `/api/blackouts/${id}`);
    const values = {
      name: 'bad',
      note: 'x',
      cron: '0 25 * * *',
      lasts_minutes: 0,
      begins: 'soon',
      ends: '2020-01-01T00:00Z',
    };
    const { status, body } = await aegir.call<ProblemJson>('POST', '/api/blackouts', { values });
    expect([status, body.problems.map(({ path }) => path)]).toEqual([422, ['values.begins']]);
    const second = await aegir.call<ProblemJson>('POST', '/api/blackouts', {
      values: { ...values, begins: '2021-01-01T00:00Z' },
    });
    expect(second.body.problems.map(({ path }) => path).sort()).toEqual([
      'values.cron',
      'values.ends',
      'values.lasts_minutes',
    ]);
  });
});

test('a preview says when, on what, and what is wrong with it', async () => {
  const preview = (values: Record<string, unknown>) =>
    stage.send<SchedulePreview>('POST', '/api/schedules/preview', { values }, 200);
  const good = await preview({
    operation_type: 'note',
    cron: 'H H(1-5) * * *',
    input: { file: 'x' },
    time_zone: 'Europe/Berlin',
  });
  expect(good).toMatchObject({ problems: [], count: 3 });
  expect(good.times).toHaveLength(5);
  expect(good.subjects.map(({ name }) => name)).toEqual(['alpha', 'beta', 'gamma']);
  expect(new Set(good.subjects.map(({ expression }) => expression)).size).toBeGreaterThan(1);
  expect(good.policy).toBe(
    'A run is left out while the one before on the same subject still goes on, or waits for somebody. What could not be started in time is made up for within 2 hours, else it is missed.',
  );
  expect(good.groups.flatMap(({ fields }) => fields.map(({ name }) => name))).toEqual(['file']);
  const bad = await preview({
    operation_type: 'note',
    cron: '99 * * * *',
    time_zone: 'Mars/Olympus',
    environment_kind: 'production',
    where: ['nothing=1', 'nonsense'],
    project: 'delta',
  });
  expect(bad.problems.map(({ path }) => path).sort()).toEqual([
    'cron',
    'environment_kind',
    'project',
    'time_zone',
    'where.0',
    'where.1',
  ]);
});

test('what cannot be is refused with all that is wrong', async () => {
  const refused = async (values: Record<string, unknown>) =>
    (await aegir.call<ProblemJson>('POST', '/api/schedules', { values: { name: 'wrong', ...values } })).body.problems;
  expect(await refused({ operation_type: 'note', every: '1s', cron: '* * * * *', project: 'alpha' })).toEqual([
    { path: 'values.every', message: expect.stringContaining('not both') as string },
    { path: 'values.input.file', message: expect.any(String) as string },
  ]);
  const [dangerous] = await refused({ operation_type: 'destroy', every: '1h' });
  expect(dangerous?.path).toBe('values.operation_type');
});

test('nobody saves one that does more than they may themselves', async () => {
  const token = await tokenOf(aegir, 'operator');
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  try {
    const save = (operation_type: string) =>
      aegir.call<ProblemJson>(
        'POST',
        '/api/schedules',
        { values: { name: operation_type, operation_type, every: '1d', project: 'alpha', input: { file: 'x' } } },
        { token },
      );
    const refused = await save('secretly');
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('administrator') as string]);
    expect((await save('note')).status).toBe(201);
    const { body } = await aegir.call<Entity>('GET', '/api/schedules/note');
    expect(body.values.role).toBe('operator');
    // It may not become more by an edit of somebody else's type either: what it runs with is the role of who saved it.
    await database.query(`update schedules set operation_type = 'secretly', every = '5s' where id = $1`, [body.id]);
    await vi.waitFor(async () => {
      const [refusal] = await stage.runsOf(body, 'refused');
      expect(String(refusal?.reason)).toContain('needs the role administrator');
    }, wait);
    await stage.remove(body);
  } finally {
    await database.end();
  }
});

test('run now starts it once on one subject or on all, by whoever asks', async () => {
  const schedule = await stage.addSchedule({
    name: 'by-hand',
    operation_type: 'note',
    cron: '0 0 1 1 *',
    input: { file: 'now' },
  });
  await vi.waitFor(async () => expect(await stage.entriesOf(schedule)).toHaveLength(3), wait);
  const one = await stage.send<RunNowView>(
    'POST',
    `/api/schedules/${schedule.id}/run`,
    { subject: { kind: 'project', id: 'alpha' } },
    202,
  );
  expect(one.started.map(({ subject }) => subject.name)).toEqual(['alpha']);
  const all = await stage.send<RunNowView>('POST', '/api/schedules/by-hand/run', { reason: 'a try' }, 202);
  expect(all.started.map(({ reason }) => reason)).toEqual(['a try', 'a try', 'a try']);
  for (const { id } of [...one.started, ...all.started]) {
    const { state, startedBy } = (await aegir.waitFor(id)) as OperationView;
    expect([state, startedBy]).toEqual(['succeeded', expect.stringContaining('@')]);
  }
  expect(stage.linesOf('now')).toHaveLength(4);
  await stage.remove(schedule);
});
