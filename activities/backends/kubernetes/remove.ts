// Removes objects of ours, in the foreground: what hangs on them goes first. Whatever keeps one from going is named.

import { setTimeout as delay } from 'node:timers/promises';
import { isManifest, type Manifest, manifestTitle } from '../../../model/manifest.ts';
import { isStatus, isWriteRace } from './api-error.ts';
import type { Answer } from './client.ts';
import { pathOf, prunedKinds, type Resource } from './kinds.ts';
import { ownLabels, selectorText, taskLabel, taskTypeLabel } from './labels.ts';
import { locate, readLive, refuseForeign } from './live.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

/** Pods get 30 s to end by themselves, namespaces then some more: the namespace controller looks again only after grace/2. */
const patienceMs = 120_000;
const pollMs = 500;

export interface Removed {
  path: string;
  title: string;
}

/** false: it was not there. */
export async function removeDocument(work: Work, document: Manifest, { dryRun = false } = {}): Promise<boolean> {
  const { resource, name, path } = await locate(work, document);
  const live = await readLive(work, path);
  if (!live) return false;
  refuseForeign(work, resource, name, live);
  if (dryRun) return true;
  await removeLive(work, { path, title: manifestTitle(document) }, live);
  return true;
}

export async function removeLive(work: Work, removed: Removed, live: Answer): Promise<void> {
  await work.stillCounts();
  await deleteOnly(work, removed.path, live);
  await waitUntilGone(work, removed);
}

/** Only the object that was read: one of the same name that somebody has made since stays. */
async function deleteOnly({ api }: Work, path: string, { metadata }: Answer): Promise<void> {
  const body = { propagationPolicy: 'Foreground', preconditions: { uid: metadata?.uid } };
  await api.send('DELETE', path, { body }).catch(error => {
    if (!isStatus(error, 404) && !isWriteRace(error)) throw error;
  });
}

export async function waitUntilGone(work: Work, { path, title }: Removed): Promise<void> {
  const until = Date.now() + patienceMs;
  work.report.line(`Waiting until ${title} is gone.`);
  for (;;) {
    const live = await readLive(work, path);
    if (!live?.metadata?.deletionTimestamp) return;
    if (Date.now() > until) throw new TaskFailure(explainStuck(title, live));
    await delay(pollMs, undefined, { signal: work.signal }).catch(() => undefined);
  }
}

/** Of a namespace its conditions say which objects are left and which finalizers hold them. */
export function explainStuck(title: string, live: Answer): string {
  const { conditions = [] } = (live.status ?? {}) as {
    conditions?: { type: string; status: string; message: string }[];
  };
  const told = conditions
    .filter(({ type, status }) => status === 'True' && /Remaining|Failure/.test(type))
    .map(({ message }) => message.replace(/[.,]?\s*$/, ''));
  const spec = (live.spec ?? {}) as { finalizers?: string[] };
  const finalizers = [...(live.metadata?.finalizers ?? []), ...(spec.finalizers ?? [])];
  const why = told.length > 0 ? told.join('; ') : `finalizers: ${finalizers.join(', ') || 'none'}`;
  return `${title} does not go: ${why}. Whoever has set a finalizer must do its work, or it is taken away by hand when that program is gone; then try again.`;
}

export interface Pruned {
  title: string;
}

/** What this Task type has made before and declares no more. Volumes stay: what is on them would be gone for good. */
export async function prune(work: Work, declared: readonly Manifest[], { dryRun = false } = {}): Promise<Pruned[]> {
  const { cluster, run, api, report } = work;
  if (cluster.namespace === '') return [];
  const labelSelector = `${selectorText({ ...ownLabels(cluster), [taskTypeLabel]: run.taskType.name })},!${taskLabel}`;
  const isDeclared = (resource: Resource, live: Answer) =>
    declared.some(
      ({ kind, metadata }) => kind === resource.kind && isManifest(metadata) && metadata.name === live.metadata?.name,
    );
  const pruned: Pruned[] = [];
  for (const resource of prunedKinds) {
    const { items } = await api.get<{ items: Answer[] }>(pathOf(resource, cluster.namespace), {
      query: { labelSelector },
    });
    for (const live of items.filter(each => !isDeclared(resource, each))) {
      const name = String(live.metadata?.name);
      const title = `${resource.kind} ${name}`;
      pruned.push({ title });
      if (dryRun) continue;
      report.line(`${title} is not declared any more: removed.`);
      await removeLive(work, { path: pathOf(resource, cluster.namespace, name), title }, live);
    }
  }
  return pruned;
}
