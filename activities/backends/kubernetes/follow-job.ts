// Follows a Job to its end: why it does not begin, its log, how it has ended, what it gives.

import type { Answer } from './client.ts';
import { followLog } from './job-logs.ts';
import { isFinished, jobsPath } from './jobs.ts';
import { readLive } from './live.ts';
import { eventsOf } from './pod-events.ts';
import { besideOf, type ContainerStatus, containersOf, endWords, type PodStatus, statusOf, troubleOf } from './pods.ts';
import { TaskFailure } from './task-failure.ts';
import { nextChange, watchObjects } from './watch.ts';
import type { Work } from './work.ts';

export interface JobEnd {
  exitCode: number | null;
  outputs: Record<string, unknown>;
  /** '' = it has succeeded. */
  message: string;
  status: 'succeeded' | 'failed' | 'unreachable';
}

/** An image, a volume or a place on a node that does not come: as Kubernetes waits for the progress of a Deployment. */
const beginMs = 600_000;

export async function followJob(work: Work, job: Answer): Promise<JobEnd> {
  const { api, cluster, signal, report } = work;
  const name = String(job.metadata?.name);
  const namespace = cluster.namespace;
  const labelSelector = `batch.kubernetes.io/job-name=${name}`;
  const pods = await watchObjects(api, `/api/v1/namespaces/${namespace}/pods`, { labelSelector }, signal);
  const jobs = await watchObjects(api, jobsPath(namespace), { fieldSelector: `metadata.name=${name}` }, signal);
  const logs = new Map<string, Promise<void>>();
  const told = new Set<string>();
  const begun = Date.now();
  const says: { last: string } = { last: '' };
  try {
    for (;;) {
      const [pod] = pods.items();
      const [live] = jobs.items();
      if (pod) startLogs(work, pod, logs, says);
      if (live && isFinished(live)) {
        await Promise.all(logs.values());
        return explainEnd(work, live, pods.items().at(-1) ?? pods.deleted().at(-1), says.last);
      }
      if (!live) throw new TaskFailure(`The Job ${name} was removed by somebody else while it ran.`);
      const hasBegun = pod && containersOf(pod).some(({ state }) => state?.running || state?.terminated);
      if (pod && !hasBegun) {
        const trouble = troubleOf(pod, await eventsOf(work, String(pod.metadata?.name)));
        if (trouble && !told.has(trouble.words)) report.line(`${pod.metadata?.name}: ${trouble.words}`);
        if (trouble) told.add(trouble.words);
        if (trouble && (trouble.final || Date.now() - begun > beginMs))
          throw new TaskFailure(`The Job ${name} does not begin: ${trouble.words.replace(/\.?\s*$/, '')}.`);
      }
      if (!pod) await refuseUnmade(work, name, told);
      await nextChange([pods, jobs], signal, [...logs.values()]);
    }
  } finally {
    pods.stop();
    jobs.stop();
  }
}

/** A quota, or a policy of the cluster, refuses its pod. */
async function refuseUnmade(work: Work, name: string, told: Set<string>): Promise<void> {
  const refused = (await eventsOf(work, name, ['FailedCreate'])).at(-1);
  if (!refused) return;
  if (!told.has(refused)) work.report.line(`${name}: ${refused}`);
  told.add(refused);
  throw new TaskFailure(`The Job ${name} does not begin, as its pod was refused: ${refused}`);
}

/** Each container from its first line; with several of them its name stands before each, and always before those that run beside. */
function startLogs(work: Work, pod: Answer, logs: Map<string, Promise<void>>, says: { last: string }): void {
  const { api, cluster, signal, report } = work;
  const containers = containersOf(pod);
  const beside = besideOf(pod);
  const isOne = containers.length - beside.size === 1;
  const podName = String(pod.metadata?.name);
  for (const { name, state } of containers) {
    const key = `${podName}/${name}`;
    if (logs.has(key) || !(state?.running || state?.terminated)) continue;
    const line = (text: string) => {
      if (text.trim() && !beside.has(name)) says.last = text.trim();
      report.line(isOne && !beside.has(name) ? text : `${name}: ${text}`);
    };
    const path = `/api/v1/namespaces/${cluster.namespace}/pods/${podName}`;
    const hasEnded = async () => {
      const live = await readLive({ api }, path);
      const now = live && containersOf(live).find(each => each.name === name);
      return !now?.state?.running && !now?.state?.waiting;
    };
    const source = { api, namespace: cluster.namespace, pod: podName, container: name, signal };
    const log = followLog(source, { line, room: report.room }, hasEnded);
    log.catch(() => undefined);
    logs.set(key, log);
  }
}

/** Longer lines are no messages. */
const longestQuote = 600;

function explainEnd(work: Work, job: Answer, pod: Answer | undefined, last: string): JobEnd {
  const title = work.run.taskType.title;
  const { conditions = [] } = (job.status ?? {}) as {
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
  const failure = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  const beside = besideOf(pod ?? {});
  const containers = pod ? containersOf(pod).filter(({ name }) => !beside.has(name)) : [];
  const failed = containers.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const message =
    containers.map(({ state }) => state?.terminated?.message ?? '').find(text => text.trim() !== '') ?? '';
  const read = readTermination(message);
  if (!failure) {
    const wrong = read.mistake ? `${title}: ${read.mistake}` : '';
    return { exitCode: 0, outputs: read.outputs, message: wrong, status: wrong ? 'failed' : 'succeeded' };
  }
  const why = statusOf(pod ?? {});
  if (hasNoRoom(why))
    return {
      exitCode: null,
      outputs: {},
      message: `${title} needs more disk than it is given: ${why.message?.trim()} Raise that limit by an override of its manifest, or have it need less.`,
      status: 'failed',
    };
  const lost = disruptionOf(pod);
  // Kubernetes has ended it, not itself: another try may do.
  if (lost)
    return {
      exitCode: null,
      outputs: {},
      message: `${title} was ended by the cluster: ${lost}.`,
      status: 'unreachable',
    };
  if (failed) return { ...failedWith(title, failed, read.mistake ? '' : message, last), outputs: read.outputs };
  const words = why.message || failure.message || failure.reason || 'nothing says why';
  return { exitCode: null, outputs: {}, message: `${title} has failed: ${words}`, status: 'failed' };
}

function failedWith(title: string, { state }: ContainerStatus, told: string, last: string): Omit<JobEnd, 'outputs'> {
  const end = state?.terminated;
  const text = last || (told.startsWith('{') ? '' : told.trim().split('\n').at(-1)) || '';
  const quote = text.length > longestQuote ? `…${text.slice(-longestQuote)}` : text;
  const how = end?.reason === 'OOMKilled' ? endWords(end) : `ended with ${endWords(end)}`;
  return { exitCode: end?.exitCode ?? null, message: `${title} ${how}${quote ? `: ${quote}` : '.'}`, status: 'failed' };
}

/** Ended for what it has written itself: another try would end in the same way. The kubelet has no reason of its own for it. */
const hasNoRoom = ({ reason, message = '' }: PodStatus) =>
  reason === 'Evicted' && /exceed(s|ed) (the (total )?limit|its local ephemeral storage limit)/.test(message);

/** Evicted, preempted, its node drained or lost. */
function disruptionOf(pod: Answer | undefined): string {
  if (!pod) return '';
  const { reason = '', message = '', conditions = [] } = statusOf(pod);
  const hasEnded = containersOf(pod).some(({ state }) => state?.terminated);
  const disrupted = conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  if (disrupted) return `${disrupted.reason ?? reason}, ${disrupted.message ?? message}`.replace(/\.?\s*$/, '');
  if (/^(Evicted|NodeLost|Shutdown|Terminated|Preempting|NodeShutdown|UnexpectedAdmissionError)$/.test(reason))
    return `${reason}, ${message}`.replace(/\.?\s*$/, '');
  return pod.metadata?.deletionTimestamp && !hasEnded ? 'its pod was removed' : '';
}

const longestMessage = 4096;

/** A container may leave 4 KiB; a JSON object are its outputs, anything else is words. */
export function readTermination(message: string): { outputs: Record<string, unknown>; mistake: string } {
  const text = message.trim();
  // Of what is longer the kubelet keeps the end.
  const isCut = Buffer.byteLength(message) >= longestMessage;
  if (!text.startsWith('{') && !isCut) return { outputs: {}, mistake: '' };
  try {
    return { outputs: JSON.parse(text) as Record<string, unknown>, mistake: '' };
  } catch {
    const mistake = isCut
      ? 'its outputs are longer than the 4 KiB that a container may leave (AEGIR_OUTPUTS); send them to feedback_url instead.'
      : 'its outputs (what it has written to AEGIR_OUTPUTS) are not JSON.';
    return { outputs: {}, mistake };
  }
}
