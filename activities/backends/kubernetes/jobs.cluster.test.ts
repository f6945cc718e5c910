// What runs in a real cluster: roll-outs that are waited for, Jobs that are followed to their end, whatever happens meanwhile.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRunClusters } from '../../../test/test-cluster.ts';
import type { Run } from '../backend.ts';
import { recordReport } from '../test-run.ts';
import { createKubernetesBackend } from './backend.ts';
import { ownOf, renderJob } from './jobs.ts';
import { readSources, renderManifests } from './render.ts';
import { deploymentOf, jobOf, makeStage, type Place, type Stage } from './testing/cluster-runs.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: roll-outs and Jobs of the backend kubernetes. ${reason}`);

const backend = createKubernetesBackend();
const never = new AbortController().signal;

/** Files are not filled. */
const homeLine = `echo $\{HOME} $$`;

let stage: Stage;
/** A registry that gives us nothing. Of one that has no such image containerd asks the name itself next, which leads nowhere here. */
const registry = createServer((_, response) => response.writeHead(403).end());
beforeAll(async () => {
  if (reason) return;
  stage = await makeStage('jobs');
  // Where the node looks for registry.local.
  await once(registry.listen(5000, stage.cluster.gateway), 'listening');
});
afterAll(async () => {
  registry.close();
  await stage?.stop();
});

const carryOut = (run: Run, report = recordReport(), signal = never) => backend.run(run, report, signal);

describe.skipIf(reason !== null)('a roll-out', () => {
  const fails = async (place: Place, text: string, more: Record<string, string> = {}) => {
    const report = recordReport();
    const result = await carryOut(await place.runOf({ ...more, 'web.yml': text }), report);
    expect(result.status).toBe('failed');
    return { message: result.message, log: report.lines.join('\n') };
  };

  test('is waited for until its pods are ready, also when it becomes another one', async () => {
    const { runOf, kubectl } = await stage.environment();
    const probe = 'readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}';
    const web = (message: string) =>
      deploymentOf(stage.serve, { container: `env: [{name: MESSAGE, value: ${message}}]\n          ${probe}` });
    const report = recordReport();
    expect(await carryOut(await runOf({ 'web.yml': web('one') }), report)).toMatchObject({ status: 'succeeded' });
    expect(report.lines).toEqual([
      'Deployment web: made',
      'Waiting until Deployment web is ready.',
      'Deployment web is ready.',
    ]);
    expect(await carryOut(await runOf({ 'web.yml': web('two') }))).toMatchObject({
      status: 'succeeded',
      changed: true,
    });
    const pods = await kubectl('get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[0].env[0].value}');
    expect(pods).toBe('two');
  });

  test('of a StatefulSet is waited for like one of a Deployment', async () => {
    const { runOf, kubectl } = await stage.environment();
    const probe = 'readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}';
    const database = (message: string, image = stage.serve) =>
      deploymentOf(image, {
        name: 'database',
        spec: 'serviceName: database',
        container: `env: [{name: MESSAGE, value: ${message}}]\n          ${probe}`,
      }).replace('kind: Deployment', 'kind: StatefulSet');
    const report = recordReport();
    expect(await carryOut(await runOf({ 'a.yml': database('one') }), report)).toMatchObject({ status: 'succeeded' });
    expect(report.lines).toEqual([
      'StatefulSet database: made',
      'Waiting until StatefulSet database is ready.',
      'StatefulSet database is ready.',
    ]);
    const status = [
      'get',
      'statefulset',
      'database',
      '-o',
      'jsonpath={.status.readyReplicas} {.status.updatedReplicas}',
    ];
    expect(await kubectl(...status)).toBe('1 1');
    // Its pod is another one, of the same name.
    const uid = ['get', 'pod', 'database-0', '-o', 'jsonpath={.metadata.uid}'];
    const before = await kubectl(...uid);
    expect(await carryOut(await runOf({ 'a.yml': database('two') }))).toMatchObject({ changed: true, message: '' });
    expect(await kubectl(...uid)).not.toBe(before);
    const message = ['get', 'pod', 'database-0', '-o', 'jsonpath={.spec.containers[0].env[0].value}'];
    expect(await kubectl(...message)).toBe('two');
    const broken = { 'a.yml': database('three', 'registry.local/none:1') };
    const words = /StatefulSet database does not become ready: the image registry.local\/none:1 cannot be pulled/;
    expect((await carryOut(await runOf(broken))).message).toMatch(words);
    // Nothing changes any more: all is known when it is looked at first.
    expect((await carryOut(await runOf(broken))).message).toMatch(words);
  });

  test('with an image that cannot be had fails at once and names it', async () => {
    const place = await stage.environment();
    const { message } = await fails(place, deploymentOf('registry.local/none:1'));
    expect(message).toMatch(/Deployment web does not become ready: the image registry.local\/none:1 cannot be pulled/);
  });

  test('that crashes again and again fails with its last lines', async () => {
    const place = await stage.environment();
    const text = deploymentOf(stage.steps, { container: 'args: ["say no moon tonight", "exit 3"]' });
    const { message, log } = await fails(place, text);
    expect(message).toMatch(/ends again and again \(code 3, \d restarts\)/);
    expect(log).toMatch(/The last lines of web in web-.*:\n {2}no moon tonight/);
  });

  test('that no node takes says what the scheduler says', async () => {
    const place = await stage.environment();
    const { message } = await fails(
      place,
      deploymentOf(stage.serve, {
        spec: 'progressDeadlineSeconds: 5',
        container: 'resources: {requests: {cpu: "900"}}',
      }),
    );
    expect(message).toMatch(/pending, as no node takes it: 0\/1 nodes are available: 1 Insufficient cpu/);
  });

  test('whose probe fails says so', async () => {
    const place = await stage.environment();
    const probe = 'readinessProbe: {httpGet: {path: /, port: 8081}, periodSeconds: 1}';
    const text = deploymentOf(stage.serve, { spec: 'progressDeadlineSeconds: 8', container: probe });
    expect((await fails(place, text)).message).toMatch(/web runs but is not ready: Readiness probe failed/);
  });

  test('whose volume cannot bind names claim, class and reason', async () => {
    const place = await stage.environment();
    const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1Gi}}}
`;
    const pod = 'volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]';
    const text = deploymentOf(stage.serve, { spec: 'progressDeadlineSeconds: 8', pod });
    expect((await fails(place, text, { 'a.yml': claim })).message).toMatch(
      /PersistentVolumeClaim files \(storage class none-such\) does not bind: .*not found/,
    );
  });

  test('beyond the quota of its namespace says which', async () => {
    const place = await stage.environment();
    await place.kubectl('create', 'quota', 'small', '--hard=pods=0');
    expect((await fails(place, deploymentOf(stage.serve))).message).toMatch(
      /quota of its namespace is used up: .*pods=0/,
    );
  });
});

describe.skipIf(reason !== null)('a Job', () => {
  test('gives its lines in order, its outputs and its exit code', async () => {
    const { runOf } = await stage.environment();
    const report = recordReport();
    const steps = ['say hello', 'lines 500', 'outputs {"path": "/srv", "count": 3}'];
    expect(await carryOut(await runOf({ 'job.yml': jobOf(stage.steps, steps) }), report)).toEqual({
      status: 'succeeded',
      exitCode: 0,
      changed: true,
      outputs: { path: '/srv', count: 3 },
      message: '',
    });
    const printed = report.lines.filter(line => line === 'hello' || line.startsWith('line '));
    expect(printed).toEqual(['hello', ...Array.from({ length: 500 }, (_, at) => `line ${at + 1}`)]);
  });

  test('that fails gives its code and its last line', async () => {
    const { runOf } = await stage.environment();
    // The two come to the log by pipes of their own, and at the same moment in any order.
    const job = jobOf(stage.steps, ['say first', 'sleep 1', 'complain no moon', 'exit 3']);
    expect(await carryOut(await runOf({ 'job.yml': job }))).toMatchObject({
      status: 'failed',
      exitCode: 3,
      message: 'Try something ended with code 3: no moon',
    });
  });

  test('is shown its line when it is printed', async () => {
    const { runOf } = await stage.environment();
    const report = recordReport();
    const running = carryOut(
      await runOf({ 'job.yml': jobOf(stage.steps, ['say early', 'sleep 4', 'say late']) }),
      report,
    );
    await report.until('early');
    expect(report.lines).not.toContain('late');
    expect((await running).status).toBe('succeeded');
    expect(report.lines).toContain('late');
  });

  test('gets secrets by a Secret of its own, which goes with it, and values stay what they are', async () => {
    const { runOf, kubectl } = await stage.environment();
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: account}\nstringData: {PASSWORD: $password}\n';
    const variables = `env:
            - {name: TITLE, value: $title}
          envFrom: [{secretRef: {name: account}}]`;
    const job = jobOf(stage.steps, ['variable TITLE', 'variable PASSWORD'], { container: variables });
    const values = {
      arguments: { password: 'hunter22', title: '$(PASSWORD) $$ $(id)' },
      secretArguments: ['password'],
    };
    const report = recordReport();
    expect(await carryOut(await runOf({ 'job.yml': job, 'secret.yml': secret }, values), report)).toMatchObject({
      status: 'succeeded',
    });
    // The log's mask hides it; here nothing does, which shows that the Job has got it.
    expect(report.lines.slice(-2)).toEqual(['$(PASSWORD) $$ $(id)', 'hunter22']);
    expect(JSON.stringify(report.files)).not.toMatch(/hunter22|aHVudGVyMjI/);
    expect(await kubectl('get', 'job', '-o', 'yaml')).not.toContain('hunter22');
    expect(await kubectl('get', 'secret', '-o', 'name')).toMatch(/^secret\/account-[0-9a-f]{10}-1$/);
    await kubectl('delete', 'job', '--all', '--cascade=foreground');
    await expect.poll(() => kubectl('get', 'secret', '-o', 'name'), { timeout: 20_000 }).toBe('');
  });

  test('has the files of its Task type', async () => {
    const { runOf } = await stage.environment();
    const files = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: scripts}\ndata: {$files: scripts}\n';
    const job = jobOf(stage.steps, ['cat /scripts/run'], {
      pod: 'volumes: [{name: scripts, configMap: {name: scripts}}]',
      container: 'volumeMounts: [{name: scripts, mountPath: /scripts}]',
    });
    const report = recordReport();
    await carryOut(await runOf({ 'a.yml': files, 'job.yml': job, 'scripts/run': homeLine }), report);
    expect(report.lines).toContain(homeLine);
  });

  test('that is cancelled is gone with its pod when the run ends', async () => {
    const { runOf, kubectl } = await stage.environment();
    const abort = new AbortController();
    const report = recordReport();
    void report.until('up').then(() => abort.abort(new Error('CANCELLED')));
    const run = await runOf({ 'job.yml': jobOf(stage.steps, ['say up', 'sleep 600']) });
    expect(await carryOut(run, report, abort.signal)).toMatchObject({ status: 'cancelled', message: 'Cancelled.' });
    expect(await kubectl('get', 'job,pod', '-o', 'name')).toBe('');
  });

  test('goes on when its worker is stopped, and the next attempt takes it over with all its lines', async () => {
    const { runOf, kubectl } = await stage.environment();
    const files = { 'job.yml': jobOf(stage.steps, ['say up', 'sleep 5', 'outputs {"n": 1}', 'say done']) };
    const stopped = new AbortController();
    const first = await runOf(files);
    const report = recordReport();
    void report.until('up').then(() => stopped.abort(new Error('WORKER_SHUTDOWN')));
    expect(await carryOut(first, report, stopped.signal)).toMatchObject({ status: 'cancelled' });
    const second: Run = { ...first, attempt: 2, untold: [1] };
    const again = recordReport();
    expect(await backend.attach(second, again, never)).toMatchObject({ status: 'succeeded', outputs: { n: 1 } });
    expect(again.lines.filter(line => line === 'up' || line === 'done')).toEqual(['up', 'done']);
    expect(again.adoptions).toEqual([1]);
    expect((await kubectl('get', 'pod', '-o', 'name')).split('\n')).toHaveLength(1);
    // What was told is not taken over again, and the first attempt, which comes late, ends nothing of it.
    expect(await backend.attach({ ...first, attempt: 3, untold: [] }, recordReport(), never)).toBeNull();
    expect(await carryOut(first)).toMatchObject({ status: 'superseded' });
  });

  const withToken = (name: string, steps: string[]) => `apiVersion: v1
kind: Secret
metadata: {name: ${name}}
stringData: {TOKEN: $aegir.feedback_token}
---
${jobOf(stage.steps, steps, { name, container: `envFrom: [{secretRef: {name: ${name}}}]` })}`;

  test('behind one that was taken over is started with the token of its own attempt', async () => {
    const { runOf } = await stage.environment();
    const files = {
      'a.yml': withToken('first', ['say up', 'sleep 4', 'variable TOKEN']),
      'b.yml': withToken('second', ['variable TOKEN']),
    };
    const first = await runOf(files, { feedback: { url: 'http://127.0.0.1:9', token: 'token-of-one' } });
    const stopped = new AbortController();
    const report = recordReport();
    void report.until('up').then(() => stopped.abort(new Error('WORKER_SHUTDOWN')));
    await carryOut(first, report, stopped.signal);
    const second: Run = { ...first, attempt: 2, untold: [1], feedback: { ...first.feedback, token: 'token-of-two' } };
    const again = recordReport();
    expect(await backend.attach(second, again, never)).toMatchObject({ status: 'succeeded' });
    expect(again.lines.filter(line => line.startsWith('token-of'))).toEqual(['token-of-one', 'token-of-two']);
    expect(again.adoptions).toEqual([1, 2]);
    expect(again.hidden).toEqual(['token-of-one']);
  });

  test('that was made and had not begun gets the token of the attempt that lets it begin', async () => {
    const { runOf, namespace, connection } = await stage.environment();
    const first = await runOf({ 'a.yml': withToken('held', ['variable TOKEN']) });
    const { rendered } = renderManifests(first, connection, await readSources(first));
    const documents = rendered.map(({ document }) => document);
    const job = documents.find(({ kind }) => kind === 'Job') ?? {};
    // As a worker leaves it that is killed right after.
    const made = renderJob(job, first, ownOf(job, documents));
    await stage.cluster.apply({ ...made, metadata: { ...(made.metadata as object), namespace } });
    const second: Run = { ...first, attempt: 2, untold: [1], feedback: { ...first.feedback, token: 'token-of-two' } };
    const report = recordReport();
    expect(await backend.attach(second, report, never)).toMatchObject({ status: 'succeeded' });
    expect(report.lines).toContain('token-of-two');
    expect([report.adoptions, report.hidden]).toEqual([[2], []]);
  });

  test('that has ended while no worker was there gives its result to the next attempt', async () => {
    const { runOf, kubectl } = await stage.environment();
    const first = await runOf({ 'job.yml': jobOf(stage.steps, ['say up', 'sleep 1', 'outputs {"n": 2}']) });
    const stopped = new AbortController();
    const report = recordReport();
    void report.until('up').then(() => stopped.abort(new Error('WORKER_SHUTDOWN')));
    await carryOut(first, report, stopped.signal);
    await kubectl('wait', '--for=condition=complete', 'job', '--all', '--timeout=30s');
    expect(await backend.attach({ ...first, attempt: 2, untold: [1] }, recordReport(), never)).toMatchObject({
      status: 'succeeded',
      outputs: { n: 2 },
    });
    expect((await kubectl('get', 'pod', '-o', 'name')).split('\n')).toHaveLength(1);
  });

  test('of an earlier attempt is ended where somebody asks for it, and that attempt starts none any more', async () => {
    const { runOf, kubectl } = await stage.environment();
    const first = await runOf({ 'job.yml': jobOf(stage.steps, ['say up', 'sleep 600']) });
    const stopped = new AbortController();
    const report = recordReport();
    void report.until('up').then(() => stopped.abort(new Error('WORKER_SHUTDOWN')));
    await carryOut(first, report, stopped.signal);
    await backend.end(first, 1);
    expect(await kubectl('get', 'job,pod', '-o', 'name')).toBe('');
    expect(await carryOut(first)).toMatchObject({ status: 'superseded' });
    expect(await kubectl('get', 'job', '-o', 'name')).toBe('');
  });

  test('whose pod is evicted is one to try again', async () => {
    const { runOf, kubectl, namespace } = await stage.environment();
    const run = await runOf({ 'job.yml': jobOf(stage.steps, ['say up', 'sleep 600']) });
    const report = recordReport();
    const running = carryOut(run, report);
    await report.until('up');
    const name = await kubectl('get', 'pod', '-o', 'jsonpath={.items[0].metadata.name}');
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    await stage.cluster.kubectl(
      ['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '-f', '-'],
      {
        input: JSON.stringify(eviction),
      },
    );
    expect(await running).toMatchObject({
      status: 'unreachable',
      exitCode: null,
      message: expect.stringContaining('was ended by the cluster'),
    });
    expect(await kubectl('get', 'job', '-o', 'name')).toBe('');
  });

  test('with an image that cannot be had, or without room in the quota, is told and leaves nothing', async () => {
    const { runOf, kubectl } = await stage.environment();
    const none = await carryOut(await runOf({ 'job.yml': jobOf('registry.local/none:1', ['say a']) }));
    expect(none.message).toMatch(/does not begin: the image registry.local\/none:1 cannot be pulled/);
    await kubectl('create', 'quota', 'small', '--hard=pods=0');
    const full = await carryOut(await runOf({ 'job.yml': jobOf(stage.steps, ['say a']) }));
    expect(full.message).toMatch(/its pod was refused: .*exceeded quota/);
    expect(await kubectl('get', 'job', '-o', 'name')).toBe('');
  });

  test('with outputs that are too long or no JSON says so', async () => {
    const { runOf } = await stage.environment();
    const long = await carryOut(
      await runOf({ 'job.yml': jobOf(stage.steps, [`outputs {"a": "${'x'.repeat(5000)}"}`]) }),
    );
    expect(long).toMatchObject({ status: 'failed', message: expect.stringContaining('4 KiB') });
    const odd = await carryOut(await runOf({ 'job.yml': jobOf(stage.steps, ['outputs {"a": ']) }));
    expect(odd).toMatchObject({ status: 'failed', message: expect.stringContaining('not JSON') });
  });

  test('gets to its end with all its lines when the API server is stopped in the middle', async () => {
    const { runOf } = await stage.environment();
    const report = recordReport();
    const steps = ['lines 200', 'say up', 'sleep 2', 'say between', 'sleep 6', 'lines 200', 'outputs {"n": 3}'];
    const running = carryOut(await runOf({ 'job.yml': jobOf(stage.steps, steps) }), report);
    await report.until('up');
    await stage.cluster.stopApi();
    await report.until('does not answer');
    await stage.cluster.startApi();
    expect(await running).toMatchObject({ status: 'succeeded', outputs: { n: 3 } });
    const printed = report.lines.filter(line => /^(line \d+|up|between)$/.test(line));
    const count = Array.from({ length: 200 }, (_, at) => `line ${at + 1}`);
    expect(printed).toEqual([...count, 'up', 'between', ...count]);
  });
});
