// Which backend of a Task type carries it out: that for the kind of the Cluster on which it works.

import type { PathRoot, PathRoots } from './step-values.ts';
import type { Argument, BackendName, TaskTarget, TaskType } from './task-type.ts';

/** They work in the cluster itself; all others on machines: the worker, or Servers. */
const clusterBackends: readonly BackendName[] = ['kubernetes'];

const isOfCluster = (name: BackendName) => clusterBackends.includes(name);

export interface ChosenBackend {
  backend: BackendName;
  target: TaskTarget;
}

/** Of several that would do, the first is the Task type's own choice.
 * @param cluster kind of the Cluster; nothing: it is not known, or there is none. null = the Task type has none for it. */
export function chooseBackend({ backends, target }: TaskType, cluster: unknown): ChosenBackend | null {
  const within = cluster === 'kubernetes' ? backends.find(isOfCluster) : undefined;
  if (within) return { backend: within, target: 'cluster' };
  const outside = backends.find(name => !isOfCluster(name));
  // A Kubernetes cluster has no Servers.
  if (!outside || (cluster === 'kubernetes' && target === 'server')) return null;
  return { backend: outside, target };
}

/** Of a Task that has a Server of its own, such as that of a database, its Server's Cluster counts. */
export function kindOfCluster({ server: path }: TaskType, { server, cluster }: PathRoots): unknown {
  const own = path === undefined ? undefined : (server?.cluster as PathRoot | null | undefined);
  return (own ?? cluster)?.kind;
}

/** @param cluster as for `chooseBackend`. */
export const argumentsOn = ({ arguments: specs }: TaskType, cluster: unknown): Argument[] =>
  specs.filter(({ for: kind }) => kind === undefined || kind === (cluster === 'kubernetes' ? cluster : 'servers'));

export const isForClusters = (backends: readonly BackendName[]) => backends.length > 0 && backends.every(isOfCluster);

export function noBackendWords({ title, backends }: TaskType, cluster: unknown): string {
  const kind = cluster === 'kubernetes' ? 'kubernetes' : 'servers';
  return `“${title}” cannot be carried out on Clusters of the kind ${kind}: it has only ${backends.join(' and ')}.`;
}
