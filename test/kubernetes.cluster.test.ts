// Clusters of the kind kubernetes through the whole of Aegir, with the documented rights: how one is entered and verified, what
// is offered there, and Jobs that outlive their worker.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobOf } from '../activities/backends/kubernetes/testing/cluster-runs.ts';
import type { OperationTypeOffer, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: Clusters of the kind kubernetes. ${reason}`);

const token = `apiVersion: v1
kind: Secret
metadata: {name: told}
stringData: {TOKEN: $aegir.feedback_token}
---
`;

/** Says by the API what the termination message has no room for. */
const tell = `import json, os, urllib.request
def post(what, body):
    headers = {'Authorization': 'Bearer ' + os.environ['TOKEN'], 'Content-Type': 'application/json'}
    request = urllib.request.Request(os.environ['URL'] + what, json.dumps(body).encode(), headers)
    print(what, urllib.request.urlopen(request, timeout=30).status, flush=True)
post('/log', {'lines': ['told by the pod with ' + os.environ['TOKEN']]})
post('/progress', {'percent': 40, 'label': 'half'})
post('/outputs', {'report': 'x' * 100000})
json.dump({'number': 7}, open(os.environ['AEGIR_OUTPUTS'], 'w'))
`;

const namespaceDocument = `apiVersion: v1
kind: Namespace
metadata: {name: $aegir.namespace}
`;

describe.skipIf(reason !== null)('a Cluster of the kind kubernetes', () => {
  const types = makeTypeFolder();
  let cluster: TestCluster;
  let aegir: Aegir;
  let kubeconfig: string;

  const addCluster = (name: string, text: string, more: Record<string, unknown> = {}) =>
    aegir.add('clusters', { name, kind: 'kubernetes', connection: 'kubeconfig', kubeconfig: text, ...more });
  const verify = async (name: string, text: string, more: Record<string, unknown> = {}) => {
    const { id } = await addCluster(name, text, more);
    const operation = await aegir.run('clusters', id, 'verify_cluster');
    return { operation, entity: await aegir.send<Entity>('GET', `/api/clusters/${id}`) };
  };
  const messageOf = ({ tasks }: OperationView) => tasks.at(-1)?.message ?? '';
  const pods = async (name: string) =>
    (await cluster.kubectl(['-n', `aegir-${name}`, 'get', 'pods', '-o', 'name'])).split('\n').filter(Boolean);

  const shared: { environment?: Entity } = {};
  const addEnvironment = async (name: string, cluster = 'prod') => {
    const values = { name, release: 'one', cluster, kind: 'staging', primary_name: `${name}.example.org` };
    const environment = await aegir.add('environments', values);
    await aegir.succeed('environments', environment.id, 'make_place');
    return environment;
  };
  const start = (environment: Entity, type: string, input: Record<string, unknown> = {}) =>
    aegir.send<OperationView>('POST', `/api/environments/${environment.id}/operations`, { type, input });
  /** Until its log has the text. */
  const until = (id: string, text: string) => expect.poll(() => aegir.log(id), { timeout: 60_000 }).toContain(text);

  beforeAll(async () => {
    cluster = await startTestCluster('whole');
    const { name: image } = await cluster.importImage('steps');
    kubeconfig = await aegirKubeconfig(cluster);
    types.clusterTask('make_place', { 'a.yml': namespaceDocument });
    types.operation('make_place', 'environment', '[{id: make, task: make_place}]');
    const meta = 'outputs: {number: {type: int}}\n';
    types.clusterTask(
      'work_long',
      {
        'job.yml': `${token}${jobOf(image, ['say up', 'sleep 25', 'variable TOKEN', 'outputs {"number": 7}', 'say done'], { container: 'envFrom: [{secretRef: {name: told}}]' })}`,
      },
      { meta },
    );
    const { name: tools } = await cluster.importImage('tools');
    const program = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: program}\ndata: {$files: program}\n---\n';
    const teller = jobOf(tools, [], {
      pod: 'volumes: [{name: program, configMap: {name: program}}]',
      container: `command: [python3, /program/tell.py]
          env: [{name: URL, value: $aegir.feedback_url}]
          envFrom: [{secretRef: {name: told}}]
          volumeMounts: [{name: program, mountPath: /program}]`,
    });
    types.clusterTask(
      'tell_much',
      { 'job.yml': `${token}${program}${teller}`, 'program/tell.py': tell },
      { meta: 'outputs: {number: {type: int}, report: {type: str}}\n' },
    );
    types.operation('tell_much', 'environment', '[{id: tell, task: tell_much}]');
    types.operation('work_long', 'environment', '[{id: work, task: work_long}]', 'locks: {environment: exclusive}\n');
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: account}\nstringData: {PASSWORD: $password}\n';
    const options =
      'password: {type: str, description: A secret, required: true, no_log: true}, title: {type: str, description: A title, default: plain}';
    const page = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\ndata: {title: $title}\n';
    const job = jobOf(image, ['variable PASSWORD'], { container: 'envFrom: [{secretRef: {name: account}}]' });
    types.clusterTask('write_page', { 'a.yml': page, 'b.yml': secret, 'job.yml': job }, { options });
    types.operation('write_page', 'environment', '[{id: write, task: write_page}]');
    types.ansibleTask('touch_server', '- ansible.builtin.ping:\n');
    types.operation('touch_server', 'environment', '[{id: touch, task: touch_server}]');
    aegir = await startAegir({ types: types.path });
    await aegir.add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
    await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
  });
  afterAll(async () => {
    await aegir?.stop();
    types.remove();
    await cluster?.stop();
  });

  test('is verified, and shows what it is and offers', async () => {
    const { operation, entity } = await verify('prod', kubeconfig, { storage_class: 'none-such' });
    expect(operation.state, operation.message).toBe('succeeded');
    expect(entity.state).toBe('verified');
    expect(entity.values.facts).toMatchObject({
      version: expect.stringMatching(/^v1\.34\./),
      nodes: [{ name: cluster.name, ready: true, memory_bytes: expect.any(Number) }],
      cert_manager: false,
      missing: expect.arrayContaining([expect.stringContaining('There is no storage class none-such')]),
    });
    expect(entity.values.kubeconfig).toEqual({ $secret: expect.any(String) });
    expect(operation.tasks.at(-1)?.target).toBe('prod');
  });

  test('with expired, wrong or no way in says which, and what to do', async () => {
    const expired = await verify('expired', await aegirKubeconfig(cluster, -3600));
    expect(expired.entity.state).toBe('failed');
    expect(messageOf(expired.operation)).toMatch(/does not know us: the kubeconfig of the Cluster expired has expired/);
    const config = JSON.parse(kubeconfig);
    const away = structuredClone(config);
    away.clusters[0].cluster.server = 'https://127.0.0.1:1';
    expect(messageOf((await verify('away', JSON.stringify(away))).operation)).toMatch(
      /cannot be reached .*ECONNREFUSED/,
    );
    const foreign = structuredClone(config);
    delete foreign.clusters[0].cluster['certificate-authority-data'];
    expect(messageOf((await verify('foreign', JSON.stringify(foreign))).operation)).toMatch(
      /not from the authority in the kubeconfig/,
    );
    const { id } = await aegir.add('clusters', { name: 'inside', kind: 'kubernetes', connection: 'in_cluster' });
    expect(messageOf(await aegir.run('clusters', id, 'verify_cluster'))).toMatch(/this worker runs in none/);
  });

  test('with rights that are missing names each of them', async () => {
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'poor', namespace: 'aegir-system' } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'poor' },
        rules: [{ apiGroups: ['', 'apps', 'batch'], resources: ['*'], verbs: ['*'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'poor' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'poor' },
        subjects: [{ kind: 'ServiceAccount', name: 'poor', namespace: 'aegir-system' }],
      },
    );
    const poor = await cluster.accountKubeconfig({ namespace: 'aegir-system', name: 'poor' });
    const { operation, entity } = await verify('poor', poor);
    expect(entity.state).toBe('failed');
    const message = messageOf(operation);
    for (const right of [
      'ingresses (networking.k8s.io)',
      'networkpolicies (networking.k8s.io)',
      'storageclasses (storage.k8s.io)',
    ])
      expect(message).toContain(right);
    expect(message).toContain('docs/kubernetes-rbac.yaml');
    expect(message).not.toMatch(/deployments|secrets/);
  });

  test('is refused with everything that is wrong, and takes no Servers', async () => {
    const refused = async (values: Record<string, unknown>, plural = 'clusters') => {
      const { status, body } = await aegir.call<{ problems: Problem[] }>('POST', `/api/${plural}`, { values });
      expect(status).toBe(422);
      return body.problems.map(({ path, message }) => `${path} ${message}`).join('\n');
    };
    const name = 'wrong';
    expect(await refused({ name, kind: 'kubernetes' })).toMatch(
      /values.connection is required when kind is kubernetes/,
    );
    const exec = JSON.stringify({
      ...JSON.parse(kubeconfig),
      users: [{ name: 'aegir', user: { exec: { command: 'aws' } } }],
    });
    expect(
      await refused({ name, kind: 'kubernetes', connection: 'kubeconfig', kubeconfig: exec, namespace_prefix: 'A_' }),
    ).toMatch(/values.namespace_prefix may have[\s\S]*values.kubeconfig The user "aegir" signs in by a program/);
    expect(await refused({ name, kind: 'servers', context: 'x' })).toMatch(
      /values.context belongs to a Cluster of the kind kubernetes/,
    );
    expect(await refused({ name: 'web', cluster: 'prod', connection: 'local' }, 'servers')).toMatch(
      /kind kubernetes, which has no Servers/,
    );
  });

  test('an Environment gets no Server there, and is offered what has a backend for it only', async () => {
    const environment = await addEnvironment('shop');
    shared.environment = environment;
    expect([environment.values.web_server, environment.values.database_server]).toEqual([null, null]);
    const labels = await cluster.kubectl(['get', 'namespace', 'aegir-shop', '-o', 'jsonpath={.metadata.labels}']);
    expect(labels).toContain(environment.id);
    const offers = await aegir.send<OperationTypeOffer[]>('GET', `/api/environments/${environment.id}/operation-types`);
    const enabled = offers.filter(offer => offer.enabled).map(({ name }) => name);
    expect(enabled).toEqual(expect.arrayContaining(['make_place', 'tell_much', 'work_long', 'write_page']));
    expect(enabled).not.toContain('touch_server');
    expect(offers.find(({ name }) => name === 'touch_server')?.reason).toBe(
      '“touch_server” cannot be carried out on Clusters of the kind kubernetes: it has only ansible.',
    );
    const refused = await aegir.call('POST', `/api/environments/${environment.id}/operations`, {
      type: 'install_environment',
      input: {},
    });
    expect(refused.status).toBeGreaterThanOrEqual(400);
  });

  test('a Task gets its secrets there, which are seen nowhere, and its overrides', async () => {
    const environment = shared.environment as Entity;
    const path = `/api/environments/${environment.id}/overrides/write_page/${encodeURIComponent('kubernetes/a.yml')}`;
    await aegir.send('PUT', path, { text: 'kind: ConfigMap\nmetadata: {name: page}\ndata: {more: "of us"}\n' });
    const operation = await aegir.run('environments', environment.id, 'write_page', { password: 'hunter22-moon' });
    const log = await aegir.log(operation.id);
    expect(operation.state, log).toBe('succeeded');
    expect(log).toContain('********');
    const data = await cluster.kubectl(['-n', 'aegir-shop', 'get', 'configmap', 'page', '-o', 'jsonpath={.data}']);
    expect(JSON.parse(data)).toEqual({ title: 'plain', more: 'of us' });
    const database = new pg.Client({ connectionString: aegir.databaseUrl });
    await database.connect();
    const tables = await database.query<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
    );
    const token = JSON.parse(kubeconfig).users[0].user.token as string;
    for (const { name } of tables.rows) {
      const { rows } = await database.query(`select row::text as text from ${name} row`);
      const text = rows.map(row => row.text).join('\n');
      for (const secret of ['hunter22-moon', Buffer.from('hunter22-moon').toString('base64'), token])
        expect(text, name).not.toContain(secret);
    }
    await database.end();
  });

  test('a dry run there tells what would be, and does nothing', async () => {
    const environment = await addEnvironment('dry');
    const { id } = await aegir.send<OperationView>('POST', `/api/environments/${environment.id}/operations`, {
      type: 'write_page',
      input: { password: 'hunter22-moon', title: 'other' },
      dryRun: true,
    });
    const operation = await aegir.waitFor(id);
    expect(operation.state, await aegir.log(id)).toBe('succeeded');
    expect(operation.tasks.at(-1)?.outputs).toEqual({ summary: '1 difference' });
    const found = await cluster.kubectl(['-n', 'aegir-dry', 'get', 'configmap', '-o', 'name']);
    expect(found).not.toContain('page');
  });

  test('a worker is killed while a Job runs: another one takes it over, and it runs once', async () => {
    const environment = await addEnvironment('killed');
    const { id } = await start(environment, 'work_long');
    await until(id, 'up');
    const [before] = await pods('killed');
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.startWorker();
    const operation = await aegir.waitFor(id);
    const log = await aegir.log(id);
    expect(operation.state, log).toBe('succeeded');
    expect(await pods('killed')).toEqual([before]);
    expect(operation.tasks.at(-1)?.outputs).toEqual({ number: 7 });
    expect(operation.tasks.at(-1)?.attempts.map(({ number }) => number)).toEqual([1, 2]);
    // The token of the attempt that has started it, of which this worker knows from the cluster only.
    expect(log).toMatch(/Going on with the Job .* attempt 1 has started[\s\S]*\nup\n\*{8}\ndone/);
  });

  test('outputs that are too large for a termination message come by the address for Jobs', async () => {
    const proxy = await startTcpProxy(new URL(aegir.url).host, cluster.gateway);
    try {
      await addCluster('told', kubeconfig, { feedback_url: `http://${proxy.address}` });
      const environment = await addEnvironment('told', 'told');
      const operation = await aegir.run('environments', environment.id, 'tell_much');
      const log = await aegir.log(operation.id);
      expect(operation.state, log).toBe('succeeded');
      const { report, ...others } = operation.tasks.at(-1)?.outputs ?? {};
      expect(others).toEqual({ number: 7 });
      expect(String(report)).toMatch(/^x{100000}$/);
      for (const line of ['told by the pod with ********', '/log 204', '/outputs 204']) expect(log).toContain(line);
    } finally {
      await proxy.stop();
    }
  });

  test('what is cancelled is gone before it counts', async () => {
    const environment = await addEnvironment('cancelled');
    const { id } = await start(environment, 'work_long');
    await until(id, 'up');
    await aegir.send('POST', `/api/operations/${id}/cancel?choice=leave`);
    expect((await aegir.waitFor(id)).state).toBe('cancelled');
    expect(await pods('cancelled')).toEqual([]);
    expect(await cluster.kubectl(['-n', 'aegir-cancelled', 'get', 'jobs', '-o', 'name'])).toBe('');
  });
});
