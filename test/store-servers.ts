// Servers on which backups are kept, for tests: OpenSSH's SFTP for one user on a test host, and rclone's S3 on this machine.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../start/ports.ts';
import { project } from './plain-ansible.ts';
import type { TestHost } from './test-host.ts';

/** Fields of a Backup store. */
export type StoreFields = Record<string, string | number>;

export const sftpPort = 2222;

/** A user who sees nothing but `/srv/sftp`, on an sshd of its own. */
export async function startSftpServer(host: TestHost): Promise<StoreFields> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-key-'));
  try {
    const file = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a test', '-f', file]);
    const { code, stderr } = await host.exec(`set -e
      useradd --home-dir / --no-create-home --shell /usr/sbin/nologin --password '*' keeper
      install -d -m 755 /srv/sftp && install -d -o keeper -m 700 /srv/sftp/backups
      echo '${readFileSync(`${file}.pub`, 'utf8').trim()}' >/etc/ssh/keeper.pub
      cat >/etc/ssh/sftp_config <<'END'
Port ${sftpPort}
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd-sftp.pid
AuthorizedKeysFile /etc/ssh/keeper.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
ChrootDirectory /srv/sftp
END
      systemd-run --quiet --unit sftp-test /usr/sbin/sshd -D -f /etc/ssh/sftp_config`);
    if (code !== 0) throw new Error(`The SFTP server did not start: ${stderr}`);
    await answers(host.address, sftpPort);
    const place = { type: 'sftp', address: host.address, port: sftpPort, user: 'keeper', folder: '/backups' };
    return { ...place, host_key: host.hostKey, private_key: readFileSync(file, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface S3Server {
  store: StoreFields;
  /** Where the bucket lies. */
  folder: string;
  stop(): Promise<void>;
}

/** Why there is none; null when there is. */
export function canServeS3(): string | null {
  return existsSync(rclone) ? null : 'rclone is missing: run “node install.mjs --with-tests”.';
}

const rclone = join(project, '.cache', 'programs', 'bin', 'rclone');

/** Checks signatures as the real ones do. @param host address on which it listens. */
export async function startS3Server(host: string, keys = { access_key: 'AKTESTKEY', secret_key: 'hush;#hush/41+9x' }) {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-s3-'));
  mkdirSync(join(folder, 'backups'));
  const port = await freePort();
  const flags = ['--auth-key', `${keys.access_key},${keys.secret_key}`, '--addr', `${host}:${port}`, '--config', ''];
  const child = spawn(rclone, ['serve', 's3', ...flags, '--vfs-cache-mode', 'off', folder], { stdio: 'ignore' });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await answers(host, port);
  } catch (error) {
    await stop();
    throw error;
  }
  const store = { type: 's3', address: `http://${host}:${port}`, bucket: 'backups', folder: '/a/b', ...keys };
  return { store, folder: join(folder, 'backups'), stop } satisfies S3Server;
}

/** Half a minute is far more than either needs. */
async function answers(host: string, port: number): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = createConnection({ host, port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false)).once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    if (Date.now() > end) throw new Error(`Nothing answers on ${host}:${port}.`);
    await delay(100);
  }
}
