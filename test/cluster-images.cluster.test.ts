// The images that tests of sites on Kubernetes use: each does what it is there for, as a user without rights, on a root that cannot
// be written. And the registry from which the node pulls.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Registry, startRegistry } from './registry-server.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';
import { createVisitor } from './visitor.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: images of test clusters. ${reason}`);

/** Ten times of what each of these takes. */
const wait = { timeout: 60_000, interval: 100 };

describe.skipIf(reason !== null)('images of a test cluster', () => {
  let cluster: TestCluster;
  let registry: Registry;

  beforeAll(async () => {
    cluster = await startTestCluster('image');
    const images = ['mariadb', 'php', 'serve', 'static', 'tools'] as const;
    await Promise.all(images.map(image => cluster.importImage(image)));
    registry = await startRegistry(cluster);
  });
  afterAll(async () => {
    await registry?.stop();
    await cluster?.stop();
  });

  const rolledOut = (what: string) => cluster.kubectl(['rollout', 'status', what, '--timeout=120s']);

  test('a PHP site with MariaDB and a static one are served', async () => {
    await cluster.kubectl(['label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=restricted']);
    await cluster.apply(readFileSync(join(import.meta.dirname, 'cluster', 'sites.yaml'), 'utf8'));
    for (const what of ['statefulset/database', 'deployment/php', 'deployment/static']) await rolledOut(what);
    const { get } = createVisitor(cluster.address);
    await vi.waitFor(async () => expect((await get('http://static.test/')).body).toBe('<p>static</p>\n'), wait);
    await vi.waitFor(async () => expect((await get('http://php.test/')).status).toBe(200), wait);
    expect((await get('http://php.test/a/b?c=1')).body).toMatch(/^\/a\/b\?c=1 as 1000, visit \d+\n$/);
    expect((await get('http://static.test/nothing')).status).toBe(404);
  });

  test('a database goes on with its data when its pod is another one', async () => {
    const visits = async () =>
      Number(/visit (\d+)/.exec((await createVisitor(cluster.address).get('http://php.test/')).body)?.[1]);
    const before = await visits();
    await cluster.kubectl(['delete', 'pod', 'database-0']);
    await rolledOut('statefulset/database');
    await vi.waitFor(async () => expect(await visits()).toBeGreaterThan(before), wait);
  });

  test('a Job dumps a database, backs it up and restores it', async () => {
    const script = `set -euo pipefail
      export RESTIC_REPOSITORY=/tmp/store RESTIC_PASSWORD=x
      restic init --quiet
      MYSQL_PWD=$DATABASE_PASSWORD mariadb-dump -h database -usite site >/tmp/dump.sql
      restic backup --quiet /tmp/dump.sql
      restic restore latest --quiet --target /tmp/back
      cmp /tmp/dump.sql /tmp/back/tmp/dump.sql
      git init --quiet /tmp/code && rsync -a /tmp/code/ /tmp/copy/ && git -C /tmp/copy status --short
      python3 -c 'print(open("/tmp/dump.sql").read().count("CREATE TABLE"), "table")'`;
    await cluster.apply(renderJob('dump', script));
    await cluster.kubectl(['wait', '--for=condition=complete', 'job/dump', '--timeout=120s']);
    expect(await cluster.kubectl(['logs', 'job/dump'])).toBe('1 table');
  });

  test('the node pulls from the registry, by tag and by digest, and says so when there is no such image', async () => {
    const byDigest = await registry.push('registry.local/serve:1', 'shop/serve:7');
    expect(byDigest).toMatch(/^10\.\d+\.\d+\.1:5000\/shop\/serve@sha256:[0-9a-f]{64}$/);
    const pod = (name: string, image: string) => cluster.apply(renderPod({ name, image, args: ['say', 'it'] }));
    await pod('by-digest', byDigest);
    await pod('by-tag', `${registry.address}/shop/serve:7`);
    await pod('local-name', 'registry.local/shop/serve:7');
    await pod('missing', `${registry.address}/shop/nothing:1`);
    for (const name of ['by-digest', 'by-tag', 'local-name']) {
      await cluster.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=60s']);
    }
    await vi.waitFor(async () => {
      const path = 'jsonpath={.status.containerStatuses[0].state.waiting.reason}';
      expect(await cluster.kubectl(['get', 'pod', 'missing', '--output', path])).toMatch(
        /^(ErrImagePull|ImagePullBackOff)$/,
      );
    }, wait);
  });
});

/** What the level `restricted` of Pod Security asks for. */
const withoutRights = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 1000,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

function renderJob(name: string, script: string): object {
  const password = { name: 'DATABASE_PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'site' } } };
  const container = {
    name,
    image: 'registry.local/tools:1',
    command: ['bash', '-c', script],
    env: [password],
    securityContext: withoutRights,
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  };
  const pod = { restartPolicy: 'Never', containers: [container], volumes: [{ name: 'tmp', emptyDir: {} }] };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: 0, template: { spec: pod } },
  };
}

function renderPod(container: { name: string; [field: string]: unknown }): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: container.name, namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ ...container, securityContext: withoutRights }],
    },
  };
}
