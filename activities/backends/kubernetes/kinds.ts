// Where objects of which kind are: those that we know, and what the API server says of others.

import type { Manifest } from '../../../model/manifest.ts';
import { isStatus } from './api-error.ts';
import type { Answer, Api } from './client.ts';
import { TaskFailure } from './task-failure.ts';

export interface Resource {
  /** `/api/v1`, `/apis/apps/v1` */
  root: string;
  plural: string;
  kind: string;
  apiVersion: string;
  namespaced: boolean;
}

/** Kinds whose objects go when a Task type does not declare them any more, and that the documented rights allow. The last
 * come first: what shows a site goes before what it needs. */
export const prunedKinds: readonly Resource[] = [
  known('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  known('batch/v1', 'CronJob', 'cronjobs'),
  known('apps/v1', 'Deployment', 'deployments'),
  known('apps/v1', 'StatefulSet', 'statefulsets'),
  known('v1', 'Service', 'services'),
  known('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  known('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  known('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  known('v1', 'ServiceAccount', 'serviceaccounts'),
  known('v1', 'ConfigMap', 'configmaps'),
  known('v1', 'Secret', 'secrets'),
  known('v1', 'ResourceQuota', 'resourcequotas'),
  known('v1', 'LimitRange', 'limitranges'),
];

function known(apiVersion: string, kind: string, plural: string): Resource {
  return { root: rootOf(apiVersion), plural, kind, apiVersion, namespaced: true };
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

export function pathOf({ root, plural, namespaced }: Resource, namespace: string, name = ''): string {
  const within = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${plural}${name ? `/${encodeURIComponent(name)}` : ''}`;
}

export type FindResource = (document: Manifest) => Promise<Resource>;

/** Asks once for each group. */
export function createResources(api: Api): FindResource {
  const groups = new Map<string, Promise<Answer>>();
  return async ({ apiVersion, kind }) => {
    const version = String(apiVersion);
    const root = rootOf(version);
    const found = groups.get(root) ?? api.get(root);
    groups.set(root, found);
    const list = await found.catch(error => {
      if (!isStatus(error, 404)) throw error;
      throw new TaskFailure(
        `The cluster ${api.cluster.name} has no ${version}: ${String(kind)} is not known there. Install what brings it.`,
      );
    });
    const resources = (list.resources ?? []) as { name: string; kind: string; namespaced: boolean }[];
    const own = resources.find(one => one.kind === kind && !one.name.includes('/'));
    if (!own)
      throw new TaskFailure(
        `The cluster ${api.cluster.name} has no kind ${String(kind)} in ${version}. Is it written right, and is what brings it installed?`,
      );
    return { root, plural: own.name, kind: String(kind), apiVersion: version, namespaced: own.namespaced };
  };
}
