// The manifests of every Task type before a real API server: each is taken, and has no field that it does not know.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isClusterCheck, isOutputs, isScale } from '../model/check-manifest.ts';
import { manifestTitle } from '../model/manifest.ts';
import { readSamples } from './manifest-samples.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';

const reason = canRunClusters();
if (reason) console.warn(`Skipped: manifests before an API server. ${reason}`);

describe.skipIf(reason !== null)('manifests before an API server', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster('dry');
    await cluster.kubectl(['create', 'namespace', 'aegir-shop']);
    await cluster.kubectl(['create', 'namespace', 'aegir--builds']);
  }, 900_000);
  afterAll(() => cluster?.stop());

  test('each is taken in a strict dry run', async () => {
    const wrong: string[] = [];
    let taken = 0;
    for (const { name, documents } of await readSamples()) {
      const builds = documents.some(({ metadata }) => JSON.stringify(metadata ?? {}).includes('builds'));
      const namespace = builds || name.startsWith('deploy_release') ? 'aegir--builds' : 'aegir-shop';
      for (const document of documents.filter(each => !isClusterCheck(each) && !isOutputs(each) && !isScale(each))) {
        const options = [
          '--server-side',
          '--dry-run=server',
          '--validate=strict',
          '--field-manager=aegir',
          '--force-conflicts',
        ];
        const within = document.kind === 'Namespace' ? [] : ['--namespace', namespace];
        await cluster.kubectl(['apply', ...options, ...within, '-f', '-'], { input: JSON.stringify(document) }).then(
          () => taken++,
          error => wrong.push(`${name}: ${manifestTitle(document)}: ${error}`),
        );
      }
    }
    expect(wrong).toEqual([]);
    expect(taken).toBeGreaterThan(40);
  });
});
