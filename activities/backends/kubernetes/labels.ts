// By what Aegir knows its own objects in a cluster.

import type { ClusterConnection, Run } from '../backend.ts';
import type { Answer } from './client.ts';

export const fieldManager = 'aegir';

export const managedBy = 'app.kubernetes.io/managed-by';
export const environmentLabel = 'aegir.dev/environment';
export const taskTypeLabel = 'aegir.dev/task-type';
/** Of what is there for one Task only: its Jobs. */
export const taskLabel = 'aegir.dev/task';
/** Name of the Job in its manifest. */
export const jobLabel = 'aegir.dev/job';
/** Annotation of a Job: the attempt that follows it. */
export const attemptAnnotation = 'aegir.dev/attempt';

type OfRun = Pick<Run, 'taskType'> & { cluster?: ClusterConnection };

/** @param of Task type to which the object belongs. */
export function labelsOf({ cluster, taskType }: OfRun, of = taskType.name): Record<string, string> {
  return { ...ownLabels(cluster), [taskTypeLabel]: of };
}

export function ownLabels(cluster: ClusterConnection | undefined): Record<string, string> {
  const environment = cluster?.environment;
  return { [managedBy]: fieldManager, ...(environment ? { [environmentLabel]: environment.id } : {}) };
}

/** Of Aegir and of this Environment. */
export function isOurs({ metadata }: Answer, cluster: ClusterConnection): boolean {
  const labels = metadata?.labels ?? {};
  return labels[managedBy] === fieldManager && (labels[environmentLabel] ?? '') === (cluster.environment?.id ?? '');
}

export const selectorText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
