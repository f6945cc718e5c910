// What of a Cluster can only be checked where it is entered: its kubeconfig, before it is sealed, and what hangs on its kind.

import type { Entity } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import { findEntity } from '../model/store/entities.ts';
import type { Principal } from './access.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { checkKubeconfig } from './kubeconfig.ts';

type Values = Record<string, unknown>;

export function checkClusterInput(given: Values, before: Entity | undefined): Problem[] {
  const problems: Problem[] = [];
  if (before && given.kind !== undefined && given.kind !== before.values.kind)
    problems.push({
      path: 'values.kind',
      message: 'stays as it is: what runs there was made for it. Add another Cluster.',
    });
  const context = given.context === undefined ? before?.values.context : given.context;
  if (typeof given.kubeconfig === 'string' && given.kubeconfig !== '')
    for (const message of checkKubeconfig(given.kubeconfig, String(context ?? '')))
      problems.push({ path: 'values.kubeconfig', message });
  return problems;
}

export async function checkServerCluster(
  { db }: DispatchDependencies,
  { organisation }: Principal,
  { cluster }: Values,
): Promise<Problem[]> {
  if (typeof cluster !== 'string') return [];
  const { values } = await findEntity(db, 'cluster', cluster, organisation.id);
  if (values.kind !== 'kubernetes') return [];
  const message = `The Cluster ${String(values.name)} is of the kind kubernetes, which has no Servers: choose another one.`;
  return [{ path: 'values.cluster', message }];
}
