// Whether an Operation type makes sense on an entity now, and if not, why.

import { hasRole, type Role } from './access.ts';
import { entities } from './entities.ts';
import type { OperationType } from './operation-type.ts';
import type { PathRoots } from './step-values.ts';

/** '' = it may be started. */
export function refusalOf(type: OperationType, roots: PathRoots, role: Role): string {
  const subject = roots[type.on];
  const { title } = entities[type.on];
  const state = subject?.state ?? '';
  if (!hasRole(role, type.minimumRole)) return `Needs the role ${type.minimumRole}; yours is ${role}.`;
  if (state === 'deleted') return `This ${title} is deleted.`;
  if (type.when.length > 0 && !type.when.includes(state)) {
    return `Offered when the ${title} is ${type.when.join(' or ')}; it is ${state}.`;
  }
  const cluster = roots.cluster?.kind;
  if (cluster && type.for.cluster.length > 0 && !type.for.cluster.includes(String(cluster))) {
    return `Not for clusters of the kind ${String(cluster)}.`;
  }
  const application = roots.project?.application;
  if (application && type.for.application.length > 0 && !type.for.application.includes(String(application))) {
    return `Not for applications of the type ${String(application)}.`;
  }
  return '';
}
