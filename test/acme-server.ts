// A real certificate authority for tests: Debian's pebble, which asks names by the /etc/hosts of a test host, or by one of its own.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestHost } from './test-host.ts';

export interface AcmeServer {
  /** Fields of a Cluster. */
  directory: string;
  ca: string;
  /** Who signs the certificates that it gives, in PEM format. */
  root: string;
}

const configOf = (folder: string, address: string) => ({
  pebble: {
    listenAddress: `${address}:14000`,
    managementListenAddress: `${address}:15000`,
    certificate: `${folder}/own.pem`,
    privateKey: `${folder}/own.key`,
    httpPort: 80,
    tlsPort: 443,
    domainBlocklist: ['blocked.test'],
  },
});

/** It neither waits before it asks nor refuses what it could take. */
const patience = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' };

/** @returns why it cannot be had, when the package sources of the host do not have it. */
export async function startAcmeServer(host: TestHost): Promise<AcmeServer | string> {
  if ((await host.exec('apt-cache show pebble')).code !== 0)
    return 'The package sources of test hosts have no package pebble (a test ACME server).';
  const started = await host.exec(`set -e
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install pebble >/dev/null
    mkdir -p /srv/pebble; cd /srv/pebble
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \\
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout own.key -out own.pem 2>/dev/null
    echo '${JSON.stringify(configOf('/srv/pebble', '127.0.0.1'))}' >config.json
    systemd-run --quiet --unit pebble ${Object.entries(patience)
      .map(([name, value]) => `--setenv ${name}=${value}`)
      .join(' ')} pebble -config /srv/pebble/config.json
    python3 -c "${waitFor}" 127.0.0.1 /srv/pebble/root.pem; cat own.pem; echo ====; cat root.pem`);
  if (started.code !== 0) throw new Error(`pebble does not start: ${started.stderr}${started.stdout}`);
  const [ca = '', root = ''] = started.stdout.split('====\n');
  return { directory: 'https://localhost:14000/dir', ca, root };
}

const waitFor = `
import ssl, sys, time, urllib.request
context = ssl._create_unverified_context()
for attempt in range(300):
    try:
        root = urllib.request.urlopen('https://' + sys.argv[1] + ':15000/roots/0', context=context).read()
        break
    except OSError:
        time.sleep(0.1)
open(sys.argv[2], 'wb').write(root)
`.replaceAll('"', '\\"');

/**
 * One on this machine, of the package in the cache of test hosts. Goes with the test run, however that ends.
 * @param address where it listens @param names what each points to
 * @returns why it cannot be had
 */
export async function startAcmeServerHere(
  address: string,
  names: Record<string, string>,
): Promise<(AcmeServer & { stop(): Promise<void> }) | string> {
  const settings = join(import.meta.dirname, 'hosts', 'settings.sh');
  const { stdout: cache } = await execa('bash', ['-c', '. "$1"; echo "$cache"', 'bash', settings]);
  const packages = join(cache, 'base/srv/debs');
  const found = existsSync(packages) ? (await readdir(packages)).find(name => /^pebble_/.test(name)) : undefined;
  if (!found) return 'The package sources of test hosts have no package pebble (a test ACME server).';
  const folder = await mkdtemp(join(tmpdir(), 'aegir-acme-'));
  await execa('dpkg-deb', ['-x', join(packages, found), folder]);
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  const subject = ['-subj', '/CN=authority', '-addext', `subjectAltName=IP:${address}`];
  await execa('openssl', [...request, ...subject, '-keyout', `${folder}/own.key`, '-out', `${folder}/own.pem`]);
  await writeFile(join(folder, 'config.json'), JSON.stringify(configOf(folder, address)));
  const lines = Object.entries(names).map(([name, where]) => `${where} ${name}\n`);
  await writeFile(join(folder, 'hosts'), lines.join(''));
  const begin =
    'mount --bind "$1/hosts" /etc/hosts; exec setpriv --pdeathsig KILL "$1/usr/bin/pebble" -config "$1/config.json"';
  const child = spawn('unshare', ['--mount', 'sh', '-euc', begin, 'sh', folder], {
    ...{ stdio: 'ignore', env: { ...process.env, ...patience } },
  });
  const ended = new Promise(resolve => child.once('close', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await execa('python3', ['-c', waitFor, address, `${folder}/root.pem`]);
    const [ca, root] = await Promise.all(['own.pem', 'root.pem'].map(name => readFile(join(folder, name), 'utf8')));
    return { directory: `https://${address}:14000/dir`, ca: ca ?? '', root: root ?? '', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
