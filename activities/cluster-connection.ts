// How a Task reaches the Kubernetes cluster on which it works, and what there is its Environment's.

import { defaultNamespacePrefix, longestNamespace } from '../model/cluster-entity.ts';
import type { EntityKind } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { isSecretReference } from '../model/fields.ts';
import type { RunnableStep } from '../model/plan.ts';
import type { Root } from '../model/store/roots.ts';
import type { TaskType } from '../model/task-type.ts';
import type { ClusterConnection } from './backends/backend.ts';
import type { ActivityDependencies } from './dependencies.ts';

export async function clusterOf(
  deps: ActivityDependencies,
  { target, taskId }: RunnableStep,
  { cluster, environment: subject }: Partial<Record<EntityKind, Root>>,
  { namespace }: Pick<TaskType, 'namespace'>,
): Promise<ClusterConnection | undefined> {
  if (target !== 'cluster' || !cluster) return undefined;
  const environment = namespace === 'builds' ? undefined : subject;
  const inCluster = cluster.connection === 'in_cluster';
  const { kubeconfig } = cluster;
  if (!inCluster && !isSecretReference(kubeconfig))
    throw new AppError('invalid', `The Cluster ${cluster.name} has no kubeconfig. Enter one.`);
  const feedback = String(cluster.feedback_url ?? '').replace(/\/$/, '');
  return {
    id: cluster.id,
    name: cluster.name,
    kubeconfig: !inCluster && isSecretReference(kubeconfig) ? await deps.vault.open(deps.db, kubeconfig.$secret) : '',
    context: String(cluster.context ?? ''),
    namespace: environment ? namespaceOf(cluster, environment) : namespace === 'builds' ? buildsOf(cluster) : '',
    // Both sides of one are known by it: they change places in a Move.
    environment: environment
      ? { id: (environment.side_of as Root | undefined)?.id ?? environment.id, name: environment.name }
      : null,
    feedbackUrl: feedback ? `${feedback}/api/feedback/${taskId}` : '',
  };
}

const prefixOf = (cluster: Root) => String(cluster.namespace_prefix ?? defaultNamespacePrefix);

/** No Environment's: its name does not begin with a hyphen. */
const buildsOf = (cluster: Root) => `${prefixOf(cluster)}-builds`;

function namespaceOf(cluster: Root, environment: Root): string {
  const name = `${prefixOf(cluster)}${environment.name}`;
  if (name.length > longestNamespace)
    throw new AppError(
      'invalid',
      `The namespace ${name} would be longer than the ${longestNamespace} characters that Kubernetes takes: choose a shorter prefix of namespaces on the Cluster ${cluster.name}.`,
    );
  return name;
}
