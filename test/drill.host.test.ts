// Restore drills on two real hosts: of a good backup, of one whose data are damaged, of one whose site answers 500, and drills that
// are killed, terminated and cancelled in the middle. Whatever happens, nothing of the throwaway stays on the hosts.

import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Farm, startFarm } from './farm.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunHosts } from './test-host.ts';
import { commitToyCode, putToyApplication } from './toy-application.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: restore drills on real hosts. ${reason}`);

describe.skipIf(reason !== null)('restore drills', () => {
  const types = makeTypeFolder();
  const store = mkdtempSync(join(tmpdir(), 'aegir-store-'));
  let farm: Farm;
  let toy: Entity;
  let database: pg.Client;

  type Values = Record<string, unknown>;
  const entity = async (path: string) => (await farm.aegir.call<EntityView>('GET', `/api/${path}`)).body;
  const sql = (text: string) => farm.database.exec(`mariadb --batch -N aegir_toy -e "${text}"`);

  async function backUp(): Promise<Entity> {
    await farm.run('environments', toy.id, 'back_up_environment');
    const { body } = await farm.aegir.call<Page<Entity>>('GET', `/api/backups?environment=${toy.id}`);
    const newest = body.items.at(-1);
    if (!newest) throw new Error('no backup');
    return newest;
  }

  async function prove(backup: Entity, input: Values = {}): Promise<{ operation: OperationView; backup: EntityView }> {
    const operation = await farm.aegir.run('backups', backup.id, 'prove_backup', input);
    return { operation, backup: await entity(`backups/${backup.id}`) };
  }

  /** Of throwaways; the site itself has another name. */
  async function left(): Promise<string> {
    const web =
      await farm.web.exec(`ls /var/lib/aegir/environments /etc/nginx/aegir.d /etc/systemd/system /var/log/nginx /var/lib/aegir/certificates 2>/dev/null | grep drill;
      getent passwd | grep drill; getent group | grep drill; ps -eo args | grep '[d]rill-'; true`);
    const kept = await farm.database.exec(
      `mariadb --batch -N -e "show databases like '%drill%'; select user from mysql.user where user like '%drill%'"`,
    );
    const { body } = await farm.aegir.call<Page<Entity>>('GET', `/api/environments?throwaway_of=${toy.id}`);
    return [web.stdout, kept.stdout, ...body.items.map(({ values }) => String(values.name))].join('').trim();
  }

  /** Until the site is being made on the hosts. */
  async function startAndWait(backup: Entity): Promise<string> {
    const path = `/api/backups/${backup.id}/operations`;
    const { body } = await farm.aegir.call<OperationView>('POST', path, { type: 'prove_backup', input: {} });
    const isThere = async () => {
      const { tasks } = (await farm.aegir.call<OperationView>('GET', `/api/operations/${body.id}`)).body;
      return tasks.some(({ step, state }) => step === 'data' && state === 'running');
    };
    await expect.poll(isThere, { timeout: 90_000, interval: 50 }).toBe(true);
    expect(await left()).toMatch(/drill-/);
    return body.id;
  }

  beforeAll(async () => {
    putToyApplication(types);
    farm = await startFarm('dr', { types: types.path, web: { php_versions: ['8.2'] } });
    database = new pg.Client({ connectionString: farm.aegir.databaseUrl });
    await database.connect();
    await commitToyCode(join(farm.repositories, 'toy'));
    await farm.addRelease('toy', 'joomla');
    await farm.make('backup_stores', { name: 'store', type: 'directory', folder: store });
    const place = { cluster: 'farm', primary_name: 'toy.example.org', backup_store: 'store', kind: 'production' };
    toy = await farm.make('environments', { name: 'toy', release: 'toy/v1', ...place });
    await farm.run('environments', toy.id, 'install_environment', { site_name: 'Toys' });
    await farm.web.exec(
      `cd /var/lib/aegir/environments/toy/files && echo one >one && ln -s one link && mkdir folder && ln -s folder way && head -c 3000000 /dev/urandom >much`,
    );
  });

  afterAll(async () => {
    await database?.end();
    await farm?.stop();
    types.remove();
    rmSync(store, { recursive: true, force: true });
  });

  test('a good backup is proven, with the time that it took, and the site goes on untouched', async () => {
    const made = await backUp();
    const before = await farm.web.exec('cat /etc/nginx/aegir.d/toy.conf; getent passwd aegir-toy');
    const { operation, backup } = await prove(made, { probe_text: 'Toys' });
    expect(operation.state, operation.message).toBe('succeeded');
    expect([backup.state, backup.values.failure, backup.values.proven_on]).toEqual(['proven', null, 'web']);
    const seconds = Number(backup.values.recovery_seconds);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(
      (Date.parse(String(operation.endedAt)) - Date.parse(String(operation.startedAt))) / 1000 + 1,
    );
    expect((await entity(`environments/${toy.id}`)).proven).toMatchObject({
      backup: made.id,
      recoverySeconds: seconds,
    });
    expect(await left()).toBe('');
    expect((await farm.web.exec('cat /etc/nginx/aegir.d/toy.conf; getent passwd aegir-toy')).stdout).toBe(
      before.stdout,
    );
    expect(await farm.ask('toy.example.org')).toMatch(/^200 <h1>Toys/);
    console.log(`Drill of a toy site: ${seconds} s of recovery`);
  });

  test('what it is tried in is shown to nobody but its own Server', async () => {
    const { body } = await farm.aegir.call<Page<Entity>>(
      'GET',
      `/api/environments?throwaway_of=${toy.id}&state=deleted`,
    );
    const [tried] = body.items;
    expect(JSON.stringify(tried?.values.vhost)).toMatch(/private\.conf\.j2[^}]*allow 127\.0\.0\.1;[^}]*deny all;/);
    expect(tried?.values).toMatchObject({ mail: 'discard', kind: 'development', https: 'off' });
  });

  test('what was noted of a backup and is not in it is a reason', async () => {
    const made = await backUp();
    await database.query(
      `update backups set manifest = jsonb_set(jsonb_set(manifest, '{database,tables,site}', '5'), '{files,count}', '9') where id = $1`,
      [made.id],
    );
    const files = await prove(made);
    expect([files.operation.state, files.backup.state]).toEqual(['failed', 'failed']);
    expect(files.backup.values.failure).toMatch(/there are 4 of files with \d+ bytes, not 9 with \d+/);
    await database.query(`update backups set manifest = jsonb_set(manifest, '{files,count}', '4') where id = $1`, [
      made.id,
    ]);
    const rows = await prove(made);
    expect([rows.operation.state, rows.backup.state]).toEqual(['failed', 'failed']);
    expect(rows.backup.values.failure).toContain('table site has 1 rows, the manifest says 5');
    expect(await left()).toBe('');
  });

  test('data that are damaged in the store are a reason', async () => {
    const made = await backUp();
    const folder = join(store, toy.id);
    const kept = join(store, 'kept');
    cpSync(folder, kept, { recursive: true });
    const data = join(folder, 'data');
    for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' }).map(each => join(data, each)))
      if (statSync(name).isFile()) writeFileSync(name, Buffer.alloc(statSync(name).size, 7));
    try {
      const { operation, backup } = await prove(made);
      expect([operation.state, backup.state]).toEqual(['failed', 'failed']);
      expect(backup.values.failure).toMatch(/^Data of the backup are damaged or missing in the Backup store\./);
      expect(backup.values.recovery_seconds).toBe(null);
      expect(await left()).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
      cpSync(kept, folder, { recursive: true });
      rmSync(kept, { recursive: true });
    }
    expect((await prove(made)).backup.state).toBe('proven');
  });

  test('a site that answers 500 is a reason', async () => {
    await sql('rename table tokens to away');
    const made = await backUp();
    await sql('rename table away to tokens');
    const { operation, backup } = await prove(made);
    expect([operation.state, backup.state]).toEqual(['failed', 'failed']);
    expect(backup.values.failure).toMatch(/^http:\/\/drill-\w+\.invalid\/ answers 500 instead of 200\./);
    expect(await left()).toBe('');
  });

  test('a drill that cannot be carried out says so, and nothing about the backup', async () => {
    const made = await backUp();
    await farm.web.exec('mv /usr/bin/restic /usr/bin/restic.away');
    const without = await prove(made);
    await farm.web.exec('mv /usr/bin/restic.away /usr/bin/restic');
    expect(without.operation.message).toContain('There is no restic on the web Server');
    expect([without.operation.state, without.backup.state]).toEqual(['failed', 'unproven']);
    await farm.database.exec('systemctl stop mariadb.socket mariadb');
    const away = await prove(made);
    await farm.database.exec('systemctl start mariadb');
    expect([away.operation.state, away.backup.state, away.backup.values.failure]).toEqual(['failed', 'unproven', null]);
    // What could not be removed then is removed by an Operation of its own.
    const { body } = await farm.aegir.call<Page<Entity>>('GET', `/api/environments?throwaway_of=${toy.id}`);
    for (const { id } of body.items) {
      const removal = async () =>
        (await entity(`environments/${id}`)).recentOperations.find(({ reason: why }) => why !== '');
      await expect.poll(removal, { timeout: 60_000 }).toMatchObject({ type: 'delete_environment', startedBy: 'Aegir' });
      await farm.aegir.waitFor(String((await removal())?.id));
    }
    expect(await left()).toBe('');
  });

  test('the newest backup is taken when the drill is run on an Environment', async () => {
    const made = await backUp();
    await farm.run('environments', toy.id, 'prove_newest_backup');
    expect((await entity(`backups/${made.id}`)).state).toBe('proven');
    expect(await left()).toBe('');
  });

  test('a worker that is killed in the middle leaves no throwaway behind', async () => {
    const made = await backUp();
    const id = await startAndWait(made);
    process.kill(farm.aegir.worker.pid, 'SIGKILL');
    await farm.aegir.startWorker();
    const operation = await farm.aegir.waitFor(id);
    expect(operation.state, operation.message).toBe('succeeded');
    expect((await entity(`backups/${made.id}`)).state).toBe('proven');
    expect(await left()).toBe('');
  });

  test('neither does a drill that is terminated in the engine, or cancelled', async () => {
    const made = await backUp();
    const cancelled = await startAndWait(made);
    await farm.aegir.call('POST', `/api/operations/${cancelled}/cancel`);
    expect((await farm.aegir.waitUntilQuiet(cancelled)).state).toBe('cancelled');
    expect(await left()).toBe('');
    const id = await startAndWait(made);
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    const namespace = farm.aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
    await new Client({ connection, namespace }).workflow.getHandle(id).terminate('by a test');
    await connection.close();
    expect((await farm.aegir.waitFor(id)).state).toBe('failed');
    await expect.poll(left, { timeout: 90_000, interval: 2000 }).toBe('');
    expect((await entity(`backups/${made.id}`)).state).toBe('unproven');
  });
});
