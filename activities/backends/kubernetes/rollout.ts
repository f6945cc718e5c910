// Waits until what was applied runs: Deployments and StatefulSets, with the reasons why one does not become ready.

import { type Manifest, manifestTitle } from '../../../model/manifest.ts';
import type { Answer } from './client.ts';
import { pathOf } from './kinds.ts';
import { selectorText } from './labels.ts';
import { readLive } from './live.ts';
import { eventsOf } from './pod-events.ts';
import { containersOf, isPodReady, type PodTrouble, troubleOf } from './pods.ts';
import { TaskFailure } from './task-failure.ts';
import { nextChange, watchObjects } from './watch.ts';
import type { Work } from './work.ts';

export const waitedKinds: readonly unknown[] = ['Deployment', 'StatefulSet'];

/** As Kubernetes takes it for a Deployment that does not say (progressDeadlineSeconds). */
const usualDeadlineSeconds = 600;

interface Status {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  currentRevision?: string;
  updateRevision?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
}

export async function waitForRollout(work: Work, document: Manifest): Promise<void> {
  const { api, cluster, report, signal } = work;
  const title = manifestTitle(document);
  const name = String((document.metadata as { name?: unknown }).name);
  const spec = (document.spec ?? {}) as {
    progressDeadlineSeconds?: number;
    selector?: { matchLabels?: Record<string, string> };
  };
  const until = Date.now() + (spec.progressDeadlineSeconds ?? usualDeadlineSeconds) * 1000;
  const path = pathOf(await work.resourceOf(document), cluster.namespace);
  const workloads = await watchObjects(api, path, { fieldSelector: `metadata.name=${name}` }, signal);
  const labelSelector = selectorText(spec.selector?.matchLabels ?? {});
  const pods = await watchObjects(api, `/api/v1/namespaces/${cluster.namespace}/pods`, { labelSelector }, signal);
  const told = new Set<string>();
  const seen = new Map<string, number>();
  const tell = (line: string) => {
    if (!told.has(line)) report.line(line);
    told.add(line);
  };
  report.line(`Waiting until ${title} is ready.`);
  try {
    for (;;) {
      const [workload] = workloads.items();
      if (workload && isRolledOut(workload) && isSettled(pods.items(), seen)) break;
      const troubles = workload ? await findTroubles(work, workload, pods.items()) : [];
      for (const { pod, words } of troubles) tell(`${pod}: ${words}`);
      const final = troubles.find(trouble => trouble.final);
      if (final || Date.now() > until) await fail(work, { title, troubles: final ? [final] : troubles, workload });
      await nextChange([workloads, pods], signal);
    }
  } finally {
    workloads.stop();
    pods.stop();
  }
  report.line(`${title} is ready.`);
}

/** Without a probe a pod counts as ready as soon as its program was started; what ends at once does so within this. */
const settleMs = 2000;
/** What was ended already has to last longer: Kubernetes waits 10 s before it starts it again. */
const settleAgainMs = 10_000;

/** Whether everything has run for a while. @param seen since when each start of each container is known. */
function isSettled(pods: Answer[], seen: Map<string, number>): boolean {
  const now = Date.now();
  return pods
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .every(pod =>
      containersOf(pod).every(({ name, restartCount, state }) => {
        if (!state?.running) return state?.terminated?.exitCode === 0;
        const key = `${pod.metadata?.uid} ${name} ${restartCount}`;
        const since = seen.get(key) ?? now;
        seen.set(key, since);
        if (restartCount > 0) return now - since >= settleAgainMs;
        return hasProbe(pod, name) || now - since >= settleMs;
      }),
    );
}

function hasProbe({ spec }: Answer, container: string): boolean {
  const { containers = [] } = (spec ?? {}) as { containers?: { name: string; readinessProbe?: unknown }[] };
  return containers.some(({ name, readinessProbe }) => name === container && readinessProbe !== undefined);
}

/** As `kubectl rollout status` sees it. */
export function isRolledOut({ kind, metadata, spec, status }: Answer): boolean {
  const { replicas: wanted = 1 } = (spec ?? {}) as { replicas?: number };
  const now = (status ?? {}) as Status;
  if ((now.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return false;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = now;
  if (kind === 'StatefulSet')
    return (
      readyReplicas >= wanted && replicas === wanted && (wanted === 0 || now.currentRevision === now.updateRevision)
    );
  return updatedReplicas >= wanted && replicas === updatedReplicas && availableReplicas >= updatedReplicas;
}

interface Trouble extends PodTrouble {
  pod: string;
}

async function findTroubles(work: Work, workload: Answer, pods: Answer[]): Promise<Trouble[]> {
  const newest = await newestPods(work, workload, pods);
  const found: Trouble[] = [];
  for (const pod of newest.pods.filter(each => !isPodReady(each) && !each.metadata?.deletionTimestamp)) {
    const name = String(pod.metadata?.name);
    const trouble = troubleOf(pod, await eventsOf(work, name));
    if (trouble) found.push({ ...trouble, words: await withVolumes(work, pod, trouble.words), pod: name });
  }
  if (newest.pods.length > 0 && found.length === 0) return [];
  return [...found, ...(await notMade(work, workload, newest.owner))];
}

/** Those of the revision that is coming; earlier ones may be in trouble that is being mended. */
async function newestPods(
  { api, cluster }: Work,
  workload: Answer,
  pods: Answer[],
): Promise<{ pods: Answer[]; owner: Answer }> {
  const status = (workload.status ?? {}) as Status;
  if (workload.kind === 'StatefulSet' || !('template' in ((workload.spec ?? {}) as object))) {
    const revision = status.updateRevision;
    const isNew = ({ metadata }: Answer) => !revision || metadata?.labels?.['controller-revision-hash'] === revision;
    return { pods: pods.filter(isNew), owner: workload };
  }
  const selector = ((workload.spec ?? {}) as { selector?: { matchLabels?: Record<string, string> } }).selector;
  const { items } = await api.get<{ items: Answer[] }>(`/apis/apps/v1/namespaces/${cluster.namespace}/replicasets`, {
    query: { labelSelector: selectorText(selector?.matchLabels ?? {}) },
  });
  const number = ({ metadata }: Answer) => Number(metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
  const own = items.filter(({ metadata }) => ownersOf(metadata).includes(String(workload.metadata?.uid)));
  const newest = own.sort((one, other) => number(other) - number(one))[0];
  if (!newest) return { pods: [], owner: workload };
  const uid = String(newest.metadata?.uid);
  return { pods: pods.filter(({ metadata }) => ownersOf(metadata).includes(uid)), owner: newest };
}

function ownersOf(metadata: Answer['metadata']): string[] {
  const owners = (metadata?.ownerReferences ?? []) as { uid: string }[];
  return owners.map(({ uid }) => uid);
}

/** Pods that were refused: by a quota, by a policy of the cluster. Only the events of their owner say so. */
async function notMade(work: Work, workload: Answer, owner: Answer): Promise<Trouble[]> {
  const messages = await eventsOf(work, String(owner.metadata?.name), ['FailedCreate']);
  const refused = messages.at(-1);
  if (!refused) return [];
  const conditions = ((workload.status ?? {}) as Status).conditions ?? [];
  const isFailing = conditions.some(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (!isFailing && workload.kind !== 'StatefulSet') return [];
  const isQuota = /exceeded quota/.test(refused);
  const words = isQuota
    ? `no pod can be made, as the quota of its namespace is used up: ${refused.slice(refused.indexOf('exceeded quota'))}. Raise the quota, or ask for less`
    : `no pod can be made: ${refused}`;
  // Nothing that happens in this namespace by itself makes room, but for a pod that is just ending.
  return [{ pod: String(owner.metadata?.name), words, final: isQuota }];
}

/** What its claims say of why they do not bind. */
async function withVolumes(work: Work, pod: Answer, words: string): Promise<string> {
  if (!/PersistentVolumeClaim|volume/i.test(words)) return words;
  const { volumes = [] } = (pod.spec ?? {}) as { volumes?: { persistentVolumeClaim?: { claimName: string } }[] };
  const names = volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const told = await Promise.all(
    names.map(async name => {
      const path = `/api/v1/namespaces/${work.cluster.namespace}/persistentvolumeclaims/${name}`;
      const claim = await readLive(work, path);
      if (!claim) return `There is no PersistentVolumeClaim ${name}.`;
      const { phase } = (claim.status ?? {}) as { phase?: string };
      if (phase === 'Bound') return '';
      const { storageClassName = 'none' } = (claim.spec ?? {}) as { storageClassName?: string };
      const said = (await eventsOf(work, name)).at(-1) ?? 'nothing is said of it';
      return `The PersistentVolumeClaim ${name} (storage class ${storageClassName}) does not bind: ${said}.`;
    }),
  );
  return [words, ...told.filter(Boolean)].join(' ').trim();
}

/** Enough to see what a program stumbled over. */
const lastLines = 10;

async function fail(
  work: Work,
  { title, troubles, workload }: { title: string; troubles: Trouble[]; workload: Answer | undefined },
): Promise<never> {
  const { api, cluster, report } = work;
  for (const { pod, container } of troubles) {
    if (!container) continue;
    const path = `/api/v1/namespaces/${cluster.namespace}/pods/${pod}/log`;
    const read = async (previous: boolean) => {
      const query = { container, tailLines: lastLines, ...(previous ? { previous } : {}) };
      const text = String(await api.get<unknown>(path, { query }).catch(() => ''));
      // Answered like a log by a kubelet that has removed that container already.
      return text.startsWith('unable to retrieve container logs') ? '' : text;
    };
    const text = (await read(true)) || (await read(false));
    if (!text) continue;
    report.line(`The last lines of ${container} in ${pod}:`);
    for (const line of text.trimEnd().split('\n')) report.line(`  ${line}`);
  }
  const words = [...new Set(troubles.map(trouble => trouble.words))].join('; ');
  const progress = ((workload?.status ?? {}) as Status).conditions?.find(
    ({ status, type }) => type === 'Progressing' && status === 'False',
  );
  const why = words || progress?.message || 'nothing says why; look at its pods';
  throw new TaskFailure(`${title} does not become ready: ${why.replace(/\.?\s*$/, '')}.`);
}
