// Removing old backups: the preview, real repositories of restic from which they go, and what keeps them from going. restic is
// that of the hosts, as this machine may have none, and started through a script by which it can be held up.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntityView, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { RetentionView } from '../model/retention.ts';
import { type OpenDatabase, openDatabase } from '../model/store/database.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { canRunHosts, stockFile } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: removing old backups. ${reason}`);

describe.skipIf(reason !== null)('old backups', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-retention-'));
  const [programs, store, content] = ['bin', 'store', 'content'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const held = join(folder, 'held');
  const hold = join(folder, 'hold');
  const password = 'correct horse';
  let aegir: Aegir;
  let open: OpenDatabase;
  let shop: Entity;

  type Values = Record<string, unknown>;

  const restic = (...words: string[]) =>
    execFileSync(join(programs, 'restic.real'), ['--no-cache', '--repo', join(store, shop.id), ...words], {
      cwd: content,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder, RESTIC_PASSWORD: password },
    });
  const snapshots = () => (JSON.parse(restic('snapshots', '--json')) as { id: string }[]).map(({ id }) => id).sort();
  const packs = () => restic('list', 'packs').trim().split('\n').length;
  const rows = async (state: string) =>
    (
      await open.pool.query<{ id: string; name: string; snapshot: string }>(
        `select id, name, snapshot from backups where environment = $1 and state ${state} order by name`,
        [shop.id],
      )
    ).rows;
  const names = async (state: string) => (await rows(state)).map(({ name }) => name);
  const preview = async () => (await aegir.call<RetentionView>('GET', '/api/environments/shop/retention')).body;
  const going = async () =>
    (await preview()).fates
      .filter(({ reasons }) => reasons.length === 0)
      .map(({ name }) => name)
      .sort();
  const start = (kind: string, id: string, type: string, input: Values = {}) =>
    aegir.call<OperationView & ProblemJson>('POST', `/api/${kind}/${id}/operations`, { type, input });

  async function make(plural: string, values: Values): Promise<Entity> {
    const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
    return body;
  }

  /** Each has 300 kB of its own. */
  async function backUp(name: string, age: number, more: Values = {}): Promise<void> {
    writeFileSync(join(content, 'file'), execFileSync('head', ['-c', '300000', '/dev/urandom']));
    restic('backup', '--quiet', 'file');
    const [snapshot] = (JSON.parse(restic('snapshots', '--json', 'latest')) as { id: string }[]).map(({ id }) => id);
    const { state = 'unproven', pinned = false } = more;
    await open.pool.query(
      `insert into backups (id, organisation, name, state, environment, release, backup_store, snapshot, pinned, created_at)
       select $1, organisation, $2, $3, id, release, backup_store, $4, $5, now() - make_interval(days => $6) from environments where id = $7`,
      [ulid(), name, state, snapshot, pinned, age, shop.id],
    );
  }

  beforeAll(async () => {
    for (const each of [programs, store, content]) mkdirSync(each);
    // Runs on the worker find programs beside its Python: one more lies there.
    for (const name of readdirSync(pythonBin)) symlinkSync(join(pythonBin, name), join(programs, name));
    for (const name of ['lib', 'pyvenv.cfg']) symlinkSync(join(dirname(pythonBin), name), join(folder, name));
    cpSync(await stockFile('web', 'usr/bin/restic'), join(programs, 'restic.real'));
    const script = `#!/bin/sh\ncase " $* " in *" prune "*) if [ -e ${hold} ]; then touch ${held}; sleep 300; fi;; esac\nexec ${programs}/restic.real "$@"\n`;
    writeFileSync(join(programs, 'restic'), script);
    chmodSync(join(programs, 'restic'), 0o755);
    aegir = await startAegir({ environment: { AEGIR_PYTHON: join(programs, 'python') } });
    open = openDatabase(aegir.databaseUrl);
    await make('backup_stores', { name: 'store', type: 'directory', folder: store, password });
    await make('clusters', {
      name: 'farm',
      kind: 'servers',
      backup_store: 'store',
      keep_production: 'daily 2, weekly 2',
      keep_days: 1,
    });
    await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
    await make('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
    await make('releases', { name: 'v1', project: 'shop', git_ref: 'main' });
    const site = { release: 'shop/v1', web_server: 'web', kind: 'production', backup_store: 'store' };
    shop = await make('environments', { name: 'shop', primary_name: 'shop.example.org', ...site });
    await open.pool.query(`update environments set state = 'enabled' where id = $1`, [shop.id]);
    restic('init', '--quiet');
    // Weeks ago, so that it does not matter on which day of the week this runs.
    await backUp('a-new', 0);
    await backUp('b-old', 30);
    await backUp('c-proven', 31, { state: 'proven' });
    await backUp('d-old', 60);
    await backUp('e-pinned', 70, { pinned: true });
    await backUp('f-proven-before', 80, { state: 'proven' });
    await backUp('g-failed', 90, { state: 'failed' });
  });

  afterAll(async () => {
    await open?.close();
    await aegir?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the preview says which go, and why each other one stays', async () => {
    const view = await preview();
    expect([view.rule, view.of, view.safetyDays]).toEqual(['daily 2, weekly 2', 'cluster', 1]);
    const why = Object.fromEntries(
      view.fates.map(({ name, reasons }) => [name, reasons.map(each => each.replace(/: .*/, '')).join(', ')]),
    );
    expect(why).toEqual({
      'a-new': 'the newest, younger than 1 days, daily, weekly',
      'b-old': 'daily, weekly',
      'c-proven': 'the last proven one',
      'd-old': '',
      'e-pinned': 'pinned',
      'f-proven-before': '',
      'g-failed': '',
    });
    // What goes is nobody's to say.
    const chosen = await start('environments', shop.id, 'remove_old_backups', { retention: { goes: [] } });
    expect([chosen.status, chosen.body.problems?.map(({ path }) => path)]).toEqual([422, ['retention']]);
    await aegir.call('PATCH', '/api/environments/shop', { values: { keep: 'last 4' } });
    expect([(await preview()).of, await going()]).toEqual(['environment', ['f-proven-before', 'g-failed']]);
    const wrong = await aegir.call<ProblemJson>('PATCH', '/api/environments/shop', { values: { keep: 'hourly 4' } });
    expect([wrong.status, wrong.body.problems?.[0]?.message]).toEqual([
      422,
      expect.stringContaining('“hourly 4” is none of these'),
    ]);
    await aegir.call('PATCH', '/api/environments/shop', { values: { keep: null } });
  });

  test('people pin a backup, and change nothing else of it', async () => {
    const [old] = (await rows(`= 'unproven'`)).filter(({ name }) => name === 'd-old');
    const path = `/api/backups/${old?.id}`;
    expect((await aegir.call('PATCH', path, { values: { pinned: true, pin_note: 'for the auditors' } })).status).toBe(
      200,
    );
    expect(await going()).toEqual(['f-proven-before', 'g-failed']);
    const refused = await aegir.call<ProblemJson>('PATCH', path, { values: { note: 'x', snapshot: 'y' } });
    expect([refused.status, refused.body.problems?.map(({ path: at }) => at)]).toEqual([
      422,
      ['values.note', 'values.snapshot'],
    ]);
    expect((await aegir.call('PATCH', path, { values: { pinned: false, pin_note: null } })).status).toBe(200);
    expect(await going()).toEqual(['d-old', 'f-proven-before', 'g-failed']);
  });

  test('without restic, or without the store, nothing goes, and it is said', async () => {
    const before = await names('is not null');
    renameSync(join(programs, 'restic'), join(programs, 'restic.away'));
    const without = await aegir.run('environments', shop.id, 'remove_old_backups');
    renameSync(join(programs, 'restic.away'), join(programs, 'restic'));
    expect([without.state, without.message]).toEqual([
      'failed',
      expect.stringContaining('There is no restic on the machine of the worker'),
    ]);
    renameSync(store, `${store}.away`);
    const away = await aegir.run('environments', shop.id, 'remove_old_backups');
    renameSync(`${store}.away`, store);
    expect([away.state, away.message]).toEqual([
      'failed',
      expect.stringContaining('There is no backup of this Environment'),
    ]);
    expect(await names(`<> 'removed'`)).toEqual(before);
    expect(snapshots()).toHaveLength(7);
  });

  test('a worker that is killed in the middle leaves a repository that is whole, and the next one comes to the end', async () => {
    const all = packs();
    writeFileSync(hold, '');
    const { body } = await start('environments', shop.id, 'remove_old_backups');
    await expect.poll(() => existsSync(held), { timeout: 60_000 }).toBe(true);
    process.kill(aegir.worker.pid, 'SIGKILL');
    rmSync(hold);
    // What is removed in the store is said so in the model.
    expect(await names(`= 'removed'`)).toEqual(['d-old', 'f-proven-before', 'g-failed']);
    expect(snapshots()).toEqual((await rows(`<> 'removed'`)).map(({ snapshot }) => snapshot).sort());
    await aegir.startWorker();
    const ended = await aegir.waitFor(body.id);
    expect(ended.state, ended.message).toBe('succeeded');
    expect(ended.tasks.find(({ step }) => step === 'forget')?.outputs.summary).toBe('3 of the backups were removed.');
    expect(packs()).toBeLessThan(all);
    restic('check', '--read-data', '--quiet');
    expect((await aegir.call<Page<Entity>>('GET', '/api/backups')).body.items).toHaveLength(4);
    expect((await aegir.call<Page<Entity>>('GET', '/api/backups?state=removed')).body.items).toHaveLength(3);
  });

  test('run again, and two at once, change nothing more', async () => {
    const before = snapshots();
    const started = [
      await start('environments', shop.id, 'remove_old_backups'),
      await start('environments', shop.id, 'remove_old_backups'),
    ];
    for (const { body } of started) {
      const ended = await aegir.waitFor(body.id);
      expect(ended.state, ended.message).toBe('succeeded');
      expect(ended.tasks.filter(({ changed }) => changed)).toEqual([]);
    }
    expect(snapshots()).toEqual(before);
  });

  test('what has become the last proven one since the start stays', async () => {
    await backUp('h-proven-newest', 40, { state: 'proven' });
    await open.pool.query(
      `update backups set created_at = now() - interval '29 days', state = 'proven' where name = 'b-old'`,
    );
    expect(await going()).toEqual(['c-proven', 'h-proven-newest']);
    // It waits behind another one, and meanwhile the newer one is found bad.
    writeFileSync(hold, '');
    rmSync(held, { force: true });
    await aegir.call('PATCH', '/api/environments/shop', { values: { keep: 'last 9' } });
    const first = await start('environments', shop.id, 'remove_old_backups');
    await expect.poll(() => existsSync(held), { timeout: 60_000 }).toBe(true);
    await aegir.call('PATCH', '/api/environments/shop', { values: { keep: null } });
    const second = await start('environments', shop.id, 'remove_old_backups');
    await open.pool.query(`update backups set state = 'failed' where name = 'b-old'`);
    rmSync(hold);
    await aegir.call('POST', `/api/operations/${first.body.id}/cancel?choice=leave`);
    expect((await aegir.waitFor(second.body.id)).state).toBe('succeeded');
    expect(await names(`= 'proven'`)).toEqual(['c-proven']);
    expect(await names(`= 'removed'`)).toContain('h-proven-newest');
  });

  test('one is deleted by hand; the last proven one only when that is said, a pinned one not at all', async () => {
    const idOf = async (name: string) => String((await rows('is not null')).find(row => row.name === name)?.id);
    const pinned = await start('backups', await idOf('e-pinned'), 'delete_backup');
    expect([pinned.status, JSON.stringify(pinned.body)]).toEqual([422, expect.stringContaining('It is pinned')]);
    const last = await idOf('c-proven');
    const refused = await start('backups', last, 'delete_backup');
    expect([refused.status, refused.body.problems?.map(({ path }) => path)]).toEqual([422, ['although_last_proven']]);
    const ended = await aegir.run('backups', last, 'delete_backup', { although_last_proven: true });
    expect(ended.state, ended.message).toBe('succeeded');
    expect((await aegir.call<EntityView>('GET', `/api/backups/${last}`)).body.state).toBe('removed');
    expect(snapshots()).toEqual((await rows(`<> 'removed'`)).map(({ snapshot }) => snapshot).sort());
    const gone = await start('backups', last, 'delete_backup');
    expect([gone.status, gone.body.detail]).toEqual([409, expect.stringContaining('it is removed')]);
    const restore = await start('environments', shop.id, 'restore_environment', { backup: last });
    expect([restore.status, JSON.stringify(restore.body)]).toEqual([422, expect.stringContaining('is removed')]);
  });

  test('one that was pinned while its removal waited stays', async () => {
    const [only] = (await rows(`= 'unproven'`)).filter(({ name }) => name === 'a-new');
    writeFileSync(hold, '');
    rmSync(held, { force: true });
    const first = await start('environments', shop.id, 'remove_old_backups');
    await expect.poll(() => existsSync(held), { timeout: 60_000 }).toBe(true);
    const second = await start('backups', String(only?.id), 'delete_backup');
    expect(second.status, JSON.stringify(second.body)).toBe(201);
    await aegir.call('PATCH', `/api/backups/${only?.id}`, { values: { pinned: true } });
    rmSync(hold);
    await aegir.call('POST', `/api/operations/${first.body.id}/cancel?choice=leave`);
    const ended = await aegir.waitFor(second.body.id);
    expect([ended.state, ended.message]).toEqual(['failed', expect.stringContaining('The backup is pinned')]);
    await aegir.call('PATCH', `/api/backups/${only?.id}`, { values: { pinned: false } });
    expect(snapshots()).toContain(only?.snapshot);
  });

  test('those of an Environment that is deleted go by hand', async () => {
    const [left] = (await rows(`= 'unproven'`)).filter(({ name }) => name === 'a-new');
    await open.pool.query(`update environments set state = 'deleted' where id = $1`, [shop.id]);
    const ended = await aegir.run('backups', String(left?.id), 'delete_backup');
    expect(ended.state, ended.message).toBe('succeeded');
    expect(snapshots()).not.toContain(left?.snapshot);
  });
});
