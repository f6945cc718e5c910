// Real servers for tests: Debian with systemd, sshd, an address and a file system of its own, up in a second
// (test/hosts/README.md). Git repositories that they can reach are served by test/git-server.ts.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { missingPackages } from './debian-packages.ts';
import { noTimeLeft } from './time-limit.ts';

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface TestHost {
  name: string;
  address: string;
  /** This machine's own address as the host reaches it. */
  gateway: string;
  /** root's private key, as text, and the file that holds it. */
  privateKey: string;
  keyFile: string;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
  /** Runs a shell command as root. Never throws for its exit code. */
  exec(command: string): Promise<ExecResult>;
  cutNetwork(): Promise<void>;
  healNetwork(): Promise<void>;
  stop(): Promise<void>;
}

const scripts = join(import.meta.dirname, 'hosts');
const runFolder = process.env.HOSTS_RUN ?? join(tmpdir(), 'aegir-hosts');

const neededCommands: Record<string, string> = {
  debootstrap: 'debootstrap',
  'dpkg-scanpackages': 'dpkg-dev',
  ip: 'iproute2',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  unshare: 'util-linux',
};

/** Why this machine cannot run test hosts, in words; null when it can. */
export function canRunHosts(): string | null {
  if (process.platform !== 'linux') return 'Test hosts need Linux.';
  if (process.getuid?.() !== 0) return 'Test hosts need root.';
  const missing = missingPackages(neededCommands);
  return missing.length === 0 ? noTimeLeft() : `Test hosts need the Debian packages ${missing.join(', ')}.`;
}

/** What a host has installed from the beginning, so that a test which is not about Prepare does not wait for packages. */
export type Stock = 'web' | 'database';

/** A host that is up and answers ssh. `stop` leaves nothing of it; a test run that is killed is swept by the next one. */
export async function startTestHost(prefix = 'host', stock?: Stock): Promise<TestHost> {
  // At most 13 characters: the name of its network device is made of it.
  const name = `${prefix.slice(0, 6)}-${randomBytes(3).toString('hex')}`;
  const { stdout: address } = await execa(join(scripts, 'up'), [name, String(process.pid), ...(stock ? [stock] : [])]);
  const keyFile = join(runFolder, name, 'key');
  const hostKeyLine = await readFile(join(runFolder, name, 'root/etc/ssh/ssh_host_ed25519_key.pub'), 'utf8');
  return {
    name,
    address,
    gateway: address.replace(/\d+$/, '1'),
    privateKey: await readFile(keyFile, 'utf8'),
    keyFile,
    hostKey: hostKeyLine.trim().split(' ').slice(0, 2).join(' '),
    exec: command => runOverSsh(address, keyFile, command),
    cutNetwork: () => setLink(name, 'down'),
    healNetwork: () => setLink(name, 'up'),
    stop: async () => void (await execa(join(scripts, 'down'), [name])),
  };
}

/** A file of the packages of a stock, as it lies in the cache: no host is up for it. */
export async function stockFile(stock: Stock, path: string): Promise<string> {
  await execa(join(scripts, 'base'));
  await execa(join(scripts, 'stock'), [stock]);
  const print = '. "$1"; echo "$cache/$2/$3"';
  const { stdout } = await execa('bash', ['-c', print, 'bash', join(scripts, 'settings.sh'), stock, path]);
  return stdout;
}

async function runOverSsh(address: string, keyFile: string, command: string): Promise<ExecResult> {
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  const flags = options.flatMap(option => ['-o', option]);
  const result = await execa('ssh', ['-i', keyFile, ...flags, `root@${address}`, command], {
    reject: false,
    stdin: 'ignore',
  });
  return { code: result.exitCode ?? 255, stdout: result.stdout, stderr: result.stderr };
}

async function setLink(name: string, state: 'up' | 'down'): Promise<void> {
  await execa('ip', ['link', 'set', `v-${name}`, state]);
}
