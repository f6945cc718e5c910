// A registry of images for a test cluster: Debian's docker-registry on this machine's end of the cluster's cable.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { TestCluster } from './test-cluster.ts';

export interface Registry {
  /** Host and port, as names of images begin: the node pulls from there, pods push there, without TLS. */
  address: string;
  /** Puts an image that is on the node there. @returns its name by digest. */
  push(image: string, name: string): Promise<string>;
  /** What it says that a tag is. @returns the name by digest, or null where there is none. */
  digestOf(name: string): Promise<string | null>;
  stop(): Promise<void>;
}

/** Who may use a registry. Its passwords are known as htpasswd writes them (bcrypt). */
export interface RegistryAccount {
  user: string;
  password: string;
  hash: string;
}

/** The port that nodes know for `registry.local` (cluster/configuration). */
const usualPort = 5000;

/** Goes with the test run, however that ends. @param account without one anybody may read and write. */
export async function startRegistry(
  cluster: TestCluster,
  { port = usualPort, account }: { port?: number; account?: RegistryAccount } = {},
): Promise<Registry> {
  const address = `${cluster.gateway}:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'aegir-registry-'));
  const file = join(folder, 'registry.yml');
  const passwords = join(folder, 'passwords');
  if (account) writeFileSync(passwords, `${account.user}:${account.hash}\n`);
  writeFileSync(
    file,
    JSON.stringify({
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(folder, 'images') } },
      http: { addr: address },
      ...(account ? { auth: { htpasswd: { realm: 'images', path: passwords } } } : {}),
    }),
  );
  const program = ['--pdeathsig', 'KILL', 'docker-registry', 'serve', file];
  const child = spawn('setpriv', program, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', text => {
    said += text;
  });
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await answers(`http://${address}/v2/`, () => child.exitCode === null);
  } catch (error) {
    await stop();
    throw new Error(`The registry does not answer on ${address}. It said: ${said}`, { cause: error });
  }
  const digestOf = async (name: string) => {
    const [path, tag] = name.split(':');
    const known = account ? Buffer.from(`${account.user}:${account.password}`).toString('base64') : '';
    const headers = {
      accept: 'application/vnd.oci.image.manifest.v1+json',
      ...(account ? { authorization: `Basic ${known}` } : {}),
    };
    const answer = await fetch(`http://${address}/v2/${path}/manifests/${tag}`, { headers });
    return answer.ok ? `${address}/${path}@${answer.headers.get('docker-content-digest')}` : null;
  };
  return {
    address,
    push: async (image, name) => {
      const ctr = ['--address', join(cluster.folder, 'containerd.sock'), '--namespace', 'k8s.io', 'images', 'push'];
      const user = account ? ['--user', `${account.user}:${account.password}`] : [];
      await execa('ctr', [...ctr, '--plain-http', ...user, `${address}/${name}`, image]);
      return String(await digestOf(name));
    },
    digestOf,
    stop,
  };
}

/** It takes a moment; half a minute is more than any machine needs. */
async function answers(url: string, isAlive: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (Date.now() > end || !isAlive()) throw error;
      await delay(50);
    }
  }
}
