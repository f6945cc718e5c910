// Follows what docs/backends.md says of Kubernetes, word by word, in a real cluster.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownLabels } from '../activities/backends/kubernetes/labels.ts';
import type { OperationSummary, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { blocks, clusterSection, copyInstallation, expectPrinted, type PageCopy } from './backends-page.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type Aegir, startAegir } from './harness.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: docs/backends.md in a cluster. ${reason}`);

describe.skipIf(reason !== null)('docs/backends.md', () => {
  let cluster: TestCluster;
  let copy: PageCopy;
  let aegir: Aegir | undefined;

  beforeAll(async () => {
    cluster = await startTestCluster('page');
    copy = copyInstallation();
  });
  afterAll(async () => {
    await aegir?.stop();
    copy?.remove();
    await cluster?.stop();
  });

  /** With the Environment of which the page speaks. */
  async function start(): Promise<Aegir> {
    const { name: tools_image } = await cluster.importImage('tools');
    const kubeconfig = await aegirKubeconfig(cluster);
    const running = await startAegir({ installation: copy.path, environment: copy.settings() });
    const add = async (plural: string, values: Record<string, unknown>) => {
      const { status, body } = await running.call<Entity>('POST', `/api/${plural}`, { values });
      expect(status, JSON.stringify(body)).toBe(201);
      return body;
    };
    await add('clusters', { name: 'prod', kind: 'kubernetes', connection: 'kubeconfig', kubeconfig, tools_image });
    await add('projects', { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' });
    await add('releases', { name: 'one', project: 'shop', git_ref: 'main' });
    const values = { name: 'shop', release: 'one', cluster: 'prod', primary_name: 'shop.example.org' };
    const environment = { id: (await add('environments', values)).id, name: 'shop' };
    const labels = ownLabels({ environment } as Parameters<typeof ownLabels>[0]);
    // What it has by being installed.
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'aegir-shop', labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    return running;
  }

  test('is right about Kubernetes', async () => {
    const end = blocks.findIndex(({ where }) => where !== '');
    const before = blocks.slice(0, end);
    expect(before.filter(({ section }) => section === clusterSection).length).toBeGreaterThan(10);
    let printed = '';
    for (const block of before) {
      const isFollowed = block.section === clusterSection || !block.text.includes('./aegir');
      if (block.language === 'sh' && isFollowed) {
        if (block.text.includes('./aegir run')) aegir ??= await start();
        printed = await copy.command(block.text, aegir);
      } else if (block.language === 'text' && block.section === clusterSection) expectPrinted(printed, block);
      else if (block.language !== 'sh' && block.language !== 'text' && block.section !== 'A back end of your own')
        copy.write(block);
    }
    const greeting = await cluster.kubectl([
      '-n',
      'aegir-shop',
      'get',
      'configmap',
      'greeting',
      '-o',
      'jsonpath={.data}',
    ]);
    expect(JSON.parse(greeting)).toEqual({ greeting: 'Good morning' });
    const { items } = (await aegir?.call<Page<OperationSummary>>('GET', '/api/operations'))?.body ?? { items: [] };
    expect(items.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });
});
