// From the Task type's manifests and a run to the objects that are to be: filled, patched by overrides, with our labels.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isManifestFile } from '../../../catalogue/read-manifests.ts';
import { isClusterCheck, isOutputs, isRefusal, isScale } from '../../../model/check-manifest.ts';
import type { ManifestValues } from '../../../model/fill-manifest.ts';
import { isManifest, type Manifest } from '../../../model/manifest.ts';
import { renderVars } from '../ansible/render-vars.ts';
import type { ClusterConnection, Run } from '../backend.ts';
import { labelsOf } from './labels.ts';
import { patchFile, readFilled, strayPatches } from './patches.ts';
import { largestProgramBytes, renderRoleProgram } from './role-program.ts';

export interface Rendered {
  file: string;
  document: Manifest;
  /** It is to be removed. */
  absent: boolean;
  /** It is made where there is none, and never changed. */
  once: boolean;
}

export interface Sources {
  /** Texts by path, in the order in which they are applied. */
  manifests: Map<string, string>;
  /** Folder below `kubernetes/` → file → text. */
  files: Map<string, Record<string, string>>;
  /** The Ansible role of the same folder, where they name it. */
  role?: Buffer;
}

export async function readSources(run: Run): Promise<Sources> {
  const { folder } = run;
  const own = join(folder, 'kubernetes');
  const entries = (await readdir(own, { recursive: true, withFileTypes: true }).catch(() => [])).filter(
    // Types may share a file.
    entry => entry.isFile() || entry.isSymbolicLink(),
  );
  const paths = entries.map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
  const sources: Sources = { manifests: new Map(), files: new Map() };
  for (const path of paths) {
    const text = await readFile(join(folder, path), 'utf8');
    const [, name = '', file = ''] = path.split('/');
    if (isManifestFile(path)) sources.manifests.set(path, text);
    else sources.files.set(name, { ...sources.files.get(name), [file]: text });
  }
  if ([...sources.manifests.values()].some(text => text.includes('$aegir.role')))
    sources.role = await renderRoleProgram(run);
  return sources;
}

/** All mistakes at once. @param shown for people: secrets are not filled in. */
export function renderManifests(
  run: Run,
  cluster: ClusterConnection,
  sources: Sources,
): { rendered: Rendered[]; mistakes: string[] } {
  const values = valuesOf(run, cluster, sources);
  const mistakes = [...unreachable(run, cluster), ...tooLarge(sources)];
  const rendered = [...sources.manifests].flatMap(([file, text]) => {
    const base = readFilled(file, text, values);
    const { documents, mistakes: wrong } = patchFile(file, base, run, values);
    mistakes.push(...base.mistakes, ...wrong);
    mistakes.push(...documents.flatMap(({ document }) => (isRefusal(document) ? [String(document.message)] : [])));
    return documents.map(({ document, of, ...rest }) => ({ file, ...rest, document: complete(document, run, of) }));
  });
  return { rendered, mistakes: [...mistakes, ...strayPatches(run, [...sources.manifests.keys()])] };
}

/** What lies at the control plane, of which pods know an address or nothing. */
function unreachable({ repository, archive }: Run, { name, feedbackUrl }: ClusterConnection): string[] {
  if (feedbackUrl) return [];
  const way = `pods of the Cluster ${name} know no way there: enter “Address of Aegir for Jobs” on it`;
  return [
    ...(repository
      ? [`The Backup store is a folder of the control plane, and ${way}, or choose a Backup store of another type.`]
      : []),
    ...(archive ? [`Archives lie at the control plane, and ${way}.`] : []),
  ];
}

function tooLarge({ role }: Sources): string[] {
  if (!role || role.length <= largestProgramBytes) return [];
  return [`The role is too large for a pod: packed it may have ${largestProgramBytes} bytes, and has ${role.length}.`];
}

function valuesOf(run: Run, cluster: ClusterConnection, { files, role }: Sources): ManifestValues {
  const defaults = run.taskType.arguments.filter(spec => spec.default !== undefined);
  return {
    arguments: { ...Object.fromEntries(defaults.map(spec => [spec.name, spec.default])), ...run.arguments },
    secretArguments: [
      ...run.secretArguments,
      ...run.taskType.arguments.filter(spec => spec.secret).map(spec => spec.name),
    ],
    aegir: {
      namespace: cluster.namespace,
      environment: cluster.environment?.name ?? '',
      task: run.taskId,
      feedback_url: cluster.feedbackUrl,
      feedback_token: run.feedback.token,
      role: role?.toString('base64') ?? '',
      variables: renderVars(run, { url: cluster.feedbackUrl, token: run.feedback.token }),
    },
    files: folder => files.get(folder) ?? {},
  };
}

/** Our labels, and of a Job what makes it one attempt. */
function complete(document: Manifest, run: Run, of = run.taskType.name): Manifest {
  if (isClusterCheck(document) || isOutputs(document) || isRefusal(document) || isScale(document)) return document;
  const metadata = isManifest(document.metadata) ? document.metadata : {};
  const labels = isManifest(metadata.labels) ? metadata.labels : {};
  const labelled = { ...document, metadata: { ...metadata, labels: { ...labels, ...labelsOf(run, of) } } };
  return document.kind === 'Job' ? completeJob(labelled) : labelled;
}

/** A day: a worker that was lost overnight still finds how its Job has ended. */
const keptAfterEndSeconds = 24 * 3600;

/** Where programs of Task types write their outputs, as by the backend shell. */
const outputsVariable = { name: 'AEGIR_OUTPUTS', value: '/dev/termination-log' };

function completeJob(job: Manifest): Manifest {
  const spec = isManifest(job.spec) ? job.spec : {};
  const template = isManifest(spec.template) ? spec.template : {};
  const pod = isManifest(template.spec) ? template.spec : {};
  const containers = Array.isArray(pod.containers) ? pod.containers.filter(isManifest) : [];
  return {
    ...job,
    spec: {
      ttlSecondsAfterFinished: keptAfterEndSeconds,
      ...spec,
      backoffLimit: 0,
      template: {
        ...template,
        spec: { ...pod, restartPolicy: 'Never', containers: containers.map(withOutputs) },
      },
    },
  };
}

function withOutputs(container: Manifest): Manifest {
  const env = Array.isArray(container.env) ? container.env : [];
  const isGiven = env.some(each => isManifest(each) && each.name === outputsVariable.name);
  const usual = (container.terminationMessagePath ?? outputsVariable.value) === outputsVariable.value;
  return isGiven || !usual ? container : { ...container, env: [...env, outputsVariable] };
}
