// The way to a real API server: watches that it has forgotten, and the service account of a pod.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRunClusters } from '../../../test/test-cluster.ts';
import { ApiError } from './api-error.ts';
import { type Api, openApi } from './client.ts';
import { makeStage, type Stage } from './testing/cluster-runs.ts';
import { watchObjects } from './watch.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: the client for Kubernetes. ${reason}`);

describe.skipIf(reason !== null)('the client', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await makeStage('client');
  });
  afterAll(() => stage?.stop());

  test.each<
    [what: string, begin: (path: string, api: Api, call: Parameters<Api['stream']>[1]) => ReturnType<Api['stream']>]
  >([
    // A server that was started anew knows no changes from before.
    [
      'by an event',
      (path, api, call) => api.stream(path, { ...call, query: { ...call?.query, resourceVersion: '1' } }),
    ],
    ['by its status', () => Promise.reject(new ApiError(410, { message: 'too old resource version' }))],
  ])('lists again what the server has forgotten, and says so %s', async (_, begin) => {
    const { connection, namespace, kubectl } = await stage.environment();
    await stage.cluster.stopApi();
    await stage.cluster.startApi();
    const api = openApi(connection);
    const asked = { lists: 0, watches: [] as string[] };
    const forgetful: Api = {
      ...api,
      get: (path, call) => {
        asked.lists += 1;
        return api.get(path, call);
      },
      stream: (path, call) => {
        asked.watches.push(String(call?.query?.resourceVersion));
        return asked.watches.length === 1 ? begin(path, api, call) : api.stream(path, call);
      },
    };
    const stopping = new AbortController();
    const query = { labelSelector: 'of=test' };
    const watched = await watchObjects(forgetful, `/api/v1/namespaces/${namespace}/configmaps`, query, stopping.signal);
    expect(watched.items()).toEqual([]);
    await expect.poll(() => asked.lists, { timeout: 30_000 }).toBe(2);
    // It goes on from there, and not from the first version.
    await expect.poll(() => asked.watches.length, { timeout: 30_000 }).toBe(2);
    expect(Number(asked.watches[1])).toBeGreaterThan(1);
    await kubectl('create', 'configmap', 'seen');
    await kubectl('label', 'configmap', 'seen', 'of=test');
    await expect
      .poll(() => watched.items().map(({ kind, metadata }) => `${kind} ${metadata?.name}`), { timeout: 30_000 })
      .toEqual(['ConfigMap seen']);
    expect(asked.lists).toBe(2);
    watched.stop();
    stopping.abort();
    api.close();
  });

  test('signs in as the service account of the pod in which the worker runs', async () => {
    const files = await mkdtemp(join(tmpdir(), 'aegir-account-'));
    try {
      // Token and authority as the API server makes them, at the place where a pod finds them: in a view of its own of /run.
      const admin = stage.cluster.kubectl;
      await writeFile(join(files, 'token'), await admin(['-n', 'aegir-system', 'create', 'token', 'aegir']));
      const authority = [
        '-n',
        'aegir-system',
        'get',
        'configmap',
        'kube-root-ca.crt',
        '-o',
        'jsonpath={.data.ca\\.crt}',
      ];
      await writeFile(join(files, 'ca.crt'), await admin(authority));
      await writeFile(join(files, 'namespace'), 'aegir-system');
      const program = `const { openApi } = await import(process.argv[1]);
const api = openApi({ name: 'inside', kubeconfig: '', context: '' });
const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const { status } = await api.send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: review });
const { items } = await api.get('/api/v1/namespaces');
console.log(JSON.stringify({ user: status.userInfo.username, namespaces: items.length }));
api.close();`;
      const inside = `mount -t tmpfs tmpfs /run
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
cp "$1"/* /var/run/secrets/kubernetes.io/serviceaccount
exec "$2" --input-type=module --eval "$3" "$4"`;
      const client = join(import.meta.dirname, 'client.ts');
      const { stdout } = await execa(
        'unshare',
        ['--mount', 'bash', '-euc', inside, 'bash', files, process.execPath, program, client],
        { env: { KUBERNETES_SERVICE_HOST: stage.cluster.address, KUBERNETES_SERVICE_PORT: '6443' } },
      );
      expect(JSON.parse(stdout)).toEqual({
        user: 'system:serviceaccount:aegir-system:aegir',
        namespaces: expect.any(Number),
      });
    } finally {
      await rm(files, { recursive: true, force: true });
    }
  });
});
