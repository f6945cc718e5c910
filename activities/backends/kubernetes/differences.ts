// What server-side apply would change, without changing it: the object as it is beside the one that would be. Whatever the API
// server keeps for itself is left out, and values of Secrets are never shown.

import { renderDocuments } from '../../../catalogue/read-manifests.ts';
import type { FoundDifference } from '../../../model/drift.ts';
import { isManifest, type Manifest, manifestTitle } from '../../../model/manifest.ts';
import { isStatus } from './api-error.ts';
import { applyDocument } from './apply.ts';
import type { Answer } from './client.ts';
import { diffLines } from './diff-lines.ts';
import { ownOf } from './jobs.ts';
import { isThere } from './live.ts';
import { withConfiguration } from './references.ts';
import { prune, removeDocument } from './remove.ts';
import type { Rendered } from './render.ts';
import type { Work } from './work.ts';

/** A Job is carried out, not kept, and what belongs to it goes with it: right after it has run nothing differs. */
export async function findDifferences(work: Work, rendered: readonly Rendered[]): Promise<FoundDifference[]> {
  const found: FoundDifference[] = [];
  const hasPlace = await hasNamespace(work);
  const declared = rendered.filter(({ absent }) => !absent).map(({ document }) => document);
  const ofJobs = declared.filter(({ kind }) => kind === 'Job').flatMap(job => ownOf(job, declared));
  for (const { document, absent, once } of rendered) {
    if (document.kind === 'Job' || ofJobs.includes(document)) continue;
    const resource = manifestTitle(document);
    if (absent) {
      if (await removeDocument(work, document, { dryRun: true }))
        found.push({ task: 'Remove', resource, text: 'It is there, and would be removed.', left: 0 });
      continue;
    }
    if (once && hasPlace && (await isThere(work, document))) continue;
    const { namespaced } = await work.resourceOf(document);
    // Where its namespace is still to be made nothing can be asked.
    const whole = hasPlace ? await withConfiguration(work, document, declared) : document;
    const applied = namespaced && !hasPlace ? null : await applyDocument(work, whole, { dryRun: true });
    const text = applied ? difference(applied.live, applied.result) : difference(null, document as Answer);
    if (text) found.push({ task: applied?.live ? 'Change' : 'Make', resource, text, left: 0 });
  }
  if (!hasPlace) return found;
  for (const { title } of await prune(work, declared, { dryRun: true }))
    found.push({
      task: 'Remove',
      resource: title,
      text: 'It is not declared any more, and would be removed.',
      left: 0,
    });
  return found;
}

export async function hasNamespace({ api, cluster }: Work): Promise<boolean> {
  if (cluster.namespace === '') return false;
  return api.get(`/api/v1/namespaces/${cluster.namespace}`).then(
    () => true,
    error => {
      if (isStatus(error, 404)) return false;
      throw error;
    },
  );
}

/** Unified, '' when nothing differs. */
export function difference(live: Answer | null, wanted: Answer): string {
  const [before, after] = hidden(live ? shown(live) : null, shown(wanted));
  return diffLines(before ? renderDocuments([before]) : '', renderDocuments([after]));
}

const ofServer = ['managedFields', 'resourceVersion', 'uid', 'generation', 'creationTimestamp', 'selfLink'];

function shown(object: Answer): Manifest {
  const { status: _status, metadata = {}, ...rest } = object;
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => !ofServer.includes(key)));
  return { ...rest, metadata: own };
}

/** That a value of a Secret is another one is said, the value is not. */
function hidden(before: Manifest | null, after: Manifest): [Manifest | null, Manifest] {
  if (after.kind !== 'Secret') return [before, after];
  const old = before && isManifest(before.data) ? before.data : {};
  const now = isManifest(after.data) ? after.data : {};
  const words = (values: Manifest, other: Manifest, mark: string) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, other[key] === value ? 'a secret' : mark]));
  return [
    before && { ...before, data: words(old, now, 'a secret, the former one') },
    { ...after, data: words(now, old, 'a secret, another one') },
  ];
}
