// A real Kubernetes for tests: one node with pods, storage, network policies, DNS and an ingress, up in 5 seconds
// (test/cluster/README.md).

import { spawnSync } from 'node:child_process';
import { createSign, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { missingPackages } from './debian-packages.ts';
import { noTimeLeft } from './time-limit.ts';

export interface TestCluster {
  name: string;
  /** Where the ingress (80, 443), the API (6443) and node ports answer; pods and Services are reached by their own addresses. */
  address: string;
  /** This machine's own address as pods reach it. */
  gateway: string;
  /** The administrator's, as text. */
  kubeconfig: string;
  /** Where its logs (`log`), settings and sockets are, until `stop`. */
  folder: string;
  /** What kubectl prints. Throws with what it says when it fails. */
  kubectl(args: string[], options?: KubectlOptions): Promise<string>;
  /** Applies YAML texts and objects as the administrator. */
  apply(...manifests: (string | object)[]): Promise<void>;
  /** Puts an image of test/cluster/images on the node; after that pods start with it at once. */
  importImage(name: ImageName): Promise<ImportedImage>;
  /** A kubeconfig of a ServiceAccount that exists. */
  accountKubeconfig(account: Account): Promise<string>;
  /** Kills the API server: connections break, and new ones are refused until `startApi`. */
  stopApi(): Promise<void>;
  /** Comes back when the API is ready. */
  startApi(): Promise<void>;
  /** The same for any part of the node. `startComponent` does not wait. */
  stopComponent(component: Component): Promise<void>;
  startComponent(component: Component): Promise<void>;
  stop(): Promise<void>;
}

export interface KubectlOptions {
  /** What `--filename -` reads. */
  input?: string;
  /** Text. The administrator's when it is left out. */
  kubeconfig?: string;
}

export type ImageName = 'build' | 'mariadb' | 'pause' | 'php' | 'serve' | 'static' | 'steps' | 'tools';

export interface ImportedImage {
  /** `registry.local/serve:1` */
  name: string;
  /** `registry.local/serve@sha256:…`: the same by its digest. */
  byDigest: string;
}

export interface Account {
  namespace: string;
  name: string;
  /**
   * For how long its token is good, an hour when this is left out; what is negative is over already. A token that was taken goes
   * on being taken for up to 10 s after its end: so long the API server remembers it.
   */
  lifetimeSeconds?: number;
}

export type Component =
  | 'containerd'
  | 'coredns'
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-proxy'
  | 'kube-scheduler'
  | 'kubelet'
  | 'traefik';

const project = join(import.meta.dirname, '..');
const scripts = join(import.meta.dirname, 'cluster');

const neededCommands: Record<string, string> = {
  conntrack: 'conntrack',
  containerd: 'containerd',
  curl: 'curl',
  debootstrap: 'debootstrap',
  'docker-registry': 'docker-registry',
  ip: 'iproute2',
  nft: 'nftables',
  openssl: 'openssl',
  pgrep: 'procps',
  runc: 'runc',
  unshare: 'util-linux',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
};

/** Why this machine cannot run test clusters, in words; null when it can. */
export function canRunClusters(): string | null {
  if (process.platform !== 'linux') return 'Test clusters need Linux.';
  if (process.getuid?.() !== 0) return 'Test clusters need root.';
  const missing = missingPackages(neededCommands);
  if (missing.length > 0) return `Test clusters need the Debian packages ${missing.join(', ')}.`;
  if (!hasGo()) return 'Test clusters need Go 1.24 or newer on the PATH or in /usr/local/go.';
  const traefik = process.env.CLUSTER_TRAEFIK ?? join(project, '.cache', 'programs', 'bin', 'traefik');
  return existsSync(traefik) ? noTimeLeft() : 'traefik is missing: run “node install.mjs --with-tests”.';
}

/** Kubernetes 1.34 is written for Go 1.24; Debian 12 has an older one. */
function hasGo(): boolean {
  const path = [process.env.PATH, '/usr/local/go/bin'].join(delimiter);
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8', env: { ...process.env, PATH: path } });
  const [, minor] = /go1\.(\d+)/.exec(stdout ?? '') ?? [];
  return Number(minor) >= 24;
}

/**
 * A cluster whose node is ready. The first one of a machine waits for its binary to be built (test/cluster/build), which may
 * take a quarter of an hour beside other tests; a failure has the end of what was said.
 * `stop` leaves nothing of it; a test run that is killed is swept by the next one.
 */
export async function startTestCluster(prefix = 'kube'): Promise<TestCluster> {
  // At most 13 characters: the name of its network device is made of it.
  const name = `${prefix.slice(0, 6)}-${randomBytes(3).toString('hex')}`;
  const { stdout: address } = await execa(join(scripts, 'up'), [name, String(process.pid)]);
  const { folder, binary } = await whereIs(name);
  const kubeconfigFile = join(folder, 'conf', 'admin.kubeconfig');
  const kubectl = async (args: string[], { input = '', kubeconfig }: KubectlOptions = {}) => {
    const file =
      kubeconfig === undefined ? kubeconfigFile : join(folder, 'conf', `${randomBytes(4).toString('hex')}.kubeconfig`);
    if (kubeconfig !== undefined) await writeFile(file, kubeconfig, { mode: 0o600 });
    return (await execa(binary, ['kubectl', '--kubeconfig', file, ...args], { input })).stdout;
  };
  const component = async (what: 'start' | 'stop', which: Component) =>
    void (await execa(join(scripts, 'component'), [what, name, which]));
  return {
    name,
    address,
    gateway: address.replace(/\d+$/, '1'),
    kubeconfig: await readFile(kubeconfigFile, 'utf8'),
    folder,
    kubectl,
    apply: async (...manifests) => {
      const documents = manifests.map(each => (typeof each === 'string' ? each : JSON.stringify(each)));
      await kubectl(['apply', '--filename', '-'], { input: documents.join('\n---\n') });
    },
    importImage: image => importImage(name, image),
    accountKubeconfig: async account => {
      const uid = await kubectl([
        'get',
        'serviceaccount',
        account.name,
        '--namespace',
        account.namespace,
        '--output',
        'jsonpath={.metadata.uid}',
      ]);
      return renderKubeconfig({
        name,
        server: `https://${address}:6443`,
        authority: await readFile(join(folder, 'pki', 'ca.crt')),
        user: account.name,
        token: signToken(await readFile(join(folder, 'pki', 'accounts.key'), 'utf8'), account, uid),
      });
    },
    stopApi: () => component('stop', 'kube-apiserver'),
    startApi: async () => {
      await component('start', 'kube-apiserver');
      await answers(() => kubectl(['get', '--raw', '/readyz']));
    },
    stopComponent: which => component('stop', which),
    startComponent: which => component('start', which),
    stop: async () => void (await execa(join(scripts, 'down'), [name])),
  };
}

/** Where the scripts have put things: only test/cluster/settings.sh knows. */
async function whereIs(name: string): Promise<{ folder: string; binary: string }> {
  const print = '. "$1"; echo "$run/$2"; echo "$binary"';
  const { stdout } = await execa('bash', ['-c', print, 'bash', join(scripts, 'settings.sh'), name]);
  const [folder = '', binary = ''] = stdout.split('\n');
  return { folder, binary };
}

async function importImage(cluster: string, image: ImageName): Promise<ImportedImage> {
  const { stdout: byDigest } = await execa(join(scripts, 'import'), [cluster, image]);
  return { name: `registry.local/${image}:1`, byDigest };
}

/** A token as the API server itself makes them, but with any life time: it would give none of less than ten minutes. */
function signToken(key: string, { namespace, name, lifetimeSeconds = 3600 }: Account, uid: string): string {
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const now = Math.floor(Date.now() / 1000);
  // The API server allows for clocks that differ by a minute.
  const expires = now + lifetimeSeconds - 60;
  const claims = {
    iss: issuer,
    aud: [issuer],
    sub: `system:serviceaccount:${namespace}:${name}`,
    exp: expires,
    iat: Math.min(now, expires) - 1,
    nbf: Math.min(now, expires) - 1,
    'kubernetes.io': { namespace, serviceaccount: { name, uid } },
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
}

interface Login {
  name: string;
  server: string;
  authority: Buffer;
  user: string;
  token: string;
}

function renderKubeconfig({ name, server, authority, user, token }: Login): string {
  const cluster = { server, 'certificate-authority-data': authority.toString('base64') };
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name, context: { cluster: name, user } }],
    },
    null,
    2,
  );
}

/** Half a minute is ten times of what it takes. */
async function answers(ask: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
