// Brings one object to what its manifest says, by server-side apply under our own name as field manager. What is not ours is
// not taken over, and fields of others are not forced.

import { setTimeout as delay } from 'node:timers/promises';
import { type Manifest, manifestTitle } from '../../../model/manifest.ts';
import { type ApiError, isStatus, isWriteRace } from './api-error.ts';
import type { Answer } from './client.ts';
import { fieldManager } from './labels.ts';
import { locate, readLive, refuseForeign } from './live.ts';
import { waitUntilGone } from './remove.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

export interface Applied {
  live: Answer | null;
  result: Answer;
  changed: boolean;
}

/** @param dryRun nothing is changed, and the answer is what would be. */
export async function applyDocument(work: Work, document: Manifest, { dryRun = false } = {}): Promise<Applied> {
  const { api, cluster } = work;
  const { resource, name, path } = await locate(work, document);
  for (;;) {
    const live = await readLive(work, path);
    if (live) refuseForeign(work, resource, name, live);
    if (live?.metadata?.deletionTimestamp && !dryRun) {
      await waitUntilGone(work, { path, title: manifestTitle(document) });
      continue;
    }
    if (!dryRun) await work.stillCounts();
    const resourceVersion = live?.metadata?.resourceVersion;
    const body = withMetadata(document, {
      ...(resource.namespaced ? { namespace: cluster.namespace } : {}),
      // Only over what was just read: a later run may have written since.
      ...(resourceVersion && !dryRun ? { resourceVersion } : {}),
    });
    try {
      const query = { fieldManager, fieldValidation: 'Strict', ...(dryRun ? { dryRun: 'All' } : {}) };
      const contentType = 'application/apply-patch+yaml';
      const result = await api.send('PATCH', path, { query, body, contentType });
      return { live, result, changed: result.metadata?.resourceVersion !== resourceVersion };
    } catch (error) {
      // Its status was written in between, or its namespace is only being made.
      if (!isWriteRace(error))
        throw isStatus(error, 400, 403, 404, 409, 413, 422) ? refusal(work, document, error) : error;
      await delay(raceDelayMs, undefined, { signal: work.signal }).catch(() => undefined);
    }
  }
}

/** Controllers write a status several times a second at most. */
const raceDelayMs = 100;

function withMetadata(document: Manifest, more: Record<string, unknown>): Manifest {
  return { ...document, metadata: { ...(document.metadata as object), ...more } };
}

/** What the API server does not take, in words. */
export function refusal({ api, cluster }: Work, document: Manifest, error: ApiError): TaskFailure {
  const title = manifestTitle(document);
  const { message, conflicts, status } = error;
  if (conflicts.length > 0) {
    const fields = conflicts.map(({ field, owner }) => `${field} (owned by ${owner})`).join(', ');
    return new TaskFailure(
      `${title} was not changed, as somebody else has set fields of it: ${fields}. Take them away there, or out of Aegir's manifest by an override.`,
    );
  }
  if (status === 403 && /being terminated/.test(message))
    return new TaskFailure(
      `The namespace ${cluster.namespace} is being removed, so nothing can be made in it. Wait until it is gone, and look at its finalizers when it does not go.`,
    );
  if (status === 403 && /exceeded quota/.test(message))
    return new TaskFailure(
      `${title} was refused, as the quota of its namespace is used up: ${afterColon(message)}. Raise the quota, or ask for less.`,
    );
  if (status === 403)
    return new TaskFailure(
      `${title} was refused by the cluster ${api.cluster.name}: ${message}. If a right is missing, apply docs/kubernetes-rbac.yaml there again and run “Verify” on the Cluster.`,
    );
  if (status === 404 && /namespaces? "/.test(message))
    return new TaskFailure(
      `There is no namespace ${cluster.namespace} for ${title} in the cluster ${api.cluster.name}. Run the Operation that prepares the Environment first.`,
    );
  return new TaskFailure(`${title} is not what the cluster ${api.cluster.name} takes: ${message}`);
}

const afterColon = (message: string) => message.slice(message.indexOf('exceeded quota'));
