// What tests rely on when they use a cluster: that it is a real one, that several are apart, and that nothing stays of it.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';
import { createVisitor } from './visitor.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: the test cluster. ${reason}`);

const scripts = join(import.meta.dirname, 'cluster');

/** Ten times of what each of these takes. */
const wait = { timeout: 30_000, interval: 100 };

describe.skipIf(reason !== null)('a test cluster', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startTestCluster('self');
    await cluster.importImage('serve');
  });
  afterAll(() => cluster?.stop());

  const field = (object: string, path: string) =>
    cluster.kubectl(['--namespace', 'site', 'get', ...object.split(' '), '--output', `jsonpath={${path}}`]);
  const inPod = (...command: string[]) =>
    cluster.kubectl(['--namespace', 'site', 'exec', 'deployment/web', '--', '/serve', ...command]);
  const rolledOut = (what: string) =>
    cluster.kubectl(['--namespace', 'site', 'rollout', 'status', what, '--timeout=60s']);
  const completed = (job: string) =>
    cluster.kubectl(['--namespace', 'site', 'wait', '--for=condition=complete', `job/${job}`, '--timeout=60s']);
  const log = (job: string) => cluster.kubectl(['--namespace', 'site', 'logs', `job/${job}`]);

  describe('as a place for sites', () => {
    beforeAll(async () => {
      await cluster.apply(readFileSync(join(scripts, 'site.yaml'), 'utf8'));
      await makeCertificate(cluster, 'example.test');
      await rolledOut('deployment/web');
    });

    test('a restricted Deployment is ready, and is reached by its address and its Service', async () => {
      const page = async (url: string) => (await fetch(url)).text();
      expect(await page(`http://${await field('pod --selector app=web', '.items[0].status.podIP')}:8080/a`)).toMatch(
        /^web-\S+ \S+\/a hello\n$/,
      );
      expect(await page(`http://${await field('service web', '.spec.clusterIP')}/b`)).toContain('/b hello');
    });

    test('a pod finds Services by name, and nothing outside', async () => {
      expect(await inPod('get', 'http://web/c')).toContain('/c hello');
      expect(await inPod('get', 'http://web.site.svc.cluster.local/c')).toContain('/c hello');
      await expect(inPod('lookup', 'example.org')).rejects.toThrow('no such host');
      // An address of documentation, which nobody has: the node itself refuses, nothing leaves this machine.
      await expect(inPod('get', 'http://198.51.100.1/')).rejects.toThrow('unreachable');
    });

    test('a claim is bound; what a user without rights writes there is kept for the next pod', async () => {
      expect(await field('pvc data', '.status.phase')).toBe('Bound');
      await inPod('write', '/data/x', 'kept');
      await cluster.kubectl(['--namespace', 'site', 'rollout', 'restart', 'deployment/web']);
      await rolledOut('deployment/web');
      expect(await inPod('cat', '/data/x')).toBe('kept');
    });

    test('Jobs complete, those of CronJobs too, and their logs are read', async () => {
      await completed('once');
      expect(await log('once')).toBe('said by a job');
      await cluster.kubectl(['--namespace', 'site', 'create', 'job', '--from=cronjob/each', 'now']);
      await completed('now');
      expect(await log('now')).toContain('/cron hello');
    });

    test('an Ingress serves its host, by TLS with the certificate of its Secret', async () => {
      const visitor = createVisitor(cluster.address);
      await vi.waitFor(async () => {
        expect((await visitor.get('http://example.test/d')).body).toContain('example.test/d hello');
      }, wait);
      const certificate = execFileSync(
        'openssl',
        ['s_client', '-connect', `${cluster.address}:443`, '-servername', 'example.test'],
        { input: '', stdio: ['pipe', 'pipe', 'ignore'], encoding: 'utf8' },
      );
      expect(certificate).toContain('subject=CN = example.test');
      expect(await field('ingress web', '.status.loadBalancer.ingress[0].ip')).toBe(cluster.address);
    });

    test('a pod that takes more memory than its limit is killed for it', async () => {
      const limits = { memory: '32Mi' };
      const container = { name: 'eat', image: 'registry.local/serve:1', args: ['eat', '64'], resources: { limits } };
      await cluster.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'eat', namespace: 'site' },
        spec: { restartPolicy: 'Never', containers: [container] },
      });
      await vi.waitFor(
        async () =>
          expect(await field('pod eat', '.status.containerStatuses[0].state.terminated.reason')).toBe('OOMKilled'),
        wait,
      );
    });

    test('an image is there by its digest, too', async () => {
      const { name, byDigest } = await cluster.importImage('serve');
      expect([name, byDigest]).toEqual([
        'registry.local/serve:1',
        expect.stringMatching(/^registry\.local\/serve@sha256:[0-9a-f]{64}$/),
      ]);
      await cluster.kubectl([
        '--namespace',
        'site',
        'create',
        'job',
        'digest',
        `--image=${byDigest}`,
        '--',
        '/serve',
        'say',
        'it',
      ]);
      await completed('digest');
      expect(await log('digest')).toBe('it');
    });

    test('the namespace goes, and the folders of its volumes with it', async () => {
      await cluster.kubectl(['delete', 'namespace', 'site']);
      await vi.waitFor(
        async () => expect(await cluster.kubectl(['get', 'persistentvolumes', '--output', 'name'])).toBe(''),
        wait,
      );
    });
  });

  describe('between tenants', () => {
    const addresses: Record<string, string> = {};
    const reach = async (from: string, url: string) => {
      try {
        await cluster.kubectl(['--namespace', from, 'exec', 'deployment/web', '--', '/serve', 'get', `http://${url}/`]);
        return 'open';
      } catch {
        return 'closed';
      }
    };
    const policy = (namespace: string, name: string, spec: object) =>
      cluster.apply({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec });
    const becomes = (state: string, from: string, url: string) =>
      vi.waitFor(async () => expect(await reach(from, url)).toBe(state), wait);

    beforeAll(async () => {
      for (const name of ['tenant-a', 'tenant-b']) await cluster.apply(renderTenant(name));
      for (const name of ['tenant-a', 'tenant-b']) {
        await cluster.kubectl(['--namespace', name, 'rollout', 'status', 'deployment/web', '--timeout=60s']);
        const path = ['--selector', 'app=web', '--output', 'jsonpath={.items[0].status.podIP}'];
        addresses[name] = await cluster.kubectl(['--namespace', name, 'get', 'pod', ...path]);
      }
    });
    afterAll(() => cluster.kubectl(['delete', 'namespace', 'tenant-a', 'tenant-b', '--wait=false']));

    test('a policy closes a namespace to others, by Service and by address, and to nobody else', async () => {
      expect(await reach('tenant-b', 'web.tenant-a:8080')).toBe('open');
      await policy('tenant-a', 'own', {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: {} }] }],
      });
      await becomes('closed', 'tenant-b', 'web.tenant-a:8080');
      expect(await reach('tenant-b', `${addresses['tenant-a']}:8080`)).toBe('closed');
      expect(await reach('tenant-a', 'web:8080')).toBe('open');
      expect(await reach('tenant-a', 'web.tenant-b:8080')).toBe('open');
      await expect(
        fetch(`http://${addresses['tenant-a']}:8080/`, { signal: AbortSignal.timeout(2000) }),
      ).rejects.toThrow();
    });

    test('a policy opens a named port to a namespace, and a range of ports', async () => {
      const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'tenant-b' } } }];
      const open = (ports: object[]) =>
        policy('tenant-a', 'friends', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from, ports }] });
      await open([{ port: 'page' }]);
      await becomes('open', 'tenant-b', 'web.tenant-a:8080');
      await open([{ port: 8081, endPort: 8090 }]);
      await becomes('closed', 'tenant-b', 'web.tenant-a:8080');
      await open([{ port: 8000, endPort: 8090 }]);
      await becomes('open', 'tenant-b', 'web.tenant-a:8080');
    });

    test('a policy for what leaves a namespace knows addresses and exceptions, and ends when it is removed', async () => {
      const to = (ipBlock: object) => ({ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ ipBlock }] }] });
      const cidr = `${addresses['tenant-a']}/32`;
      await policy('tenant-b', 'out', to({ cidr: `${addresses['tenant-b']}/32` }));
      await becomes('closed', 'tenant-b', 'web.tenant-a:8080');
      await policy('tenant-b', 'out', to({ cidr }));
      await becomes('open', 'tenant-b', 'web.tenant-a:8080');
      await policy('tenant-b', 'out', to({ cidr: '10.0.0.0/8', except: [cidr] }));
      await becomes('closed', 'tenant-b', 'web.tenant-a:8080');
      await cluster.kubectl(['--namespace', 'tenant-b', 'delete', 'networkpolicy', 'out']);
      await becomes('open', 'tenant-b', 'web.tenant-a:8080');
    });
  });

  test('an account does what its role allows, until its token ends', async () => {
    await cluster.apply(reader);
    const ask = async (lifetimeSeconds: number, ...args: string[]) => {
      const kubeconfig = await cluster.accountKubeconfig({ namespace: 'default', name: 'reader', lifetimeSeconds });
      return cluster.kubectl(args, { kubeconfig });
    };
    expect(await ask(600, 'get', 'configmaps', '--output', 'name')).toBe('configmap/kube-root-ca.crt');
    await expect(ask(600, 'get', 'secrets')).rejects.toThrow('cannot list resource "secrets"');
    await expect(ask(-1, 'get', 'configmaps')).rejects.toThrow('Unauthorized');
  });

  test('while the API server is away nothing answers; then all is as it was', async () => {
    await cluster.kubectl(['create', 'configmap', 'memo', '--from-literal=word=kept']);
    await cluster.stopApi();
    await expect(cluster.kubectl(['get', 'configmaps'])).rejects.toThrow('refused');
    await cluster.startApi();
    expect(await cluster.kubectl(['get', 'configmap', 'memo', '--output', 'jsonpath={.data.word}'])).toBe('kept');
    await cluster.kubectl(['create', 'job', 'after', '--image=registry.local/serve:1', '--', '/serve', 'say', 'on']);
    await cluster.kubectl(['wait', '--for=condition=complete', 'job/after', '--timeout=60s']);
  });

  test('another one beside it has its own names and addresses, and leaves nothing behind', async () => {
    const other = await startTestCluster('other');
    try {
      await other.kubectl(['create', 'namespace', 'only-here']);
      await expect(cluster.kubectl(['get', 'namespace', 'only-here'])).rejects.toThrow('not found');
      await other.importImage('serve');
      await other.kubectl(['create', 'job', 'once', '--image=registry.local/serve:1', '--', '/serve', 'say', 'it']);
      await other.kubectl(['wait', '--for=condition=complete', 'job/once', '--timeout=60s']);
      for (const kind of ['/sys/fs/cgroup', '/kube-all-', 'v-', 'unreachable']) {
        expect.soft(traces(other), kind).toContainEqual(expect.stringContaining(kind));
      }
    } finally {
      await other.stop();
    }
    expect(traces(other)).toEqual([]);
    expect(places.filter(existsSync)).toEqual(placesBefore);
  });

  test('a binary that cannot be built fails with what the compiler says', () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegir-build-'));
    try {
      writeFileSync(
        join(folder, 'go'),
        '#!/bin/sh\n[ "$1" = build ] || exec echo v1.34.4\necho main.go:7: broken >&2\nexit 1\n',
      );
      chmodSync(join(folder, 'go'), 0o755);
      const { status, stderr } = spawnSync(join(scripts, 'up'), ['never-up'], {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, CLUSTER_CACHE: folder },
      });
      expect([status, stderr]).toEqual([1, 'The cluster’s binary could not be built:\nmain.go:7: broken\n']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what a killed test run has left is taken down', async () => {
    const name = `left-${process.pid}`;
    const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
    try {
      const address = execFileSync(join(scripts, 'up'), [name, String(owner.pid)], { encoding: 'utf8' }).trim();
      execFileSync(join(scripts, 'sweep'));
      expect(traces({ name, address })).not.toEqual([]);
      const gone = new Promise(resolve => owner.once('exit', resolve));
      owner.kill('SIGKILL');
      await gone;
      execFileSync(join(scripts, 'sweep'));
      expect(traces({ name, address })).toEqual([]);
    } finally {
      owner.kill('SIGKILL');
      execFileSync(join(scripts, 'down'), [name]);
    }
  });
});

/** Nothing of ours but clusters makes these, other programs of this machine may. */
const places = ['/run/containerd', '/run/netns', '/var/lib/cni', '/var/lib/kubelet', '/var/log/containers'];
const placesBefore = places.filter(existsSync);

/** What a cluster has on this machine: processes, groups, devices, routes, mounts, files. */
function traces({ name, address }: { name: string; address: string }): string[] {
  const lines = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' }).split('\n');
  const [net, third] = [address.split('.').slice(0, 2).join('.'), Number(address.split('.')[2])];
  const run = process.env.CLUSTER_RUN ?? join(tmpdir(), 'aegir-clusters');
  return [
    ...lines('ps', '-eo', 'args='),
    ...lines('find', '/sys/fs/cgroup', '-maxdepth', '2', '-name', 'aegir-*'),
    ...lines('ip', '-brief', 'address'),
    ...lines('ip', 'route', 'show', 'table', 'all'),
    ...lines('findmnt', '--noheadings', '--list', '--output', 'TARGET'),
    ...(existsSync(run) ? readdirSync(run) : []),
  ].filter(
    line => line.includes(name) || line.includes(`${net}.${third}.`) || line.includes(`${net}.${third - 2}.0/22`),
  );
}

async function makeCertificate(cluster: TestCluster, name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-certificate-'));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  try {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    });
    const files = [`--key=${key}`, `--cert=${certificate}`];
    await cluster.kubectl(['--namespace', 'site', 'create', 'secret', 'tls', 'example', ...files]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function renderTenant(namespace: string): string {
  return `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: web, image: registry.local/serve:1, ports: [{ name: page, containerPort: 8080 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: ${namespace} }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }`;
}

const reader = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader, namespace: default }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: reader, namespace: default }]`;
