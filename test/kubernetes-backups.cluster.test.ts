// Backups of a site in a real cluster: the roles of Servers in pods, into a folder of the control plane and into S3, there and back;
// what they say when something is wrong, and what becomes of them when their worker is killed.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { addPlaceType, type Hands, handsIn } from './cluster-place.ts';
import { type Aegir, startAegir } from './harness.ts';
import { canServeS3, type S3Server, startS3Server } from './store-servers.ts';
import { makeTypeFolder } from './task-types.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters() ?? canServeS3();
if (reason) console.warn(`Skipped: backups on Kubernetes. ${reason}`);

const password = 'correct horse battery';

describe.skipIf(reason !== null)('backups of a site on Kubernetes', () => {
  const types = makeTypeFolder();
  let folder: string;
  let cluster: TestCluster;
  let aegir: Aegir;
  let way: TcpProxy;
  let s3: S3Server;
  let hands: Hands;
  let farm: Entity;
  let site: Entity;

  const change = (plural: string, { id }: Entity, values: Record<string, unknown>) =>
    aegir.send<Entity>('PATCH', `/api/${plural}/${id}`, { values });
  const succeeds = (type: string, input?: Record<string, unknown>) =>
    aegir.succeed('environments', site.id, type, input);
  /** What it says. */
  const fails = async (type: string, input: Record<string, unknown> = {}) => {
    const operation = await aegir.run('environments', site.id, type, input);
    expect(operation.state, await aegir.log(operation.id)).toBe('failed');
    return operation.tasks.find(({ state }) => state === 'failed')?.message ?? '';
  };
  const newestBackup = async () => {
    const { items } = await aegir.send<Page<Entity>>('GET', '/api/backups?limit=500');
    return items.sort((one, other) => one.id.localeCompare(other.id)).at(-1) as Entity;
  };
  const content = async () => [
    await hands.sh('cd /srv/site && find files private -type f -exec sha256sum {} + | sort'),
    await hands.sql('select * from pages order by id'),
    await hands.sh('ls /srv/site | grep -v ^backup$'),
  ];
  /** Paths in a snapshot in S3. */
  const lies = async (snapshot: unknown) => {
    const { address, bucket, access_key, secret_key } = s3.store;
    const keys = `AWS_ACCESS_KEY_ID='${access_key}' AWS_SECRET_ACCESS_KEY='${secret_key}' RESTIC_PASSWORD='${password}'`;
    const repository = `s3:${address}/${bucket}/a/b/${site.id}`;
    const printed = await hands.sh(`${keys} restic --no-lock --no-cache -r '${repository}' ls ${snapshot}`);
    return printed.split('\n').filter(line => line.startsWith('/'));
  };
  const jobs = async (selector = '') =>
    (await cluster.kubectl(['-n', 'aegir-shop', 'get', 'jobs', '--selector', selector, '-o', 'name']))
      .split('\n')
      .filter(Boolean);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegir-store-'));
    cluster = await startTestCluster('backup');
    const [tools, mariadb] = await Promise.all([cluster.importImage('tools'), cluster.importImage('mariadb')]);
    s3 = await startS3Server(cluster.gateway);
    addPlaceType(types, { tools: tools.name, mariadb: mariadb.name });
    types.operation(
      'keep_it',
      'environment',
      '[{id: check, task: check_backup_store}, {id: dump, task: dump_database}, {id: store, task: store_backup, with: {dump: $steps.dump.dump}}]',
      'locks: {environment: exclusive}\non_failure: {choose: leave}\n',
    );
    types.operation(
      'keep_another',
      'environment',
      '[{id: store, task: store_backup, with: {dump: {bytes: 1, sha256: none, tables: {}}}}]',
      'on_failure: {choose: leave}\n',
    );
    types.operation(
      'bring_back',
      'environment',
      '[{id: check, task: check_restore}, {id: data, task: restore_backup}]',
      'fields: {backup: {type: reference, to: backup, required: true, description: Which}}\nlocks: {environment: exclusive}\non_failure: {choose: leave}\n',
    );
    types.operation('pack_it', 'environment', '[{id: pack, task: export_archive}]', 'on_failure: {choose: leave}\n');
    types.operation(
      'load_it',
      'environment',
      '[{id: load, task: load_archive}]',
      'fields: {archive: {type: reference, to: archive, required: true, description: Which}}\non_failure: {choose: leave}\n',
    );
    aegir = await startAegir({ types: types.path });
    way = await startTcpProxy(new URL(aegir.url).host, cluster.gateway);
    const store = await aegir.add('backup_stores', { name: 'folder', type: 'directory', folder, password });
    await aegir.add('backup_stores', { name: 'cloud', ...s3.store, password });
    const kubeconfig = await aegirKubeconfig(cluster);
    const place = { kind: 'kubernetes', connection: 'kubeconfig', kubeconfig, backup_store: store.id };
    farm = await aegir.add('clusters', { name: 'farm', ...place });
    await aegir.add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
    await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
    const values = { name: 'shop', release: 'one', cluster: 'farm', kind: 'staging', primary_name: 'shop.example.org' };
    site = await aegir.add('environments', values);
    await succeeds('make_place');
    hands = handsIn(cluster, 'aegir-shop');
    await hands.sh(
      'cd /srv/site && mkdir files private && echo one >files/one && head -c 3000000 /dev/urandom >private/two && ln -s one files/link',
    );
    await hands.sql(
      "create table pages (id int primary key, text text); insert into pages values (1, 'first'), (2, 'sec\\'ond')",
    );
  });
  afterAll(async () => {
    await way?.stop();
    await aegir?.stop();
    await s3?.stop();
    types.remove();
    await cluster?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('what is missing on the Cluster is told: the image before it begins, the way to a folder when it does', async () => {
    const refused = await aegir.call<{ problems: { message: string }[] }>(
      'POST',
      `/api/environments/${site.id}/operations`,
      { type: 'keep_it', input: {} },
    );
    expect(refused.body.problems.map(({ message }) => message)).toContain(
      'Look whether it can be backed up: Enter an image for “Tools” on the Cluster.',
    );
    await change('clusters', farm, { tools_image: 'registry.local/tools:1' });
    expect(await fails('keep_it')).toBe(
      'The Backup store is a folder of the control plane, and pods of the Cluster farm know no way there: enter “Address of Aegir for Jobs” on it, or choose a Backup store of another type.',
    );
    expect(await fails('pack_it')).toMatch(
      /Archives lie at the control plane, and pods of the Cluster farm know no way/,
    );
    expect(await jobs()).toEqual([]);
  });

  test('a backup goes into a folder of the control plane as one of a Server does, and comes back', async () => {
    await change('clusters', farm, { feedback_url: `http://${way.address}` });
    const before = await content();
    const operation = await succeeds('keep_it');
    const log = await aegir.log(operation.id);
    expect(log).toMatch(/TASK \[store_backup : Put the copy into the store and read it back\]/);
    for (const secret of [password, 'feedback_token', '__ansible_unsafe']) expect(log).not.toContain(secret);
    const backup = await newestBackup();
    const manifest = backup.values.manifest as Record<string, unknown>;
    expect(manifest).toMatchObject({
      version: 1,
      environment: 'shop',
      project: 'shop',
      application: 'static',
      hash: 'a'.repeat(40),
      database: { tables: { pages: 2 }, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      files: { count: 2, bytes: 4 },
      private: { count: 1, bytes: 3_000_000 },
    });
    expect(readdirSync(folder)).toEqual([site.id]);
    await hands.sh('cd /srv/site && rm private/two && echo two >files/one && mkdir files/more');
    await hands.sql('drop table pages; create table others (id int)');
    await succeeds('bring_back', { backup: backup.id });
    expect(await content()).toEqual(before);
    expect(await hands.sql('show tables')).toBe('pages');
  });

  test('one into S3 needs no way to the control plane; another password, and another dump, are told in the words of Servers', async () => {
    await change('environments', site, { backup_store: 'cloud' });
    await change('clusters', farm, { feedback_url: '' });
    const before = await content();
    await succeeds('keep_it');
    expect(readdirSync(join(s3.folder, 'a/b'))).toEqual([site.id]);
    expect(await lies((await newestBackup()).values.snapshot)).toEqual([
      '/backup',
      '/backup/database.sql',
      '/backup/manifest.json',
      '/files',
      '/files/link',
      '/files/one',
      '/private',
      '/private/two',
    ]);
    await hands.sh('rm -r /srv/site/files/*');
    await succeeds('bring_back', { backup: (await newestBackup()).id });
    expect(await content()).toEqual(before);
    const cloud = (await aegir.send<Page<Entity>>('GET', '/api/backup_stores?name=cloud')).items[0] as Entity;
    await change('backup_stores', cloud, { password: 'wrong' });
    expect(await fails('keep_it')).toMatch(
      /Task “Look at the programs, the Backup store and the disk” failed: The encryption password of the Backup store is not the one with which this repository was made\.$/,
    );
    await change('backup_stores', cloud, { password });
    expect(await fails('keep_another')).toMatch(
      /The dump of the database has changed since it was written\. Back up again\.$/,
    );
    await cluster.kubectl(['-n', 'aegir-shop', 'scale', 'statefulset/database', '--replicas=0']);
    expect(await fails('keep_it')).toMatch(
      /The database was not copied\. The database cannot be reached: the database Server database does not answer/,
    );
    expect(await hands.sh('ls /srv/site/backup')).not.toContain('new');
    await cluster.kubectl(['-n', 'aegir-shop', 'scale', 'statefulset/database', '--replicas=1']);
    await cluster.kubectl(['-n', 'aegir-shop', 'rollout', 'status', 'statefulset/database']);
  });

  test('outputs beyond what a pod may leave go by the control plane; without a way there it says so', async () => {
    const many = Array.from({ length: 150 }, (_, index) => `table_with_a_rather_long_name_${index}`);
    await hands.sql(many.map(name => `create table ${name} (id int)`).join('; '));
    expect(await fails('keep_it')).toMatch(
      /The outputs of this Task have \d+ bytes, of which a pod may leave 4095: enter “Address of Aegir for Jobs” on the Cluster/,
    );
    await change('clusters', farm, { feedback_url: `http://${way.address}` });
    await succeeds('keep_it');
    const { database } = (await newestBackup()).values.manifest as { database: { tables: Record<string, number> } };
    expect(Object.keys(database.tables)).toEqual(expect.arrayContaining(many));
  });

  test('a worker that is killed while restic works is followed by another one, and its Job goes on', async () => {
    await change('environments', site, { backup_store: 'folder' });
    await hands.sh('head -c 50000000 /dev/urandom >/srv/site/files/much');
    const { id } = await aegir.send<OperationView>('POST', `/api/environments/${site.id}/operations`, {
      type: 'keep_it',
      input: {},
    });
    await expect.poll(() => aegir.log(id), { timeout: 60_000 }).toMatch(/Put the copy into the store and read it back/);
    way.freeze();
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.startWorker();
    await expect.poll(() => aegir.log(id), { timeout: 60_000 }).toMatch(/Going on with the Job/);
    way.heal();
    const operation = await aegir.waitFor(id);
    expect(operation.state, await aegir.log(id)).toBe('succeeded');
    const stored = operation.tasks.find(({ step }) => step === 'store');
    expect(stored?.attempts.map(({ number }) => number)).toEqual([1, 2]);
    expect(await jobs(`aegir.dev/task=${stored?.id}`)).toHaveLength(1);
    expect((await newestBackup()).values.manifest).toMatchObject({ files: { bytes: 50_000_004 } });
    await hands.sh('rm /srv/site/files/much');
  });

  test('an archive is made without code, and its content comes into the site again', async () => {
    const before = await content();
    const operation = await succeeds('pack_it');
    const archive = operation.tasks.at(-1)?.outputs?.archive;
    await hands.sh('rm -r /srv/site/files/one');
    await hands.sql('delete from pages');
    await succeeds('load_it', { archive });
    expect(await content()).toEqual(before);
  });
});
