// The parts of the backend that need no cluster: logs that break off, reasons in words, diffs, names, rights.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDocuments } from '../../../catalogue/read-manifests.ts';
import { makeRun } from '../test-run.ts';
import { ApiError, explainTrouble, isPassing } from './api-error.ts';
import type { Answer } from './client.ts';
import { diffLines } from './diff-lines.ts';
import { readTermination } from './follow-job.ts';
import { lineTaker, wholeLines } from './job-logs.ts';
import { jobName, ownOf, renderJob } from './jobs.ts';
import { troubleOf } from './pods.ts';
import { readSources, renderManifests } from './render.ts';
import { isRolledOut } from './rollout.ts';
import { bytesOf, hintsOf, rightsLines, rightsOf } from './verify.ts';

const project = join(import.meta.dirname, '..', '..', '..');

describe('a log that broke off goes on', () => {
  const at = (second: number, rest: string) => `2026-01-02T03:04:0${second}.123456789Z ${rest}`;

  test('behind its last line, however many lines that second has', () => {
    const told: string[] = [];
    const position = { second: '', told: 0 };
    const first = lineTaker(position, text => told.push(text));
    for (const line of [at(1, 'a'), at(2, 'b'), at(2, 'b')]) first(line);
    const again = lineTaker(position, text => told.push(text));
    expect(position).toEqual({ second: '2026-01-02T03:04:02Z', told: 2 });
    for (const line of [at(2, 'b'), at(2, 'b'), at(2, 'c'), at(3, 'd')]) again(line);
    expect(told).toEqual(['a', 'b', 'b', 'c', 'd']);
  });

  test('also with times of another zone, and with lines that go on with the one before', () => {
    const told: string[] = [];
    const position = { second: '', told: 0 };
    const lines = ['2026-01-02T05:04:01.5+02:00 long', 'more of it', '2026-01-02T05:04:01.6+02:00 end'];
    const first = lineTaker(position, text => told.push(text));
    for (const line of lines) first(line);
    const again = lineTaker(position, text => told.push(text));
    for (const line of [...lines, '2026-01-02T05:04:01.7+02:00 new']) again(line);
    expect(told).toEqual(['long', 'more of it', 'end', 'new']);
  });

  test('with what had no newline yet', async () => {
    const blocks = async (texts: string[], isLast: boolean) => {
      const stream = (async function* () {
        for (const text of texts) yield Buffer.from(text);
      })();
      const read: string[] = [];
      for await (const block of wholeLines(stream, isLast)) read.push(block.toString());
      return read.join('');
    };
    expect(await blocks(['a\nb', 'c\nhal'], false)).toBe('a\nbc\n');
    expect(await blocks(['a\nb', 'c\nwhole'], true)).toBe('a\nbc\nwhole');
  });
});

describe('why a pod is not ready', () => {
  const pod = (state: object, more: object = {}) => ({
    status: {
      phase: 'Pending',
      containerStatuses: [{ name: 'web', image: 'a:1', ready: false, restartCount: 0, state, ...more }],
    },
  });

  test.each<[what: string, pod: object, events: string[], words: RegExp, final: boolean]>([
    [
      'an image that is not there',
      pod({ waiting: { reason: 'ErrImagePull', message: 'Failed to pull image "a:1": not found' } }),
      [],
      /^the image a:1 cannot be pulled: not found$/,
      true,
    ],
    [
      'a registry that is away',
      pod({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } }),
      ['Failed to pull image "a:1": dial tcp: connection refused'],
      /cannot be pulled: dial tcp: connection refused/,
      false,
    ],
    [
      'a crash',
      pod({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 1, lastState: { terminated: { exitCode: 3 } } }),
      [],
      /web ends again and again \(code 3, 1 restarts\)/,
      false,
    ],
    [
      'a crash loop',
      pod(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { restartCount: 3, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      ),
      [],
      /more memory than its limit/,
      true,
    ],
    [
      'a Secret that is not there',
      pod({ waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } }),
      [],
      /cannot be started .*secret "x" not found/,
      false,
    ],
    [
      'a probe',
      pod({ running: {} }),
      ['Readiness probe failed: HTTP probe failed with statuscode: 500'],
      /runs but is not ready: Readiness probe failed/,
      false,
    ],
    [
      'no place',
      { status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] } },
      [],
      /no node takes it: 0\/1 nodes/,
      false,
    ],
  ])('%s', (_, object, events, words, final) => {
    const trouble = troubleOf(object as Answer, events);
    expect(trouble?.words).toMatch(words);
    expect(trouble?.final).toBe(final);
  });

  test('nothing, while it is only being started', () => {
    expect(troubleOf(pod({ waiting: { reason: 'ContainerCreating' } }), [])).toBeNull();
    expect(troubleOf(pod({ running: {} }), [])).toBeNull();
  });
});

describe('a roll-out', () => {
  const deployment = (status: object, generation = 2) => ({
    kind: 'Deployment',
    metadata: { generation },
    spec: { replicas: 2 },
    status,
  });
  const all = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

  test('is over when all pods are new ones that are available, and no old one is left', () => {
    expect(isRolledOut(deployment(all))).toBe(true);
    expect(isRolledOut(deployment(all, 3))).toBe(false);
    for (const less of [{ availableReplicas: 1 }, { updatedReplicas: 1 }, { replicas: 3 }])
      expect(isRolledOut(deployment({ ...all, ...less }))).toBe(false);
  });
});

test('a diff has what differs, with a few lines around', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at + 1}`);
  const text = (list: string[]) => `${list.join('\n')}\n`;
  expect(diffLines(text(lines), text(lines))).toBe('');
  expect(diffLines(text(lines), text(lines.with(9, 'other')))).toBe(
    '@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+other\n line 11\n line 12\n line 13',
  );
  expect(diffLines('', 'a: 1\n')).toBe('@@ -1,0 +1,1 @@\n+a: 1');
});

describe('a Job', () => {
  const run = makeRun({ folder: '/none', taskId: '01TASK', attempt: 2 });
  const named = (kind: string, name: string, more = {}) => ({ apiVersion: 'v1', kind, metadata: { name }, ...more });
  const job = named('Job', 'work', {
    spec: {
      template: {
        spec: {
          volumes: [{ name: 'account', secret: { secretName: 'account' } }],
          containers: [{ name: 'account', envFrom: [{ configMapRef: { name: 'settings' } }] }],
        },
      },
    },
  });

  test('has a name of its Task and attempt, as long as Kubernetes takes', () => {
    expect(jobName('work', run)).toMatch(/^work-[0-9a-f]{10}-2$/);
    expect(jobName('work', { ...run, attempt: 3 })).not.toBe(jobName('work', run));
    expect(jobName('w'.repeat(63), run)).toHaveLength(63);
  });

  test('owns what nothing else names, and calls it by names of its own', () => {
    const all = [job, named('Secret', 'account'), named('ConfigMap', 'settings'), named('Secret', 'other')];
    const own = ownOf(job, all);
    expect(own.map(each => each.metadata)).toEqual([{ name: 'account' }, { name: 'settings' }]);
    const web = named('Deployment', 'web', { spec: { x: [{ configMap: { name: 'settings' } }] } });
    expect(ownOf(job, [...all, web]).map(each => each.metadata)).toEqual([{ name: 'account' }]);
    const rendered = JSON.stringify(renderJob(job, run, own).spec);
    expect(rendered).toMatch(/"secretName":"account-[0-9a-f]{10}-2"/);
    expect(rendered).toMatch(/"configMapRef":\{"name":"settings-[0-9a-f]{10}-2"\}/);
    // Names of volumes and containers are none of these.
    expect(rendered).toContain('{"name":"account","secret"');
    expect(rendered).toContain('"suspend":true');
  });

  test('gives a JSON object as outputs; other words are none', () => {
    expect(readTermination('{"a": 1}')).toEqual({ outputs: { a: 1 }, mistake: '' });
    expect(readTermination('all is well')).toEqual({ outputs: {}, mistake: '' });
    expect(readTermination(`${'x'.repeat(4090)}"}    `).mistake).toContain('4 KiB');
  });
});

describe('trouble on the way', () => {
  const cluster = { name: 'prod', inCluster: false };
  const code = (text: string) => Object.assign(new Error('said'), { code: text });

  test('has its own words, and says whether another try may help', () => {
    expect(explainTrouble(new ApiError(401, {}), cluster)).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('has expired or was revoked'),
    });
    expect(explainTrouble(code('SELF_SIGNED_CERT_IN_CHAIN'), cluster)).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('not from the authority'),
    });
    expect(explainTrouble(code('ECONNREFUSED'), cluster)).toMatchObject({
      status: 'unreachable',
      message: expect.stringContaining('cannot be reached'),
    });
    expect(explainTrouble(new ApiError(503, { message: 'away' }), cluster)).toMatchObject({ status: 'unreachable' });
    expect(explainTrouble(new Error('a mistake of ours'), cluster)).toBeNull();
  });

  test('passes or does not', () => {
    for (const status of [429, 500, 503]) expect(isPassing(new ApiError(status, {}))).toBe(true);
    for (const status of [400, 401, 403, 404, 409, 422]) expect(isPassing(new ApiError(status, {}))).toBe(false);
    // An internal error by its number only: it would be answered for ever.
    expect(
      isPassing(
        new ApiError(500, { message: 'failed to create typed patch object (a): .b: field not declared in schema' }),
      ),
    ).toBe(false);
  });
});

describe('the look at a cluster', () => {
  const nodes = [{ name: 'a', isReady: true, version: 'v1.34.4', cpu: '2', memory_bytes: 1, pods: 110 }];
  const classes = [{ name: 'fast', by: 'x', default: false }];
  const found = { minor: 34, nodes, storage: classes, ingress: classes, certManager: true };

  test('says what sites will miss', () => {
    const document = (wanted: object) => ({ wanted });
    expect(hintsOf(document({ storageClass: 'fast', ingressClass: 'fast' }), found)).toEqual([]);
    expect(hintsOf(document({ storageClass: 'slow' }), { ...found, minor: 20, nodes: [], certManager: false })).toEqual(
      [
        'Kubernetes 1.20 is older than 1.29, with which Aegir was never tried: update it.',
        'No node is ready: nothing can run. Look at "kubectl describe nodes".',
        'There is no storage class slow, which the Cluster names. There are: fast. Correct it on the Cluster, or add it.',
        'There is no default ingress class for visitors (there are: fast): name one on the Cluster, or mark one as the default.',
        'cert-manager is not installed: Aegir gets certificates itself.',
      ],
    );
  });

  test('reads quantities and groups rights', () => {
    expect(['16308152Ki', '2Gi', '5', '1G'].map(bytesOf)).toEqual([16308152 * 1024, 2 * 2 ** 30, 5, 1e9]);
    const rights = rightsOf({ rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] }] });
    expect(rightsLines([...rights, { group: '', resource: 'pods', verb: 'list' }])).toEqual([
      'get, patch deployments (apps)',
      'list pods',
    ]);
  });

  test('asks for the rights that the documentation gives, all of them and no more', async () => {
    const text = await readFile(join(project, 'docs', 'kubernetes-rbac.yaml'), 'utf8');
    const role = readDocuments('rbac', text).documents.find(({ kind }) => kind === 'ClusterRole');
    const folder = join(project, 'roles', 'verify_cluster');
    const cluster = {
      id: 'c',
      name: 'prod',
      kubeconfig: '',
      context: '',
      namespace: '',
      environment: null,
      feedbackUrl: '',
    };
    const run = makeRun({ folder, cluster, arguments: { storage_class: 'fast' } });
    const { rendered, mistakes } = renderManifests(run, cluster, await readSources(run));
    expect(mistakes).toEqual([]);
    expect(rendered.map(({ document }) => document)).toEqual([
      { apiVersion: 'aegir.dev/v1', kind: 'ClusterCheck', wanted: { storageClass: 'fast' }, rules: role?.rules },
    ]);
  });
});
