// Carries out a Task type that is a set of manifests: they are applied, what is not declared any more goes, what runs is waited
// for, and Jobs are followed to their end.

import { createHash } from 'node:crypto';
import { isClusterCheck, isOutputs, isScale } from '../../../model/check-manifest.ts';
import type { FoundDifference } from '../../../model/drift.ts';
import { AppError, errorText } from '../../../model/errors.ts';
import { isManifest, type Manifest, manifestTitle } from '../../../model/manifest.ts';
import type { Backend, ClusterConnection, Preview, Run, RunReport, RunResult } from '../backend.ts';
import { explainTrouble } from './api-error.ts';
import { applyDocument } from './apply.ts';
import { type Api, openApi } from './client.ts';
import { findDifferences, hasNamespace } from './differences.ts';
import { enter, fencesOf, look, taskKey } from './fences.ts';
import { followJob, type JobEnd } from './follow-job.ts';
import { attemptOf, endJob, findUntold, isFinished, listJobs, ownOf, startJob } from './jobs.ts';
import { renderKept } from './kept.ts';
import { createResources } from './kinds.ts';
import { isOurs } from './labels.ts';
import { isThere, readLive } from './live.ts';
import { Aborted, withPatience } from './patience.ts';
import { withConfiguration } from './references.ts';
import { explainStuck, prune, removeDocument } from './remove.ts';
import { type Rendered, readSources, renderManifests } from './render.ts';
import { waitedKinds, waitForRollout } from './rollout.ts';
import { scaleDeployment } from './scale.ts';
import { TaskFailure } from './task-failure.ts';
import { verifyCluster } from './verify.ts';
import type { Work } from './work.ts';

export function createKubernetesBackend(): Backend {
  return {
    name: 'kubernetes',
    check: checkRun,
    preview: previewRun,
    run: (run, report, signal) => carryOut(run, report, signal, manifestsOf),
    attach: attachTo,
    end: endEarlier,
  };
}

async function checkRun(run: Run): Promise<string[]> {
  if (!run.cluster) return ['There is no Kubernetes cluster to run it in.'];
  const sources = await readSources(run);
  if (sources.manifests.size === 0) return [`The Task type ${run.taskType.name} has no kubernetes/*.yml.`];
  return renderManifests(run, run.cluster, sources).mistakes;
}

type Outcome = Pick<RunResult, 'changed' | 'outputs'> & Partial<RunResult>;

/** Whatever ends it becomes a result, in words. */
async function carryOut(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  story: (work: Work, rendered: Rendered[]) => Promise<Outcome>,
): Promise<RunResult> {
  const { cluster } = run;
  if (!cluster) return notRun('failed', 'There is no Kubernetes cluster to run it in.');
  let api: Api | undefined;
  const done: { changed: boolean } = { changed: false };
  try {
    const { rendered, mistakes } = renderManifests(run, cluster, await readSources(run));
    if (mistakes.length > 0) return notRun('failed', mistakes.join(' '));
    await report.kept(renderKept(run, cluster, rendered));
    api = openApi(cluster);
    const work = workOf(run, cluster, { report, signal, api, done });
    const outcome = await story(work, rendered);
    return { status: 'succeeded', exitCode: 0, message: '', ...outcome };
  } catch (error) {
    return explain(run, error, { api, report, signal, changed: done.changed });
  } finally {
    api?.close();
  }
}

function workOf(
  run: Run,
  cluster: ClusterConnection,
  { report, signal, api, done }: Pick<Work, 'report' | 'signal' | 'api' | 'done'>,
): Work {
  const patient = withPatience(api, { signal, say: line => report.line(line) });
  return {
    run,
    cluster,
    report,
    signal,
    done,
    api: patient,
    resourceOf: createResources(patient),
    stillCounts: async () => {
      if (cluster.namespace) await look(patient, cluster.namespace, fencesOf(run));
    },
  };
}

async function manifestsOf(work: Work, rendered: Rendered[]): Promise<Outcome> {
  const looks = rendered.find(({ document }) => isClusterCheck(document));
  if (looks) return verifyCluster(work, looks.document);
  if (work.run.checkMode) return compare(work, rendered);
  return apply(work, rendered);
}

async function compare(work: Work, rendered: Rendered[]): Promise<Outcome> {
  const differences = await findDifferences(work, rendered.filter(isObject));
  for (const { task, resource } of differences) work.report.line(`${task}: ${resource}`);
  return { changed: differences.length > 0, outputs: outputsOf(rendered), differences };
}

/** What is in the cluster; a size of a Deployment is none, and is nobody's difference. */
const isObject = ({ document }: Rendered) => !isOutputs(document) && !isScale(document);

function outputsOf(rendered: readonly Rendered[]): Record<string, unknown> {
  const said = rendered.filter(({ document }) => isOutputs(document)).map(({ document }) => document.outputs);
  return Object.assign({}, ...said.filter(isManifest));
}

async function apply(work: Work, rendered: Rendered[]): Promise<Outcome> {
  const { done } = work;
  const objects = rendered.filter(isObject);
  const declared = objects.filter(({ absent }) => !absent).map(({ document }) => document);
  // What is made once is not only there for a Job.
  const passing = objects.filter(({ absent, once }) => !absent && !once).map(({ document }) => document);
  const ofJobs = new Set(declared.filter(isJob).flatMap(job => ownOf(job, passing)));
  await enterNamespace(work, declared);
  const outputs = outputsOf(rendered);
  for (const file of new Set(rendered.map(each => each.file))) {
    const own = rendered.filter(each => each.file === file && !ofJobs.has(each.document));
    for (const each of own.filter(({ document }) => !isOutputs(document) && !isJob(document)))
      await applyOne(work, each, declared);
    for (const { document } of own.filter(({ document, absent }) => !absent && waitedKinds.includes(document.kind)))
      await waitForRollout(work, document);
    for (const { document } of own.filter(({ document }) => isJob(document))) {
      const end = await carryOutJob(work, document, ownOf(document, passing));
      const { changed = true, ...given } = end.outputs;
      Object.assign(outputs, given);
      done.changed ||= changed !== false;
      if (end.status !== 'succeeded') return { ...end, changed: true, outputs };
    }
  }
  const kept = declared.filter(document => !ofJobs.has(document));
  // A namespace that was just removed has nothing that could be pruned.
  if ((await hasNamespace(work)) && (await prune(work, kept)).length > 0) done.changed = true;
  return { changed: done.changed, outputs };
}

const isJob = ({ kind }: Manifest) => kind === 'Job';

async function applyOne(work: Work, { document, absent, once }: Rendered, declared: Manifest[]): Promise<void> {
  const { run, cluster, report, done } = work;
  if (once && (await isThere(work, document))) return;
  if (absent) {
    if (await removeDocument(work, document)) done.changed = true;
  } else if (isScale(document)) {
    if (await scaleDeployment(work, document)) done.changed = true;
  } else {
    const applied = await applyDocument(work, await withConfiguration(work, document, declared));
    const state = applied.live ? (applied.changed ? 'changed' : 'as it was') : 'made';
    report.line(`${manifestTitle(document)}: ${state}`);
    done.changed ||= applied.changed;
    if (document.kind === 'Namespace') await enter(work.api, cluster.namespace, fencesOf(run));
  }
}

/** Nobody writes into a namespace that is not the Environment's, nor beside a later run. */
async function enterNamespace({ api, cluster, run }: Work, documents: readonly Manifest[]): Promise<void> {
  if (!cluster.namespace) return;
  const live = await readLive({ api }, `/api/v1/namespaces/${cluster.namespace}`);
  const makesIt = documents.some(({ kind }) => kind === 'Namespace');
  // The one that makes it looks at it itself.
  if (makesIt && (!live || live.metadata?.deletionTimestamp)) return;
  if (!live) {
    if (documents.length === 0) return;
    throw new TaskFailure(
      `There is no namespace ${cluster.namespace} in the cluster ${cluster.name}. Run the Operation that prepares the Environment first.`,
    );
  }
  if (!isOurs(live, cluster) && !makesIt)
    throw new TaskFailure(
      `The namespace ${cluster.namespace} of the cluster ${cluster.name} is not this Environment's: nothing is done in it. Rename one of the two, or give the Cluster another prefix of namespaces.`,
    );
  if (live.metadata?.deletionTimestamp && documents.length > 0)
    throw new TaskFailure(explainStuck(`Namespace ${cluster.namespace}`, live));
  if (isOurs(live, cluster) && !live.metadata?.deletionTimestamp) await enter(api, cluster.namespace, fencesOf(run));
}

async function carryOutJob(work: Work, document: Manifest, own: Manifest[]): Promise<JobEnd> {
  const { api, cluster, run } = work;
  const job = await startJob(work, document, own);
  try {
    const end = await followJob(work, job);
    // Of one without an exit code nothing is to be taken over by the next attempt.
    if (end.exitCode === null) await endJob(api, cluster.namespace, job, run.attempt);
    return end;
  } catch (error) {
    if (error instanceof TaskFailure && error.status === 'failed') await endJobs(run, run.attempt);
    throw error;
  }
}

/** What another worker can go on with: this one is only being stopped, or is not heard of any more. */
function isHandedOver(signal: AbortSignal): boolean {
  const { message = '' } = (signal.reason ?? {}) as { message?: string };
  return /^(WORKER_SHUTDOWN|NOT_FOUND|HEARTBEAT_TIMEOUT|HEARTBEAT_DETAILS_CONVERSION_FAILED)$/.test(message);
}

/** A cancelled run must not hang on a cluster that is away; what it left is ended later. */
const lastWordMs = 20_000;

async function explain(
  run: Run,
  error: unknown,
  { api, report, signal, changed }: { api: Api | undefined; report: RunReport; signal: AbortSignal; changed: boolean },
): Promise<RunResult> {
  if (signal.aborted) return cancelled(run, report, signal);
  if (error instanceof TaskFailure)
    return { ...notRun(error.status, error.message), exitCode: error.exitCode, changed };
  if (error instanceof AppError) return notRun('failed', error.message);
  const trouble = explainTrouble(error, api?.cluster ?? { name: run.cluster?.name ?? '', inCluster: false });
  if (trouble) return { ...notRun(trouble.status, trouble.message), changed };
  if (error instanceof Aborted) return cancelled(run, report, signal);
  return notRun('failed', `${run.taskType.title}: ${errorText(error)}`);
}

async function cancelled(run: Run, report: RunReport, signal: AbortSignal): Promise<RunResult> {
  const result = notRun('cancelled', 'Cancelled.');
  if (isHandedOver(signal)) return { ...result, changed: true, message: 'What it has started goes on in the cluster.' };
  report.line('Ending what it has started.');
  try {
    const { superseded } = await endJobs(run, run.attempt);
    return superseded
      ? { ...notRun('superseded', 'A later attempt has taken over what it has started.') }
      : { ...result, changed: true };
  } catch (error) {
    return { ...result, changed: true, isLeft: true, message: `Cancelled. ${leftWords(run, error)}` };
  }
}

function leftWords(run: Run, error: unknown): string {
  const trouble = explainTrouble(error, { name: run.cluster?.name ?? '', inCluster: run.cluster?.kubeconfig === '' });
  return `Whether something of it still runs in the cluster ${run.cluster?.name} is not known: ${trouble?.message ?? errorText(error)}`;
}

/** Those of this attempt and of all before it. */
async function endJobs(run: Run, most: number): Promise<{ superseded: boolean }> {
  const { cluster } = run;
  if (!cluster?.namespace) return { superseded: false };
  return withLastWord(cluster, api => endJobsOf(api, cluster.namespace, run.taskId, most));
}

async function endJobsOf(api: Api, namespace: string, taskId: string, most: number): Promise<{ superseded: boolean }> {
  const running = (await listJobs(api, namespace, taskId)).filter(job => !isFinished(job));
  const ended = await Promise.all(running.map(job => endJob(api, namespace, job, most)));
  return { superseded: running.some(job => attemptOf(job) > most) || ended.includes(false) };
}

/** What is to be ended does not hear of the cancel that ends it. */
async function withLastWord<T>(cluster: ClusterConnection, work: (api: Api) => Promise<T>): Promise<T> {
  const api = openApi(cluster);
  try {
    const signal = new AbortController().signal;
    return await work(withPatience(api, { signal, say: () => undefined, limitMs: lastWordMs }));
  } finally {
    api.close();
  }
}

async function attachTo(run: Run, report: RunReport, signal: AbortSignal): Promise<RunResult | null> {
  const { cluster } = run;
  if (!cluster?.namespace || run.checkMode) return null;
  const api = openApi(cluster);
  try {
    const patient = withPatience(api, { signal, say: line => report.line(line) });
    const found = await findUntold(patient, cluster.namespace, run);
    if (found.length === 0) return null;
  } catch (error) {
    return explain(run, error, { api, report, signal, changed: false });
  } finally {
    api.close();
  }
  return carryOut(run, report, signal, manifestsOf);
}

/** Its token is spent, so what it still sends changes nothing; then its Jobs are ended. Throws what could not be done. */
async function endEarlier(run: Run, previousAttempt: number): Promise<void> {
  const { cluster } = run;
  if (!cluster?.namespace) return;
  try {
    await withLastWord(cluster, async api => {
      const live = await readLive({ api }, `/api/v1/namespaces/${cluster.namespace}`);
      if (!live || !isOurs(live, cluster)) return;
      if (!live.metadata?.deletionTimestamp)
        await enter(api, cluster.namespace, [{ key: taskKey(run.taskId), token: previousAttempt + 1 }]).catch(error => {
          // A later attempt has entered: it has ended this one already.
          if (!(error instanceof TaskFailure)) throw error;
        });
      await endJobsOf(api, cluster.namespace, run.taskId, previousAttempt);
    });
  } catch (error) {
    throw new AppError('unavailable', leftWords(run, error), { cause: error });
  }
}

async function previewRun(run: Run, report: RunReport, signal: AbortSignal): Promise<Preview> {
  const result = await carryOut({ ...run, checkMode: true }, report, signal, manifestsOf);
  if (result.status !== 'succeeded') throw new AppError('invalid', result.message);
  const diff = (result.differences ?? []).map(renderDifference).join('\n');
  return { changed: result.changed, diff, token: createHash('sha256').update(diff).digest('hex') };
}

const renderDifference = ({ task, resource, text }: FoundDifference) => `# ${task}: ${resource}\n${text}\n`;

function notRun(status: RunResult['status'], message: string): RunResult {
  return { status, exitCode: null, changed: false, outputs: {}, message };
}
