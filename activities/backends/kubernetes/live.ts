// An object as it is in the cluster, and whether it is ours to change.

import { type Manifest, manifestTitle } from '../../../model/manifest.ts';
import { isStatus } from './api-error.ts';
import type { Answer } from './client.ts';
import { pathOf, type Resource } from './kinds.ts';
import { environmentLabel, fieldManager, isOurs, managedBy } from './labels.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

export async function readLive({ api }: Pick<Work, 'api'>, path: string): Promise<Answer | null> {
  return api.get(path).catch(error => {
    if (isStatus(error, 404)) return null;
    throw error;
  });
}

/** Where the object of a manifest is, or would be. */
export async function locate(
  { cluster, resourceOf }: Work,
  document: Manifest,
): Promise<{ resource: Resource; name: string; path: string }> {
  const resource = await resourceOf(document);
  if (resource.namespaced && cluster.namespace === '')
    throw new TaskFailure(
      `${manifestTitle(document)} belongs into a namespace, and this Task works on a Cluster, not on an Environment.`,
    );
  const name = String((document.metadata as { name?: unknown }).name);
  return { resource, name, path: pathOf(resource, cluster.namespace, name) };
}

export async function isThere(work: Work, document: Manifest): Promise<boolean> {
  const live = await readLive(work, (await locate(work, document)).path);
  return live !== null && !live.metadata?.deletionTimestamp;
}

export function refuseForeign(
  { cluster, report }: Work,
  { kind, namespaced }: Resource,
  name: string,
  live: Answer,
): void {
  if (isOurs(live, cluster)) return;
  const where = namespaced ? ` in the namespace ${cluster.namespace}` : '';
  const labels = live.metadata?.labels ?? {};
  const whose = labels[managedBy]
    ? `it is managed by ${labels[managedBy]}${labels[environmentLabel] ? `, for the Environment ${labels[environmentLabel]}` : ''}`
    : 'it was not made by Aegir';
  const namespace = namespaced ? ` -n ${cluster.namespace}` : '';
  const own = cluster.environment ? ` ${environmentLabel}=${cluster.environment.id}` : '';
  report.line(
    `To hand it over: kubectl label ${kind.toLowerCase()} ${name}${namespace} ${managedBy}=${fieldManager}${own} --overwrite`,
  );
  throw new TaskFailure(
    `There is a ${kind} ${name}${where} already, and ${whose}: it is not taken over. Remove or rename it, or label it as Aegir's (the log says how).`,
  );
}
