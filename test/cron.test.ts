// Cron of all sites of a Server by one Operation: sites that fail, hang or are closed are in nobody's way, and what became of
// each stands with it. The Server is this machine; real sites are in wordpress.host.test.ts and drupal.host.test.ts.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import type { CronView } from '../model/cron-run.ts';
import type { Entity } from '../model/entities.ts';
import type { Need } from '../model/need.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

vi.setConfig({ testTimeout: 120_000 });

const secret = 'salt-of-the-broken-site';
const base = mkdtempSync(join(tmpdir(), 'aegir-cron-'));
const sites: Record<string, Entity> = {};
const types = makeTypeFolder();
let aegir: Aegir;
let database: pg.Client;
let server: Entity;

const folder = (name: string) => join(base, name);
const write = (name: string, file: string, text: string) => {
  mkdirSync(join(folder(name), 'settings'), { recursive: true });
  writeFileSync(join(folder(name), file), text);
  chmodSync(join(folder(name), file), 0o755);
};

/** An installed Environment whose cron is this script. */
async function addSite(name: string, script: string | null, values: Record<string, unknown> = {}): Promise<void> {
  write(name, 'run', `#!/bin/sh\necho "$2" >>${base}/order\nexec "$@"\n`);
  if (script !== null) write(name, 'settings/cron', `#!/bin/sh\n${script}\n`);
  const of = { release: 'one', cluster: 'farm', web_server: 'web', kind: 'staging' };
  sites[name] = await aegir.add('environments', { ...of, name, primary_name: `${name}.example.org`, ...values });
  await database.query(`update environments set state = 'enabled', path = $2 where id = $1`, [
    sites[name].id,
    folder(name),
  ]);
}

async function cronOf(name: string): Promise<CronView> {
  const { cron } = await aegir.send<EntityView>('GET', `/api/environments/${sites[name]?.id}`);
  expect(cron, name).toBeTruthy();
  return cron as CronView;
}

const sweep = (input: Record<string, unknown> = {}): Promise<OperationView> =>
  aegir.run('servers', server.id, 'sweep_cron', { seconds: 2, total_seconds: 60, at_once: 2, ...input });

beforeAll(async () => {
  const verbs = '{install: install_static, remove: remove_environment, cron: run_cron}';
  types.put(
    'applications/toy/application.yml',
    `title: Toy\ndescription: For tests.\nrecognised_by: [toy]\nverbs: ${verbs}\n`,
  );
  aegir = await startAegir({ types: types.path });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  const repository = 'https://example.org/shop.git';
  await aegir.add('projects', { name: 'shop', repository, application: 'toy' });
  await aegir.add('clusters', { name: 'farm', kind: 'servers' });
  server = await aegir.add('servers', { name: 'web', cluster: 'farm', connection: 'local', web: true });
  await database.query(`update servers set state = 'verified'`);
  await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  rmSync(base, { recursive: true, force: true });
  types.remove();
});

test('a Schedule takes it, and a Server without sites says so', async () => {
  const when = { every: '15m', where: ['web=true'], catch_up_minutes: 10, paused: true };
  await aegir.add('schedules', { name: 'site-cron', operation_type: 'sweep_cron', ...when });
  const refused = await sweep({ at_once: 1, total_seconds: 1 });
  expect([refused.state, refused.message]).toEqual(['failed', expect.stringContaining('must be 2 or more')]);
  const { state, tasks } = await sweep();
  expect([state, tasks.at(-1)?.outputs]).toEqual(['succeeded', { summary: 'No site here has cron.' }]);
});

test('each site shows what came of it, in time, and whatever it says its secrets are told nowhere', async () => {
  await addSite('hanging', 'echo waiting for the moon; exec sleep 60');
  await addSite('broken', `echo aegir-result: none; echo "no access with ${secret}"; echo; exit 1`, { salt: secret });
  await addSite('good', 'echo $1');
  await addSite('closed', 'exit 0');
  await addSite('paused', 'exit 0');
  await addSite('busy', 'exit 75');
  await addSite('older', null);
  await database.query(`update environments set state = 'disabled' where name = 'closed'`);
  write('paused', 'maintenance', '');
  const began = Date.now();
  const { id, state, tasks } = await sweep();
  expect([state, Date.now() - began < 30_000], await aegir.log(id)).toEqual(['succeeded', true]);
  const summary = expect.stringMatching(
    /^7 sites in \d+ s, up to 2 at a time: 1 ok, 1 failed, 1 took too long, 4 left out\.$/,
  );
  // What many sites say goes neither into the outputs nor through the engine.
  expect(tasks.at(-1)?.outputs).toEqual({ summary });
  expect(await cronOf('good')).toMatchObject({ state: 'ok', words: '', failures: 0, skippedAt: null });
  expect(await cronOf('broken')).toMatchObject({ state: 'failed', words: 'no access with ********', failures: 1 });
  const hanging = await cronOf('hanging');
  expect(hanging).toMatchObject({ state: 'timed_out', words: expect.stringContaining('waiting for the moon') });
  expect(hanging.seconds).toBeGreaterThan(2);
  for (const [name, why] of [
    ['closed', 'The Environment is disabled.'],
    ['paused', 'The site shows its maintenance page.'],
    ['busy', 'Another run was under way.'],
    ['older', 'run “Install” on it once'],
  ] as const)
    expect(await cronOf(name)).toMatchObject({ state: null, at: null, skippedBecause: expect.stringContaining(why) });
  const log = await aegir.log(id);
  expect(log).toMatch(/broken: failed after 0 s\. no access with \*{8}/);
  expect(log).not.toContain(secret);
  expect(log).not.toMatch(/good/);
});

test('who was not on turn is first in the next sweep, and who hangs has one place only', async () => {
  for (const name of ['one', 'two', 'three']) await addSite(name, 'sleep 2');
  await addSite('also', 'sleep 60');
  await database.query(`insert into environment_cron (environment, organisation, at, state)
    select id, organisation, now() - interval '1 day', 'timed_out' from environments where name = 'also'`);
  const started = async () => {
    rmSync(join(base, 'order'), { force: true });
    // They are begun for three seconds: in one of the two places one that hangs, in the other what takes two seconds each.
    await sweep({ seconds: 4, total_seconds: 7 });
    const addresses = readFileSync(join(base, 'order'), 'utf8').trim().split('\n');
    const names = addresses.map(address => /\/\/(.+)\.example/.exec(address)?.[1]);
    // The first two are begun together; which of them comes to write first is not said.
    return [...names.slice(0, 2).sort(), ...names.slice(2)];
  };
  expect(await started()).toEqual(['also', 'busy', 'one', 'two']);
  expect(await cronOf('one')).toMatchObject({ state: 'ok', skippedAt: null });
  expect(await cronOf('three')).toMatchObject({ at: null, skippedBecause: expect.stringContaining('before its turn') });
  expect(await cronOf('hanging')).toMatchObject({ state: 'timed_out', failures: 1, skippedAt: expect.any(String) });
  expect((await started()).slice(0, 3)).toEqual(['busy', 'hanging', 'three']);
});

test('a site that fails again and again needs somebody, until it goes well; “Run cron” counts as well', async () => {
  const needs = async () => {
    const { items } = await aegir.send<{ items: Need[] }>('GET', '/api/needs');
    return items.filter(({ topic, subject }) => topic === 'cron' && subject.name === 'broken');
  };
  const { failures } = await cronOf('broken');
  await database.query(`update environments set state = 'disabled' where name <> 'broken'`);
  for (let times = failures; times < 3; times++) await sweep({ seconds: 3 });
  expect((await cronOf('broken')).failures).toBe(3);
  expect(await needs()).toMatchObject([
    {
      words: '3 times in a row: no access with ********',
      next: { path: `/environments/${sites.broken?.id}/run/run_cron` },
    },
  ]);
  const run = () => aegir.run('environments', sites.broken?.id ?? '', 'run_cron');
  // As Ansible says it, and masked by the run's own secrets.
  write('broken', 'settings/cron', '#!/bin/sh\necho the moon is away; exit 1\n');
  mkdirSync(join(folder('broken'), 'current'));
  expect((await run()).state).toBe('failed');
  expect(await cronOf('broken')).toMatchObject({ failures: 4, words: expect.stringContaining('the moon is away') });
  write('broken', 'settings/cron', `#!/bin/sh\necho "$1" >${base}/address\n`);
  expect((await run()).state).toBe('succeeded');
  expect(readFileSync(join(base, 'address'), 'utf8')).toBe('http://broken.example.org\n');
  expect(await cronOf('broken')).toMatchObject({ state: 'ok', failures: 0, words: '' });
  expect(await needs()).toEqual([]);
  write('broken', 'settings/cron', '#!/bin/sh\nexit 75\n');
  const last = await run();
  expect(last.state, await aegir.log(last.id)).toBe('succeeded');
  expect(await cronOf('broken')).toMatchObject({ state: 'ok', skippedBecause: 'Another run was under way.' });
});

test('nothing of a sweep that is cancelled goes on, and a site that an Operation has alone is left out', async () => {
  await database.query(`update environments set state = case name when 'hanging' then 'enabled' else 'disabled' end`);
  await database.query('delete from environment_cron');
  write('hanging', 'settings/cron', '#!/bin/sh\nexec sleep 61837\n');
  const input = { type: 'sweep_cron', input: { seconds: 300, total_seconds: 600 } };
  const { id } = await aegir.send<{ id: string }>('POST', `/api/servers/${server.id}/operations`, input);
  const goesOn = () => spawnSync('pgrep', ['-f', '^sleep 61837$']).status === 0;
  await expect.poll(goesOn, { timeout: 30_000 }).toBe(true);
  await aegir.send('POST', `/api/operations/${id}/cancel`, {});
  expect((await aegir.waitFor(id)).state).toBe('cancelled');
  await expect.poll(goesOn, { timeout: 20_000 }).toBe(false);
  await database.query(
    `insert into lock_claims (entity_kind, entity_id, operation, run, mode, priority, position, since)
     select 'environment', $1, id, 'x', 'exclusive', 0, 0, now() from operations where type = 'run_cron' limit 1`,
    [sites.hanging?.id],
  );
  await sweep();
  expect(await cronOf('hanging')).toMatchObject({ at: null, skippedBecause: '“Run cron” is under way.' });
  const all = await aegir.send<Page<EntityView>>('GET', '/api/environments?limit=50');
  expect(all.items.every(({ cron }) => cron?.skippedBecause)).toBe(true);
});
