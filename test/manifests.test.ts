// The manifests of every Task type as they are given to a cluster, whole: whoever changes one sees in test/manifests/ what
// becomes of it. `vitest run --project unit test/manifests.test.ts --update` writes them anew.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { renderDocuments } from '../catalogue/read-manifests.ts';
import { readSamples, type Sample } from './manifest-samples.ts';

const folder = join(import.meta.dirname, 'manifests');

let samples: Sample[];
beforeAll(async () => {
  samples = await readSamples();
});

test('each is as it was written down', async () => {
  expect(samples.length).toBeGreaterThan(20);
  expect(samples.flatMap(({ mistakes }) => mistakes)).toEqual([]);
  for (const { name, documents, absent } of samples) {
    const gone = absent.length > 0 ? `# To be gone:\n${renderDocuments(absent)}` : '';
    const text = [renderDocuments(documents), gone].filter(Boolean).join('---\n');
    await expect(text).toMatchFileSnapshot(join(folder, `${name}.yml`));
  }
});

test('nothing is written down of what is there no more', () => {
  expect(readdirSync(folder).sort()).toEqual(samples.map(({ name }) => `${name}.yml`).sort());
});

test('a secret stands in Secrets only', () => {
  const open = samples.flatMap(({ documents }) => documents).filter(({ kind }) => kind !== 'Secret');
  expect(JSON.stringify(open)).not.toMatch(
    /secret-of-the-(database|store|keys)|key-of-the-certificate|password-of-the-registry|key-for-the-repository/,
  );
});

test('certificates by ACME are left to cert-manager where the Cluster names a ClusterIssuer', async () => {
  const values = { https: 'acme', names: ['shop.example.org'], certificate_issuer: 'letsencrypt' };
  const [sample] = await readSamples({ type: 'get_certificates', values });
  expect([sample?.mistakes, sample?.documents.map(({ kind }) => kind)]).toEqual([[], ['Outputs']]);
});
