// Overrides of manifests: what several of them make together, and what fits nothing.

import { expect, test } from 'vitest';
import type { ManifestPatch } from '../backend.ts';
import { makeRun } from '../test-run.ts';
import { renderManifests } from './render.ts';

const cluster = {
  id: 'c',
  name: 'prod',
  kubeconfig: '',
  context: '',
  namespace: 'aegir-shop',
  environment: { id: 'e', name: 'shop' },
  feedbackUrl: '',
};

const site = `apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  template:
    spec:
      containers:
        - {name: site, image: $image, env: [{name: HOST, value: a.example.org}]}
---
$if: password
apiVersion: v1
kind: Secret
metadata: {name: account}
stringData: {PASSWORD: $password, USER: shop}
---
$each: names
apiVersion: v1
kind: ConfigMap
metadata: {name: $item}
data: {name: $item}
`;

function render(patches: Record<string, ManifestPatch[]>, more: Record<string, unknown> = {}) {
  const run = makeRun({ folder: '/none', arguments: { image: 'a:1', names: [], ...more }, patches });
  const { rendered, mistakes } = renderManifests(run, cluster, {
    manifests: new Map([['kubernetes/site.yml', site]]),
    files: new Map(),
  });
  const documents = rendered.map(({ document }) => document as Record<string, Record<string, unknown>>);
  return { documents, mistakes };
}

const file = 'kubernetes/site.yml';
const patch = (whose: string, text: string) => ({ whose, text });
const ofSite = (spec: string) =>
  `kind: Deployment\nmetadata: {name: site}\nspec: {template: {spec: {containers: [{name: site, ${spec}}]}}}\n`;

test('all of them are laid over the manifest, each over those before it', () => {
  const wide = `kind: Deployment
metadata: {name: site, labels: {owner: club, tier: web}}
spec: {replicas: 2}
`;
  const { documents, mistakes } = render({
    [file]: [
      patch('Organisation club, version 1', wide),
      patch('Cluster prod, version 2', ofSite('resources: {limits: {memory: 1Gi}, requests: {memory: 64Mi}}')),
      patch('Project shop, version 1', ofSite(`env: [{name: MODE, value: "of $\{image}"}, {name: HOST, value: b}]`)),
      patch(
        'Environment shop, version 7',
        `${ofSite('resources: {requests: null}, env: [{name: HOST, value: c}]')}---\nkind: Deployment\nmetadata: {name: site, labels: {tier: null}}\nspec: {replicas: null}\n`,
      ),
    ],
  });
  expect(mistakes).toEqual([]);
  expect(documents).toHaveLength(1);
  const { metadata, spec } = documents[0] ?? {};
  expect(metadata).toMatchObject({ name: 'site', labels: { owner: 'club' } });
  expect(metadata?.labels).not.toHaveProperty('tier');
  expect(spec).toEqual({
    template: {
      spec: {
        containers: [
          {
            name: 'site',
            image: 'a:1',
            resources: { limits: { memory: '1Gi' } },
            env: [
              { name: 'HOST', value: 'c' },
              { name: 'MODE', value: 'of a:1' },
            ],
          },
        ],
      },
    },
  });
});

test('null takes a value out of a Secret, too', () => {
  const text = 'kind: Secret\nmetadata: {name: account}\nstringData: {USER: null, MORE: x}\n';
  const { documents } = render({ [file]: [patch('Project shop, version 1', text)] }, { password: 'p' });
  expect(documents[1]?.data).toEqual({ PASSWORD: btoa('p'), MORE: btoa('x') });
});

test('one for what is only left out of this run is none that fits nothing', () => {
  const text = ['Secret/account', 'ConfigMap/any']
    .map(each => each.split('/'))
    .map(([kind, name]) => `kind: ${kind}\nmetadata: {name: ${name}, annotations: {seen: "yes"}}\n`)
    .join('---\n');
  const patches = { [file]: [patch('Cluster prod, version 2', text)] };
  expect(render(patches).mistakes).toEqual([]);
  const { documents } = render(patches, { password: 'p', names: ['any', 'other'] });
  const seen = documents.map(({ metadata }) => [metadata?.name, metadata?.annotations !== undefined]);
  expect(seen).toEqual([
    ['site', false],
    ['account', true],
    ['any', true],
    ['other', false],
  ]);
});

test('all mistakes are told at once, each with whose it is', () => {
  const stray = 'kind: Deployment\nmetadata: {name: sites}\n---\nkind: Service\nmetadata: {name: site}\n';
  const { mistakes } = render({
    [file]: [
      patch('Cluster prod, version 2', stray),
      patch('Project shop, version 1', 'kind: [\n'),
      patch('Environment shop, version 3', ofSite(`image: "x$\{none}"`)),
    ],
    'kubernetes/old.yml': [patch('Environment shop, version 1', stray)],
  });
  const known = 'only Deployment site, Secret account, ConfigMap $item';
  expect(mistakes).toEqual([
    `Override of ${file} (Cluster prod, version 2): Deployment sites is not there, ${known}.`,
    `Override of ${file} (Cluster prod, version 2): Service site is not there, ${known}.`,
    expect.stringMatching(/^Override of kubernetes\/site.yml \(Project shop, version 1\):\d+: /),
    `Override of ${file} (Environment shop, version 3): Deployment site: "\${none}" has no value here.`,
    'Override of kubernetes/old.yml (Environment shop, version 1): there is no such file, only kubernetes/site.yml.',
  ]);
});
