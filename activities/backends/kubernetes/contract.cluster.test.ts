// The contract of back ends, for that of Kubernetes, in a real cluster.
//
// What it cannot ask of Jobs, and where it is asked instead:
// - A Job outlives its worker, so an attempt finds one of an earlier one (`attach`): jobs.cluster.test.ts. The contract asks
//   only that it finds none where none is going.
// - Nothing of it is a process of this machine: what is going are its Jobs and pods.
// - A Job has no preview, as a program has none: the manifests beside it have, and it is left out of a dry run.
// - Lines of a container come by two pipes: their order is known within each of them, so the lines here go to one.

import { afterAll, beforeAll } from 'vitest';
import { canRunClusters } from '../../../test/test-cluster.ts';
import { describeBackend, type Files } from '../testing/contract.ts';
import { createKubernetesBackend } from './backend.ts';
import { taskLabel } from './labels.ts';
import { jobOf, makeStage, type Place, type Stage } from './testing/cluster-runs.ts';

const reason = canRunClusters() ?? '';
if (reason) console.warn(`Skipped: the contract of back ends for kubernetes. ${reason}`);

let stage: Stage;
let place: Place;

beforeAll(async () => {
  if (reason) return;
  stage = await makeStage('contr');
  await stage.cluster.importImage('tools');
  place = await stage.environment();
});
afterAll(() => stage?.stop());

const steps = 'registry.local/steps:1';
const manifest = (text: string): Files => ({ 'kubernetes/work.yml': text });

const echo = `import json, os
json.dump({'title': os.environ['TITLE']}, open(os.environ['AEGIR_OUTPUTS'], 'w'))
`;

const account = `---
apiVersion: v1
kind: Secret
metadata: {name: account}
stringData: {PASSWORD: $password}
`;

interface Listed {
  status: { phase?: string; conditions?: { type: string; status: string }[] };
}

const isOver = ({ status }: Listed) =>
  /^(Succeeded|Failed)$/.test(status.phase ?? '') ||
  (status.conditions ?? []).some(({ type, status: is }) => /^(Complete|Failed)$/.test(type) && is === 'True');

describeBackend('kubernetes', {
  skipped: reason,
  create: () => createKubernetesBackend(),
  get run() {
    return { target: 'cluster' as const, cluster: place.connection };
  },
  echo: {
    'kubernetes/scripts/echo.py': echo,
    'kubernetes/work.yml': `apiVersion: v1
kind: ConfigMap
metadata: {name: scripts}
data: {$files: scripts}
---
${jobOf('registry.local/tools:1', [], {
  pod: 'volumes: [{name: scripts, configMap: {name: scripts}}]',
  container: `command: [python3, /scripts/echo.py]
          env: [{name: TITLE, value: $title}]
          volumeMounts: [{name: scripts, mountPath: /scripts}]`,
})}`,
  },
  lines: {
    files: manifest(jobOf(steps, ['say first', 'say second', 'say third'])),
    expected: ['first', 'second', 'third'],
  },
  failing: {
    files: manifest(jobOf(steps, ['say first', 'say cannot reach the moon', 'exit 3'])),
    exitCode: 3,
    message: 'cannot reach the moon',
  },
  endless: {
    files: manifest(
      `${jobOf(steps, ['say up', 'sleep 600'], { container: 'envFrom: [{secretRef: {name: account}}]' })}${account}`,
    ),
    up: 'up',
  },
  effect: {
    files: manifest('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: effect}\ndata: {path: $path}\n'),
    arguments: base => ({ path: base }),
    count: async () =>
      (await place.kubectl('get', 'configmap', 'effect', '--ignore-not-found', '-o', 'name'))
        .split('\n')
        .filter(Boolean).length,
  },
  missing: 'has no kubernetes/*.yml',
  previews: true,
  async going({ taskId }) {
    const list = async (...what: string[]) =>
      (JSON.parse(await place.kubectl('get', ...what, '-o', 'json')) as { items: Listed[] }).items;
    // There is one run at a time in the namespace, so that its pods are all that there are.
    const found = [...(await list('jobs', '--selector', `${taskLabel}=${taskId}`)), ...(await list('pods'))];
    return found.filter(item => !isOver(item)).map(item => JSON.stringify(item));
  },
});
