// Backups of a site on a real SFTP server (OpenSSH) and a real S3 server (rclone): there and back, nothing of their keys where
// others could see it, and what is said when they refuse.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playRole, words } from './play-role.ts';
import { findSecrets } from './secret-places.ts';
import { canServeS3, type S3Server, type StoreFields, startS3Server, startSftpServer } from './store-servers.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts() ?? canServeS3();
const path = '/var/lib/aegir/environments/shop';
const repository = '01J00000000000000000000000';
const password = 'correct horse battery';

describe.skipIf(reason !== null)(`stores of backups${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let web: TestHost;
  let keeper: TestHost;
  let s3: S3Server;
  const stores: Record<string, StoreFields> = {};
  let tasks = 0;

  const onWeb = async (command: string) => (await web.exec(command)).stdout;
  const site = () => onWeb(`cd ${path} && find files private -type f -exec sha256sum {} + | sort`);
  const attempt = (role: string, store: StoreFields, more: Record<string, unknown> = {}) => {
    const aegir = { task: `T${++tasks}`, feedback_url: 'http://127.0.0.1:9/', feedback_token: 'none' };
    const place = { environment_name: 'shop', environment_path: path, environment_id: repository, repository };
    const values = { ...place, deployed_hash: 'a'.repeat(40), store: { password, ...store }, ...more };
    return playRole(role, { aegir, ...values }, { host: web });
  };
  const play = async (role: string, store: StoreFields, more: Record<string, unknown> = {}) => {
    const result = await attempt(role, store, more);
    if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
    return result.outputs;
  };
  const refused = async (store: StoreFields, more: Record<string, unknown> = {}, role = 'store_backup') => {
    const result = await attempt(role, store, more);
    if (result.code !== 2) throw new Error(`${role} was to fail:\n${result.output}`);
    return words(result);
  };
  const storeOf = (type: string) => stores[type] as StoreFields;

  beforeAll(async () => {
    [web, keeper] = await Promise.all([startTestHost('stw', 'web'), startTestHost('stk')]);
    stores.sftp = await startSftpServer(keeper);
    s3 = await startS3Server(web.gateway);
    stores.s3 = s3.store;
    const { code } = await playRole('prepare_environment', { environment_name: 'shop' }, { host: web });
    expect(code).toBe(0);
  });

  afterAll(async () => {
    await s3?.stop();
    await Promise.all([web?.stop(), keeper?.stop()]);
  });

  describe.each(['sftp', 's3'])('%s', type => {
    test('a backup goes there and comes back; each Environment has a repository of its own', async () => {
      await onWeb(`cd ${path} && echo '${type}' >files/one && head -c 3000000 /dev/urandom >private/two`);
      const before = await site();
      const { snapshot } = await play('store_backup', storeOf(type));
      await onWeb(`cd ${path} && echo other >files/one && rm private/two`);
      expect(await site()).not.toBe(before);
      await play('restore_backup', storeOf(type), { snapshot });
      expect(await site()).toBe(before);
      const other = '01J00000000000000000000009';
      await play('store_backup', storeOf(type), { repository: other });
      const places =
        type === 's3'
          ? readdirSync(join(s3.folder, 'a/b'))
          : (await keeper.exec('ls /srv/sftp/backups')).stdout.split('\n');
      expect(places.sort()).toEqual([repository, other]);
      expect(
        await refused(
          storeOf(type),
          { snapshot, environment_id: other, repository: other, parts: 'files' },
          'restore_backup',
        ),
      ).toContain('This backup is not in the Backup store any more');
    });

    test('keys are on no command line, in no environment, and in no file, while it works and afterwards', async () => {
      await onWeb(`cd ${path} && head -c 20000000 /dev/urandom >files/much`);
      await web.exec(`systemd-run --quiet --collect --unit watch sh -c 'while sleep 0.02; do
        for p in /proc/[0-9]*; do cat $p/cmdline $p/environ 2>/dev/null | tr "\\0" "\\n"; done; done >/root/seen'`);
      const { snapshot } = await play('store_backup', storeOf(type));
      await play('restore_backup', storeOf(type), { snapshot });
      await web.exec('systemctl stop watch');
      const folder = mkdtempSync(join(tmpdir(), 'aegir-seen-'));
      try {
        const seen = join(folder, 'seen');
        const flags = ['-q', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
        execFileSync('scp', [...flags, '-i', web.keyFile, `root@${web.address}:/root/seen`, seen], { stdio: 'ignore' });
        const text = readFileSync(seen, 'latin1');
        expect(text).toMatch(/restic/);
        const { private_key = '', secret_key = '' } = storeOf(type);
        expect(
          findSecrets(text, { private_key: String(private_key), secret_key: String(secret_key), password }),
        ).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      const line = String(storeOf(type).private_key ?? storeOf(type).secret_key)
        .split('\n')
        .at(type === 's3' ? 0 : 1);
      await web.exec('rm /root/seen');
      const found = await web.exec(
        `grep -rlF -e '${line}' /root /tmp /var/tmp /run /var/cache ${path} 2>/dev/null; pgrep -l 'restic|ssh$'`,
      );
      expect(found.stdout).toBe('');
    });

    test('another encryption password is told as such', async () => {
      expect(await refused({ ...storeOf(type), password: 'wrong' })).toContain(
        'The encryption password of the Backup store is not the one',
      );
    });
  });

  test('an SFTP server says why it does not take a backup', async () => {
    const sftp = storeOf('sftp');
    const foreign = `ssh-ed25519 ${Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 ', 'latin1'), randomBytes(32)]).toString('base64')}`;
    expect(await refused({ ...sftp, host_key: foreign })).toContain(
      'has another host key than the one that is entered',
    );
    expect(await refused({ ...sftp, private_key: web.privateKey })).toContain(
      'does not let the user in with this private key',
    );
    expect(
      await refused({
        ...sftp,
        private_key: '-----BEGIN OPENSSH PRIVATE KEY-----\nnone\n-----END OPENSSH PRIVATE KEY-----',
      }),
    ).toContain('The private key of the Backup store cannot be read');
    expect(await refused({ ...sftp, port: 9 })).toContain('The Backup store does not answer');
    expect(await refused({ ...sftp, folder: '/closed' })).toContain(
      'The folder of the Backup store may not be written by its user',
    );
    expect(await refused({ ...sftp, host_key: 'x', user: '-oProxyCommand=id', folder: 'here', address: '' })).toContain(
      'address is missing. user is no user name. folder is no absolute path. host_key is no host key.',
    );
  });

  test('an S3 service says why it does not take a backup', async () => {
    const { store } = s3;
    expect(await refused({ ...store, secret_key: 'other' })).toContain('refuses the access key');
    expect(await refused({ ...store, access_key: 'OTHER' })).toContain('refuses the access key');
    expect(await refused({ ...store, bucket: 'nothing' })).toContain('The bucket of the Backup store does not exist');
    expect(await refused({ ...store, address: `http://${web.gateway}:9` })).toContain(
      'The Backup store does not answer',
    );
    expect(await refused({ ...store, bucket: 'X', access_key: '', region: 'a b' })).toContain(
      'bucket is no name of a bucket. access_key is missing. region is no region.',
    );
  });

  test('a full SFTP server is told as such, and takes backups again when there is room', async () => {
    const small = { ...storeOf('sftp'), folder: '/small' };
    await keeper.exec('mkdir /srv/sftp/small && mount -t tmpfs -o size=8m,mode=777 tmpfs /srv/sftp/small');
    expect(await refused(small)).toContain('most likely its disk is full or the quota of its user used up');
    await keeper.exec('mount -o remount,size=100m /srv/sftp/small');
    const { snapshot } = await play('store_backup', small);
    expect(snapshot).toMatch(/^[0-9a-f]{64}$/);
  });
});
