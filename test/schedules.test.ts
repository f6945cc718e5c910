// Schedules with the real clock of the engine: their intervals are seconds, and every wait is for a condition.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { AuditView, Page } from '../api/contract.ts';
import type { ScheduleEntryView } from '../api/contract-schedules.ts';
import type { Entity } from '../model/entities.ts';
import { scheduleIdOf } from '../model/schedule.ts';
import type { Aegir } from './harness.ts';
import { type ScheduleStage, startScheduleStage, wait } from './schedule-stage.ts';
import { clientWithKey } from './sealed.ts';

vi.setConfig({ testTimeout: 600_000 });

let stage: ScheduleStage;
let aegir: Aegir;
let sites: Entity[];
let connection: Connection;
let client: Client;
const openGate = () => writeFileSync(join(stage.folder, 'gate'), '');

beforeAll(async () => {
  stage = await startScheduleStage();
  ({ aegir, sites } = stage);
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = clientWithKey(aegir, connection);
});

afterAll(async () => {
  openGate();
  await connection?.close();
  await stage?.stop();
});

test('an interval starts its Operation on each selected subject, at the times that are shown', async () => {
  const schedule = await stage.addSchedule({
    name: 'ticks',
    operation_type: 'note',
    every: '6s',
    where: ['default_ref=main'],
    input: { file: 'ticks' },
  });
  await vi.waitFor(async () => {
    const runs = await stage.runsOf(schedule, 'started');
    for (const site of sites) expect(runs.filter(({ subject }) => subject.id === site.id).length).toBeGreaterThan(1);
  }, wait);
  const entries = await stage.entriesOf(schedule);
  expect(entries.map(({ subject }) => subject.name).sort()).toEqual(['alpha', 'beta', 'gamma']);
  await stage.edit(schedule, { paused: true, pause_note: 'seen enough' });
  const runs = await stage.runsOf(schedule, 'started');
  for (const site of sites) {
    const times = runs.filter(({ subject }) => subject.id === site.id).map(({ dueAt }) => Date.parse(dueAt));
    expect(times.slice(1).every((time, index) => ((times[index] ?? 0) - time) % 6000 === 0)).toBe(true);
  }
  const operation = await aegir.waitFor(String(runs.at(-1)?.operation));
  expect(operation).toMatchObject({ state: 'succeeded', startedBy: 'Schedule ticks', reason: 'Schedule ticks' });
  await vi.waitFor(async () => {
    for (const { nextAt, schedule: of } of await stage.entriesOf(schedule))
      expect([nextAt, of.paused]).toEqual([null, true]);
  }, wait);
  // Nothing was started twice for a time.
  const all = await stage.runsOf(schedule, 'started');
  expect(new Set(all.map(({ subject, dueAt }) => `${subject.id} ${dueAt}`)).size).toBe(all.length);
  await stage.remove(schedule);
});

test('a run is left out while the one before goes on, and says which; in line it waits', async () => {
  const skipping = await stage.addSchedule({ name: 'skipping', operation_type: 'hold', every: '5s', project: 'alpha' });
  const queueing = await stage.addSchedule({
    name: 'queueing',
    operation_type: 'hold',
    every: '5s',
    project: 'beta',
    overlap: 'queue',
  });
  const first = await vi.waitFor(async () => {
    const [skipped] = await stage.runsOf(skipping, 'skipped');
    const [started, ...more] = await stage.runsOf(skipping, 'started');
    expect(more).toEqual([]);
    expect(skipped?.reason).toContain('still goes on');
    return started;
  }, wait);
  expect((await stage.runsOf(skipping, 'skipped'))[0]?.reason).toContain(String(first?.operation));
  await vi.waitFor(async () => {
    const runs = await stage.runsOf(queueing, 'started');
    expect(runs.map(({ operationState }) => operationState)).toEqual(
      expect.arrayContaining(['queued', 'running']) as string[],
    );
    expect(await stage.runsOf(queueing, 'skipped')).toEqual([]);
  }, wait);
  for (const schedule of [skipping, queueing]) await stage.remove(schedule);
  openGate();
  for (const run of [...(await stage.runsOf(skipping, 'started')), ...(await stage.runsOf(queueing, 'started'))])
    expect((await aegir.waitFor(String(run.operation))).state).toBe('succeeded');
});

test('it starts also while the API is away', async () => {
  const schedule = await stage.addSchedule({
    name: 'alone',
    operation_type: 'note',
    every: '5s',
    project: 'gamma',
    input: { file: 'alone' },
  });
  await vi.waitFor(() => expect(stage.linesOf('alone').length).toBeGreaterThan(0), wait);
  await aegir.server.stop();
  const before = stage.linesOf('alone').length;
  await vi.waitFor(() => expect(stage.linesOf('alone').length).toBeGreaterThan(before + 1), wait);
  await aegir.startServer();
  await stage.remove(schedule);
});

test('what was due while no worker was there is made up for, or missed when that is over, and seen', async () => {
  const base = { operation_type: 'note', every: '5s', project: 'alpha' };
  const patient = await stage.addSchedule({ ...base, name: 'patient', input: { file: 'patient' } });
  const strict = await stage.addSchedule({ ...base, name: 'strict', input: { file: 'strict' }, catch_up_minutes: 0 });
  await vi.waitFor(async () => {
    for (const one of [patient, strict]) expect((await stage.runsOf(one, 'started')).length).toBeGreaterThan(0);
  }, wait);
  await aegir.worker.stop();
  const away = Date.now();
  // Said by the API, which sees that nobody has said anything.
  const missed = await vi.waitFor(async () => {
    const found = await stage.runsOf(strict, 'missed');
    expect(found.length).toBeGreaterThan(0);
    return found;
  }, wait);
  expect(missed.at(-1)?.reason).toContain('every worker was away');
  expect(await stage.runsOf(patient, 'missed')).toEqual([]);
  await aegir.startWorker();
  const back = Date.now();
  await vi.waitFor(async () => {
    const said = (await stage.runsOf(patient)).filter(({ dueAt }) => Date.parse(dueAt) > away);
    const caughtUp = said.filter(({ dueAt }) => Date.parse(dueAt) < back);
    // All come at once: one may run, the others find that it goes on, as may the last one of before.
    expect(caughtUp.length).toBeGreaterThanOrEqual(Math.floor((back - away) / 5000) - 1);
    expect(caughtUp.every(({ state }) => state === 'started' || state === 'skipped')).toBe(true);
    expect(said.some(({ state }) => state === 'started')).toBe(true);
    const [newest] = await stage.runsOf(strict, 'started');
    expect(Date.parse(newest?.dueAt ?? '')).toBeGreaterThan(away);
  }, wait);
  for (const schedule of [patient, strict]) await stage.remove(schedule);
});

test('what somebody changes or deletes in the engine is put right, and said', async () => {
  const schedule = await stage.addSchedule({
    name: 'guarded',
    operation_type: 'note',
    cron: 'H 3 * * *',
    project: 'beta',
    input: { file: 'never' },
  });
  const entry = await vi.waitFor(async () => {
    const [found] = await stage.entriesOf(schedule);
    expect(found?.nextAt).toEqual(expect.any(String));
    return found as ScheduleEntryView;
  }, wait);
  const handle = client.schedule.getHandle(scheduleIdOf(entry.id));
  const wished = (await handle.describe()).spec;
  const changes: [words: RegExp, change: () => Promise<unknown>][] = [
    [/deleted in the engine/, () => handle.delete()],
    [/paused in the engine/, () => handle.pause('by hand')],
    [
      /times were changed/,
      () =>
        handle.update(
          ({ state, policies, action }) =>
            ({ state, policies, action, spec: { intervals: [{ every: '1h' }] } }) as never,
        ),
    ],
  ];
  for (const [words, change] of changes) {
    await change();
    await vi.waitFor(async () => {
      expect((await stage.entriesOf(schedule))[0]?.mended?.what).toMatch(words);
      const { spec, state } = await handle.describe();
      expect([spec, state.paused]).toEqual([wished, false]);
    }, wait);
  }
  const audit = await stage.send<Page<AuditView>>('GET', '/api/audit?limit=50', undefined, 200);
  expect(audit.items.filter(({ verb, actor }) => verb === 'mend' && actor === 'reconciler')).toHaveLength(3);
  // Somebody makes it begin at a time of their own.
  await handle.trigger();
  await vi.waitFor(async () => {
    expect((await stage.runsOf(schedule, 'refused'))[0]?.reason).toContain('none of the times of this Schedule');
  }, wait);
  expect(stage.linesOf('never')).toEqual([]);
  await stage.remove(schedule);
  await vi.waitFor(() => expect(handle.describe()).rejects.toThrow(), wait);
});

test('a thousand subjects of one Schedule are spread as shown, and the engine has the same times', async () => {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  try {
    await database.query(`
      insert into projects (id, organisation, name, repository, application, default_ref)
      select 'many-' || n, organisation, 'many-' || n, 'https://example.org/many.git', 'static', 'many'
      from projects, generate_series(1, 1000) as n where name = 'alpha'`);
    const schedule = await stage.addSchedule({
      name: 'many',
      operation_type: 'note',
      cron: 'H 2 * * *',
      where: ['default_ref=many'],
      input: { file: 'many' },
    });
    const counted = async () => {
      const { rows } = await database.query<{ next_at: Date; id: string }>(
        'select id, next_at from schedule_entries where schedule = $1 and next_at is not null',
        [schedule.id],
      );
      return rows;
    };
    await vi.waitFor(async () => expect(await counted()).toHaveLength(1000), { timeout: 300_000, interval: 500 });
    const rows = await counted();
    const perMinute = new Map<number, number>();
    for (const { next_at } of rows)
      perMinute.set(next_at.getUTCMinutes(), (perMinute.get(next_at.getUTCMinutes()) ?? 0) + 1);
    // 17 on average.
    expect(perMinute.size).toBe(60);
    expect(Math.max(...perMinute.values())).toBeLessThan(40);
    const shown = new Map(rows.map(({ id, next_at }) => [scheduleIdOf(id), next_at.getTime()]));
    for (const id of [...shown.keys()].slice(0, 25)) {
      const { info } = await client.schedule.getHandle(id).describe();
      expect(info.nextActionTimes[0]?.getTime()).toBe(shown.get(id));
    }
    await stage.remove(schedule);
    await vi.waitFor(
      async () => {
        const { rows: left } = await database.query('select 1 from schedule_entries where schedule = $1', [
          schedule.id,
        ]);
        expect(left).toHaveLength(0);
      },
      { timeout: 300_000, interval: 500 },
    );
  } finally {
    await database.end();
  }
});
