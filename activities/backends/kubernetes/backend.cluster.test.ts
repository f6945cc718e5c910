// The backend in a real cluster, with the documented rights: objects that are made, changed, compared and removed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRunClusters } from '../../../test/test-cluster.ts';
import { recordReport } from '../test-run.ts';
import { createKubernetesBackend } from './backend.ts';
import { deploymentOf, jobOf, makeStage, type Stage } from './testing/cluster-runs.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: the backend kubernetes. ${reason}`);

const backend = createKubernetesBackend();
const never = new AbortController().signal;

/** None of it means anything, wherever it is put. */
const awkward = `$(id) $\{x} "`;

const page = `apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {title: $title, port: $port}
---
$if: password
apiVersion: v1
kind: Secret
metadata: {name: account}
stringData: {password: $password}
`;

describe.skipIf(reason !== null)('manifests of a Task type', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await makeStage('apply');
  });
  afterAll(() => stage?.stop());

  const carryOut = async (
    ...[run, report = recordReport()]: Parameters<typeof backend.run> extends [infer R, ...unknown[]]
      ? [R, ReturnType<typeof recordReport>?]
      : never
  ) => backend.run(run, report, never);

  test('are applied with their values, and a second time change nothing', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = {
      arguments: { title: awkward, port: 8080, password: 'hunter22' },
      secretArguments: ['password'],
    };
    const report = recordReport();
    expect(await carryOut(await runOf({ 'page.yml': page }, values), report)).toEqual({
      status: 'succeeded',
      exitCode: 0,
      changed: true,
      outputs: {},
      message: '',
    });
    expect(JSON.parse(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data}'))).toEqual({
      title: awkward,
      port: '8080',
    });
    expect(await kubectl('get', 'secret', 'account', '-o', 'jsonpath={.data.password}')).toBe(
      Buffer.from('hunter22').toString('base64'),
    );
    expect(JSON.stringify([report.lines, report.files])).not.toMatch(/hunter22|aHVudGVyMjI/);
    expect(report.lines).toEqual(['ConfigMap page: made', 'Secret account: made']);
    expect(await carryOut(await runOf({ 'page.yml': page }, values))).toMatchObject({
      status: 'succeeded',
      changed: false,
    });
  });

  test('what is not declared any more goes, and nothing else does', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = { arguments: { title: 'a', port: 1, password: 'hunter22' }, secretArguments: ['password'] };
    await carryOut(await runOf({ 'page.yml': page }, values));
    const other = { name: 'other_type', title: 'Other', version: 'x', facts: false, arguments: [] };
    await carryOut(
      await runOf(
        { 'b.yml': page.replace('name: page', 'name: b').split('---')[0] ?? '' },
        { ...values, taskType: other },
      ),
    );
    await kubectl('create', 'configmap', 'theirs');
    const without = { arguments: { title: 'a', port: 1 } };
    const compared = await carryOut(await runOf({ 'page.yml': page }, { ...without, checkMode: true }));
    expect(compared.differences).toEqual([
      {
        task: 'Remove',
        resource: 'Secret account',
        text: 'It is not declared any more, and would be removed.',
        left: 0,
      },
    ]);
    expect(await carryOut(await runOf({ 'page.yml': page }, without))).toMatchObject({
      status: 'succeeded',
      changed: true,
    });
    const left = await kubectl('get', 'configmap,secret', '-o', 'name');
    expect(left.split('\n').sort()).toEqual([
      'configmap/aegir-fences',
      'configmap/b',
      'configmap/kube-root-ca.crt',
      'configmap/page',
      'configmap/theirs',
    ]);
  });

  test('a file is done before the next begins: what runs is waited for, then its Jobs; outputs need no Job', async () => {
    const { runOf, kubectl } = await stage.environment();
    const url = `http://$\{title}/`;
    const output = `apiVersion: aegir.dev/v1\nkind: Outputs\noutputs: {url: "${url}", names: [$title, {$each: more, $value: $item}]}\n`;
    const files = {
      '1.yml': `${deploymentOf(stage.serve)}---\n${output}`,
      '2.yml': jobOf(stage.steps, ['outputs {"changed": false, "number": 7}']),
      '3.yml': page,
    };
    const values = { arguments: { title: 'a.test', port: 1, more: ['b.test'] } };
    const report = recordReport();
    const outputs = { url: 'http://a.test/', names: ['a.test', 'b.test'], number: 7 };
    expect(await carryOut(await runOf(files, values), report)).toMatchObject({ status: 'succeeded', outputs });
    const order = report.lines.flatMap(
      line => /^(Deployment web is ready|Started the Job|ConfigMap page)/.exec(line)?.[0] ?? [],
    );
    expect(order).toEqual(['Deployment web is ready', 'Started the Job', 'ConfigMap page']);
    expect(await carryOut(await runOf(files, values))).toMatchObject({ changed: false, outputs });
    const broken = {
      ...files,
      '2.yml': jobOf(stage.steps, ['exit 3']),
      '3.yml': page.replace('name: page', 'name: never'),
    };
    expect(await carryOut(await runOf(broken, values))).toMatchObject({ status: 'failed', exitCode: 3 });
    expect((await kubectl('get', 'configmap', '-o', 'name')).split('\n').sort()).toEqual([
      'configmap/aegir-fences',
      'configmap/kube-root-ca.crt',
      'configmap/page',
    ]);
    const compared = await carryOut(await runOf(files, { ...values, checkMode: true }));
    expect(compared).toMatchObject({ changed: false, outputs: { url: outputs.url, names: outputs.names } });
  });

  test('the size of a Deployment is set beside its manifest, and what is of another Task type is left alone', async () => {
    const { runOf, kubectl } = await stage.environment();
    const scale = (replicas: number) => ({
      'a.yml': `apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: web}\nspec: {replicas: ${replicas}}\n`,
    });
    const scaler = { taskType: { name: 'stop_it', title: 'Stop', version: 'x', facts: false, arguments: [] } };
    expect(await carryOut(await runOf(scale(0), scaler))).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('There is no Deployment web'),
    });
    const shared = `$of: stop_it\n${page.split('---')[0]}`;
    const web = { 'a.yml': deploymentOf(stage.serve), 'b.yml': shared };
    const values = { arguments: { title: 'a', port: 1 } };
    await carryOut(await runOf(web, values));
    const pods = async () => (await kubectl('get', 'pods', '-o', 'name')).split('\n').filter(Boolean).length;
    expect(await pods()).toBe(1);
    expect(await carryOut(await runOf({ ...scale(0), 'b.yml': shared }, { ...scaler, ...values }))).toMatchObject({
      changed: true,
    });
    expect(await pods()).toBe(0);
    expect(await carryOut(await runOf(web, values))).toMatchObject({ changed: false });
    expect(await pods()).toBe(0);
    // It was its own, so it goes when it does not declare it any more; the Deployment is not.
    expect(await carryOut(await runOf(scale(2), scaler))).toMatchObject({ changed: true });
    expect(await pods()).toBe(2);
    expect(await kubectl('get', 'configmap', 'page', '--ignore-not-found', '-o', 'name')).toBe('');
  });

  test('a comparison tells what differs and changes nothing; values of Secrets are not shown', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = { arguments: { title: 'a', port: 1, password: 'hunter22' }, secretArguments: ['password'] };
    const compare = async (more = {}) =>
      (await carryOut(await runOf({ 'page.yml': page }, { ...values, ...more, checkMode: true }))).differences;
    expect((await compare())?.map(({ task, resource }) => `${task} ${resource}`)).toEqual([
      'Make ConfigMap page',
      'Make Secret account',
    ]);
    await carryOut(await runOf({ 'page.yml': page }, values));
    expect(await compare()).toEqual([]);
    await kubectl('patch', 'configmap', 'page', '--type=merge', '-p', '{"data":{"more":"by hand"}}');
    expect(await compare()).toEqual([]);
    const changed = await compare({ arguments: { title: 'b', port: 1, password: 'other-one' } });
    expect(changed?.[0]?.text).toContain('-  title: a\n+  title: b');
    expect(changed?.[1]?.text).toMatch(
      /- {2}password: a secret, the former one\n\+ {2}password: a secret, another one/,
    );
    expect(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data.title}')).toBe('a');
  });

  test('a field that somebody else has set is named with its owner, and not forced', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = { arguments: { title: 'a', port: 1 } };
    await carryOut(await runOf({ 'page.yml': page }, values));
    await kubectl(
      'patch',
      'configmap',
      'page',
      '--field-manager=somebody',
      '--type=merge',
      '-p',
      '{"data":{"title":"by hand"}}',
    );
    const result = await carryOut(await runOf({ 'page.yml': page }, values));
    expect(result).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('data.title (owned by somebody)'),
    });
    expect(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data.title}')).toBe('by hand');
  });

  test('an object of somebody else is not taken over', async () => {
    const { runOf, kubectl, connection } = await stage.environment();
    await kubectl('create', 'configmap', 'page', '--from-literal=title=theirs');
    const report = recordReport();
    const run = await runOf({ 'page.yml': page }, { arguments: { title: 'a', port: 1 } });
    expect(await carryOut(run, report)).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(
        /There is a ConfigMap page in the namespace .* was not made by Aegir: it is not taken over/,
      ),
    });
    expect(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data.title}')).toBe('theirs');
    const command =
      report.lines
        .find(line => line.startsWith('To hand it over'))
        ?.split('kubectl ')[1]
        ?.split(' ') ?? [];
    await stage.cluster.kubectl(command);
    expect(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.metadata.labels}')).toContain(
      connection.environment?.id,
    );
  });

  test('a namespace that is not the Environment’s is not written into', async () => {
    const { runOf, kubectl, namespace } = await stage.environment();
    await stage.cluster.kubectl(['label', 'namespace', namespace, 'aegir.dev/environment=another', '--overwrite']);
    const run = await runOf({ 'page.yml': page }, { arguments: { title: 'a', port: 1 } });
    expect(await carryOut(run)).toMatchObject({
      status: 'failed',
      message: expect.stringContaining("is not this Environment's"),
    });
    expect(await kubectl('get', 'configmap', '-o', 'name')).toBe('configmap/kube-root-ca.crt');
  });

  test('an older holder of a lock writes nothing after a younger one', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = (token: number, title: string) => ({
      arguments: { title, port: 1 },
      fences: [{ key: 'environment-1', token }],
    });
    await carryOut(await runOf({ 'page.yml': page }, values(7, 'younger')));
    expect(await carryOut(await runOf({ 'page.yml': page }, values(6, 'older')))).toMatchObject({
      status: 'superseded',
    });
    expect(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data.title}')).toBe('younger');
  });

  test('an override is laid over its manifest, and one that fits nothing is named', async () => {
    const { runOf, kubectl } = await stage.environment();
    const patch = (name: string) => ({
      'kubernetes/page.yml': [
        {
          whose: 'Project shop, version 3',
          text: `kind: ConfigMap\nmetadata: {name: ${name}}\ndata: {port: null, title: "over $\{title}"}\n`,
        },
      ],
    });
    const values = { arguments: { title: 'a', port: 1 } };
    await carryOut(await runOf({ 'page.yml': page }, { ...values, patches: patch('page') }));
    expect(JSON.parse(await kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data}'))).toEqual({
      title: 'over a',
    });
    const wrong = await runOf({ 'page.yml': page }, { ...values, patches: patch('pages') });
    expect(await backend.check(wrong)).toEqual([
      'Override of kubernetes/page.yml (Project shop, version 3): ConfigMap pages is not there, only ConfigMap page, Secret account.',
    ]);
  });

  test('what the cluster does not take is said in its words, and unknown fields are mistakes', async () => {
    const { runOf } = await stage.environment();
    const fails = async (text: string) => (await carryOut(await runOf({ 'a.yml': text }))).message;
    expect(await fails('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n')).toMatch(
      /date: field not declared in schema/,
    );
    expect(await fails('apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n')).toContain(
      'has no example.org/v1',
    );
    expect(await fails('apiVersion: v1\nkind: Servce\nmetadata: {name: a}\n')).toContain('has no kind Servce');
    expect(await fails(deploymentOf('a:1', { spec: 'replicas: many' }))).toMatch(/Deployment web .*replicas/);
  });

  test('an object that is to be absent is removed, and is not missed the second time', async () => {
    const { runOf, kubectl } = await stage.environment();
    const values = { arguments: { title: 'a', port: 1 } };
    await carryOut(await runOf({ 'page.yml': page }, values));
    const gone = { 'page.yml': '$absent: true\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\n' };
    expect(await carryOut(await runOf(gone))).toMatchObject({ status: 'succeeded', changed: true });
    expect(await kubectl('get', 'configmap', 'page', '--ignore-not-found')).toBe('');
    expect(await carryOut(await runOf(gone))).toMatchObject({ status: 'succeeded', changed: false });
  });

  test('an object that is made once is left as others have made it, is no difference, and is made again when it is gone', async () => {
    const { runOf, kubectl } = await stage.environment();
    const once = { 'page.yml': `$once: true\n${page}` };
    const values = (title: string) => ({ arguments: { title, port: 1 } });
    expect(await carryOut(await runOf(once, values('a')))).toMatchObject({ changed: true });
    const before = await kubectl('get', 'configmap', 'page', '-o', 'json');
    expect(await carryOut(await runOf(once, values('b')))).toMatchObject({ status: 'succeeded', changed: false });
    expect(await kubectl('get', 'configmap', 'page', '-o', 'json')).toBe(before);
    const compared = await carryOut({ ...(await runOf(once, values('b'))), checkMode: true });
    expect(compared).toMatchObject({ changed: false, differences: [] });
    await kubectl('delete', 'configmap', 'page');
    expect(await carryOut(await runOf(once, values('b')))).toMatchObject({ changed: true });
    expect(await kubectl('get', 'configmap', 'page', '-o', 'json')).not.toBe(before);
  });

  test('a namespace that cannot go says what holds it', async () => {
    const { runOf, kubectl, namespace } = await stage.environment();
    await kubectl('create', 'configmap', 'held');
    await kubectl(
      'patch',
      'configmap',
      'held',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["example.org/hold"]}}',
    );
    await stage.cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await expect
      .poll(
        () => stage.cluster.kubectl(['get', 'namespace', namespace, '-o', 'jsonpath={.status.conditions[*].message}']),
        { timeout: 30_000 },
      )
      .toContain('example.org/hold');
    const run = await runOf({ 'page.yml': page }, { arguments: { title: 'a', port: 1 } });
    expect((await carryOut(run)).message).toMatch(new RegExp(`Namespace ${namespace} does not go: .*example.org/hold`));
    await kubectl('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  });
});
