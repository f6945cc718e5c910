// The Jobs of a Task. One is called by its Task and the attempt that has made it; a later attempt that finds one of an attempt
// whose end nobody has told claims it and goes on with it. It is never started a second time.

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isManifest, type Manifest, manifestTitle } from '../../../model/manifest.ts';
import type { Run } from '../backend.ts';
import { supersededMessage } from '../fence.ts';
import { isStatus, isWriteRace } from './api-error.ts';
import { applyDocument, refusal } from './apply.ts';
import { type Answer, type Api, mergePatch } from './client.ts';
import { attemptAnnotation, fieldManager, isOurs, jobLabel, taskLabel } from './labels.ts';
import { readLive } from './live.ts';
import { namesIn, ownKinds, referenceKeys } from './references.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

export const jobsPath = (namespace: string, name = '') =>
  `/apis/batch/v1/namespaces/${namespace}/jobs${name && `/${name}`}`;

/** 63 for the name of a Job, as pods carry it in a label; the rest of this is ours. */
const longestName = 63;

/** The step's own key: the same Task and attempt always give the same name. */
export function jobName(name: string, { taskId, attempt }: Pick<Run, 'taskId' | 'attempt'>): string {
  const suffix = `-${createHash('sha256').update(taskId).digest('hex').slice(0, 10)}-${attempt}`;
  return `${name.slice(0, longestName - suffix.length).replace(/[-.]+$/, '')}${suffix}`;
}

/** Which attempt has started it: what belongs to it is called so, too. */
const attemptMade = ({ metadata }: Answer): number => Number(/-(\d+)$/.exec(String(metadata?.name))?.[1] ?? 0);

const plainName = (document: Manifest) => String((document.metadata as { name?: unknown }).name);

export const attemptOf = ({ metadata }: Answer): number => Number(metadata?.annotations?.[attemptAnnotation] ?? 0);

/** It has not begun. */
const isHeld = ({ spec }: Answer): boolean => (spec as { suspend?: boolean } | undefined)?.suspend === true;

export const isFinished = ({ status }: Answer): boolean => {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(condition => condition.status === 'True' && /^(Complete|Failed)$/.test(condition.type));
};

/** All Jobs of a Task, the newest attempt last. */
export async function listJobs(api: Api, namespace: string, taskId: string): Promise<Answer[]> {
  const query = { labelSelector: `${taskLabel}=${taskId}` };
  const { items } = await api.get<{ items: Answer[] }>(jobsPath(namespace), { query });
  return items.sort((one, other) => attemptOf(one) - attemptOf(other));
}

/** Those that may be taken over. */
export async function findUntold(api: Api, namespace: string, { taskId, untold, attempt }: Run): Promise<Answer[]> {
  const jobs = await listJobs(api, namespace, taskId);
  // Also what this attempt itself has begun: its answer was lost.
  return jobs.filter(
    job => !job.metadata?.deletionTimestamp && (untold.includes(attemptOf(job)) || attemptOf(job) === attempt),
  );
}

/** Found and claimed, or made. @param own what is there for this Job only. */
export async function startJob(work: Work, document: Manifest, own: Manifest[]): Promise<Answer> {
  const name = plainName(document);
  const { cluster, run, report } = work;
  const found = (await findUntold(work.api, cluster.namespace, run))
    .filter(job => job.metadata?.labels?.[jobLabel] === name)
    .at(-1);
  if (found) {
    const job = await claim(work, String(found.metadata?.name));
    if (attemptOf(found) !== run.attempt)
      report.line(
        `Going on with the Job ${job.metadata?.name}, which attempt ${attemptOf(found)} has started; its log is shown from the beginning.`,
      );
    if (isHeld(job)) await tellToken(work, run.attempt);
    else await tellToken(work, attemptMade(job), await secretsOf(work, job, own));
    await release(work, job, own);
    return job;
  }
  await tellToken(work, run.attempt);
  const job = await create(work, document, own);
  report.line(`Started the Job ${job.metadata?.name}.`);
  await release(work, job, own);
  return job;
}

/** A container knows the feedback token with which it was started, and no other. One that has not begun gets that of this
 * attempt, and so does one that is made behind another that was taken over. */
async function tellToken({ run, report }: Work, attempt: number, secrets: string[] = []): Promise<void> {
  if (run.untold.length > 0) await report.adopted(attempt, secrets);
}

/** What its container may print: the token that it was given is known nowhere else. */
async function secretsOf(work: Work, job: Answer, own: Manifest[]): Promise<string[]> {
  const { cluster, run } = work;
  const names = own
    .filter(({ kind }) => kind === 'Secret')
    .map(document => jobName(plainName(document), { taskId: run.taskId, attempt: attemptMade(job) }));
  const found = await Promise.all(
    names.map(name => readLive(work, `/api/v1/namespaces/${cluster.namespace}/secrets/${name}`)),
  );
  return found.flatMap(secret =>
    Object.values((secret?.data ?? {}) as Record<string, string>).map(value => Buffer.from(value, 'base64').toString()),
  );
}

/** From now on it is this attempt's: an earlier one that comes late neither ends it nor is its result. */
async function claim({ api, cluster, run, stillCounts }: Work, name: string): Promise<Answer> {
  for (;;) {
    await stillCounts();
    const live = await api.get(jobsPath(cluster.namespace, name));
    if (attemptOf(live) > run.attempt) throw new TaskFailure(supersededMessage, 'superseded');
    if (attemptOf(live) === run.attempt) return live;
    const metadata = {
      resourceVersion: live.metadata?.resourceVersion,
      annotations: { [attemptAnnotation]: String(run.attempt) },
    };
    try {
      return await api.send('PATCH', jobsPath(cluster.namespace, name), { body: { metadata }, ...mergePatch });
    } catch (error) {
      if (!isWriteRace(error)) throw error;
    }
  }
}

/** Suspended while what belongs to it is not there: that is owned by it, so it goes with it. */
async function create(work: Work, document: Manifest, own: Manifest[]): Promise<Answer> {
  const { api, cluster, run } = work;
  const body = renderJob(document, run, own);
  const name = plainName(body);
  await work.stillCounts();
  try {
    return await api.send('POST', jobsPath(cluster.namespace), {
      body,
      query: { fieldManager, fieldValidation: 'Strict' },
    });
  } catch (error) {
    if (isStatus(error, 409)) {
      // The answer to the first request was lost.
      const live = await readLive(work, jobsPath(cluster.namespace, name));
      if (live && isOurs(live, cluster) && live.metadata?.labels?.[taskLabel] === run.taskId) return claim(work, name);
    }
    throw isStatus(error, 400, 403, 404, 409, 413, 422) ? refusal(work, body, error) : error;
  }
}

export function renderJob(
  document: Manifest,
  run: Pick<Run, 'taskId' | 'attempt'>,
  own: readonly Manifest[],
): Manifest {
  const metadata = isManifest(document.metadata) ? document.metadata : {};
  const name = plainName(document);
  const labels = { ...(metadata.labels as object), [taskLabel]: run.taskId, [jobLabel]: name };
  const annotations = { ...(metadata.annotations as object), [attemptAnnotation]: String(run.attempt) };
  const renamed = own.reduce((job, each) => withName(job, plainName(each), jobName(plainName(each), run)), document);
  const spec = isManifest(renamed.spec) ? renamed.spec : {};
  return {
    ...renamed,
    metadata: { ...metadata, name: jobName(name, run), labels, annotations },
    spec: own.length > 0 ? { ...spec, suspend: true } : spec,
  };
}

/** Its own objects are made, then it may begin. Does no harm when it is repeated. */
async function release(work: Work, job: Answer, own: Manifest[]): Promise<void> {
  const { api, cluster, run } = work;
  if (own.length === 0 || !isHeld(job)) return;
  // They are called as the Job calls them, by the attempt that has made it.
  const made = attemptMade(job);
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata?.name, uid: job.metadata?.uid };
  for (const document of own) {
    const metadata = document.metadata as Record<string, unknown>;
    const name = jobName(plainName(document), { taskId: run.taskId, attempt: made });
    const labels = { ...(metadata.labels as object), [taskLabel]: run.taskId };
    await applyDocument(work, { ...document, metadata: { ...metadata, name, labels, ownerReferences: [owner] } });
  }
  await work.stillCounts();
  const body = { spec: { suspend: false } };
  await api.send('PATCH', jobsPath(cluster.namespace, String(job.metadata?.name)), { body, ...mergePatch });
}

/** Secrets and ConfigMaps that nothing but this Job names. */
export function ownOf(job: Manifest, all: readonly Manifest[]): Manifest[] {
  const others = all.filter(document => document !== job && !ownKinds.includes(document.kind));
  return all.filter(
    document =>
      ownKinds.includes(document.kind) &&
      namesIn(job.spec, String(document.kind)).has(plainName(document)) &&
      !others.some(other => namesIn(other, String(document.kind)).has(plainName(document))),
  );
}

function withName(job: Manifest, from: string, to: string): Manifest {
  const keys = Object.values(referenceKeys).flatMap(Object.keys);
  const rename = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map(item => rename(item, key));
    if (!isManifest(value)) return value;
    const isReference = keys.includes(key);
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        const isName = isReference && (name === 'name' || name === 'secretName') && inner === from;
        return [name, isName ? to : rename(inner, name)];
      }),
    );
  };
  return { ...job, spec: rename(job.spec, 'spec') };
}

/** Pods get 30 s to end by themselves where nothing else is said. */
const endMs = 60_000;

/** Ends a Job with its pods, and waits until they are gone. False: it is a later attempt's. */
export async function endJob(api: Api, namespace: string, job: Answer, most: number): Promise<boolean> {
  const path = jobsPath(namespace, String(job.metadata?.name));
  const until = Date.now() + endMs;
  for (;;) {
    const live = await readLive({ api }, path);
    if (!live || live.metadata?.uid !== job.metadata?.uid) return true;
    if (attemptOf(live) > most) return false;
    if (!live.metadata?.deletionTimestamp) {
      const { uid, resourceVersion } = live.metadata ?? {};
      const body = { propagationPolicy: 'Foreground', preconditions: { uid, resourceVersion } };
      await api.send('DELETE', path, { body }).catch(error => {
        if (!isStatus(error, 404) && !isWriteRace(error)) throw error;
      });
    } else if (Date.now() > until)
      throw new TaskFailure(
        `${manifestTitle({ ...live, kind: 'Job' })} was told to end and still runs; look at its pods.`,
        'unreachable',
      );
    await delay(200);
  }
}
