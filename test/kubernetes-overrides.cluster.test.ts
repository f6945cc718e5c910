// Overrides of manifests in a real cluster, through the whole of Aegir: those of all places are laid over one another, and a
// dry run and a comparison see what comes of them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deploymentOf } from '../activities/backends/kubernetes/testing/cluster-runs.ts';
import type { OperationView, Page, ReproduceView } from '../api/contract.ts';
import type { DriftView } from '../api/drift-contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: overrides of manifests. ${reason}`);

const place = `apiVersion: v1
kind: Namespace
metadata: {name: $aegir.namespace}
`;

describe.skipIf(reason !== null)('overrides of a manifest', () => {
  const types = makeTypeFolder();
  let cluster: TestCluster;
  let aegir: Aegir;
  let environment: Entity;
  let other: Entity;

  const override = (plural: string, name: string, text: string | null) =>
    aegir.send('PUT', `/api/${plural}/${name}/overrides/run_site/${encodeURIComponent('kubernetes/site.yml')}`, {
      text,
    });
  const site = (metadata: string, container: string) =>
    `kind: Deployment\nmetadata: {name: web, ${metadata}}\nspec: {template: {spec: {containers: [{name: web, ${container}}]}}}\n`;
  const deployment = async (name: string) => {
    const live = JSON.parse(await cluster.kubectl(['-n', `aegir-${name}`, 'get', 'deployment', 'web', '-o', 'json']));
    const [{ resources, env }] = live.spec.template.spec.containers;
    const { 'deployment.kubernetes.io/revision': _, ...annotations } = live.metadata.annotations ?? {};
    return { resources, env, annotations };
  };

  beforeAll(async () => {
    cluster = await startTestCluster('layers');
    const { name: image } = await cluster.importImage('serve');
    types.clusterTask('make_place', { 'a.yml': place });
    types.operation('make_place', 'environment', '[{id: make, task: make_place}]');
    const env = 'env: [{name: MESSAGE, value: hello}, {name: MODE, value: plain}]';
    const resources = 'resources: {limits: {memory: 64Mi}}';
    types.clusterTask('run_site', { 'site.yml': deploymentOf(image, { container: `${env}\n          ${resources}` }) });
    types.operation('run_site', 'environment', '[{id: run, task: run_site}]');
    types.operation('compare_site', 'environment', '[{id: run, task: run_site}]', 'check: true\n');
    aegir = await startAegir({ types: types.path });
    const kubeconfig = await aegirKubeconfig(cluster);
    await aegir.add('clusters', { name: 'prod', kind: 'kubernetes', connection: 'kubeconfig', kubeconfig });
    await aegir.add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
    await aegir.add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
    const addEnvironment = async (name: string) => {
      const values = { name, release: 'one', cluster: 'prod', kind: 'staging', primary_name: `${name}.example.org` };
      const added = await aegir.add('environments', values);
      await aegir.succeed('environments', added.id, 'make_place');
      return added;
    };
    environment = await addEnvironment('shop');
    other = await addEnvironment('other');
    await aegir.succeed('environments', environment.id, 'run_site');
  });
  afterAll(async () => {
    await aegir?.stop();
    types.remove();
    await cluster?.stop();
  });

  test('of Organisation, Cluster, Project and Environment are laid over one another; null takes away what a wider one gave', async () => {
    const [organisation] = (await aegir.send<Page<Entity>>('GET', '/api/organisations')).items;
    const club = String(organisation?.values.name);
    await override('organisations', organisation?.id ?? '', site('annotations: {club: "yes", tier: web}', 'env: []'));
    const limits = 'resources: {limits: {memory: 96Mi}, requests: {cpu: 10m}}';
    await override('clusters', 'prod', site('annotations: {}', limits));
    await override('projects', 'shop', site('annotations: {owner: shop}', 'env: [{name: MESSAGE, value: of shop}]'));
    const variables = 'env: [{name: MESSAGE, value: of us}, {name: MODE, $patch: delete}, {name: MORE, value: more}]';
    const own = site('annotations: {tier: null}', `resources: {requests: null}, ${variables}`);
    await override('environments', environment.id, own);

    const dry = await aegir.send<OperationView>('POST', `/api/environments/${environment.id}/operations`, {
      type: 'run_site',
      input: {},
      dryRun: true,
    });
    expect((await aegir.waitFor(dry.id)).state, await aegir.log(dry.id)).toBe('succeeded');
    expect(await deployment('shop')).toMatchObject({ annotations: {}, resources: { limits: { memory: '64Mi' } } });

    const done = await aegir.succeed('environments', environment.id, 'run_site');
    const task = done.tasks.at(-1);
    expect(await deployment('shop')).toEqual({
      annotations: { club: 'yes', owner: 'shop' },
      resources: { limits: { memory: '96Mi' } },
      env: [
        { name: 'MESSAGE', value: 'of us' },
        { name: 'MORE', value: 'more' },
      ],
    });
    const { files } = await aegir.send<ReproduceView>('GET', `/api/tasks/${task?.id}/reproduce`);
    expect(files.README).toContain(
      `Laid over kubernetes/site.yml, the last one counts: Organisation ${club}, version 1; Cluster prod, version 1; Project shop, version 1; Environment shop, version 1.`,
    );
    expect(files['manifests.yml']).toMatch(/owner: shop/);

    // What holds for all of them holds for the neighbour, and the Environment's own does not.
    await aegir.succeed('environments', other.id, 'run_site');
    expect(await deployment('other')).toEqual({
      annotations: { club: 'yes', owner: 'shop', tier: 'web' },
      resources: { limits: { memory: '96Mi' }, requests: { cpu: '10m' } },
      env: [
        { name: 'MESSAGE', value: 'of shop' },
        { name: 'MODE', value: 'plain' },
      ],
    });
  });

  test('a comparison sees what they make together: nothing is different, until one of them says something else', async () => {
    const compare = async () => {
      await aegir.succeed('environments', environment.id, 'compare_site');
      return aegir.send<DriftView>('GET', `/api/environments/${environment.id}/drift`);
    };
    expect((await compare()).differences).toEqual([]);
    await override('projects', 'shop', site('annotations: {owner: club}', 'env: []'));
    const [difference] = (await compare()).differences;
    expect(difference?.text).toMatch(/-\s+owner: shop\n\+\s+owner: club/);
  });

  test('that fit nothing are named before anything is done, each with its place', async () => {
    await override('clusters', 'prod', 'kind: Deployment\nmetadata: {name: site}\n');
    await override('environments', environment.id, 'kind: Service\nmetadata: {name: web}\n');
    const { state, id, tasks } = await aegir.run('environments', environment.id, 'run_site');
    expect(state).toBe('failed');
    const said = [await aegir.log(id), ...tasks.map(task => task.message)].join('\n');
    for (const words of ['(Cluster prod, version 2): Deployment site', '(Environment shop, version 2): Service web'])
      expect(said).toContain(`Override of kubernetes/site.yml ${words} is not there, only Deployment web.`);
  });
});
