// Sets how many pods a Deployment has, by its subresource: its manifest leaves that open, so neither writes over the other.

import { setTimeout as delay } from 'node:timers/promises';
import { isManifest, type Manifest } from '../../../model/manifest.ts';
import { mergePatch } from './client.ts';
import { fieldManager, selectorText } from './labels.ts';
import { readLive, refuseForeign } from './live.ts';
import { waitForRollout } from './rollout.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

/** A manager of its own: the next apply of the Deployment would take the size for one that is not declared any more. */
const manager = `${fieldManager}-scale`;

/** Pods that end may take their grace period. */
const pollMs = 200;

/** Whether it was another one. */
export async function scaleDeployment(work: Work, { metadata, spec }: Manifest): Promise<boolean> {
  const { api, cluster, report } = work;
  const name = String(isManifest(metadata) ? metadata.name : '');
  const { replicas } = (spec ?? {}) as { replicas?: number };
  const resource = await work.resourceOf({ apiVersion: 'apps/v1', kind: 'Deployment' });
  const path = `${resource.root}/namespaces/${cluster.namespace}/${resource.plural}/${name}`;
  const live = await readLive(work, path);
  if (!live)
    throw new TaskFailure(
      `There is no Deployment ${name} in the namespace ${cluster.namespace}. Run “Install” on the Environment first.`,
    );
  refuseForeign(work, resource, name, live);
  const before = (live.spec as { replicas?: number }).replicas;
  if (before !== replicas) {
    await work.stillCounts();
    const query = { fieldManager: manager };
    await api.send('PATCH', `${path}/scale`, { query, body: { spec: { replicas } }, ...mergePatch });
    report.line(`Deployment ${name}: ${replicas} instead of ${before}`);
  }
  await waitForRollout(work, { ...live, spec: { ...(live.spec as object), replicas } } as Manifest);
  if (replicas === 0) await waitUntilEnded(work, live);
  return before !== replicas;
}

/** A pod that is ending still works. */
async function waitUntilEnded({ api, cluster, signal }: Work, { spec }: Manifest): Promise<void> {
  const { selector } = (spec ?? {}) as { selector?: { matchLabels?: Record<string, string> } };
  const labelSelector = selectorText(selector?.matchLabels ?? {});
  for (;;) {
    const { items } = await api.get<{ items: unknown[] }>(`/api/v1/namespaces/${cluster.namespace}/pods`, {
      query: { labelSelector },
    });
    if (items.length === 0) return;
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
