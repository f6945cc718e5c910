// Whether an Operation type makes sense on an entity now, and if not, why.

import { hasRole, type Role } from './access.ts';
import type { Catalogue } from './catalogue.ts';
import { entities } from './entities.ts';
import type { Problem } from './errors.ts';
import { missingVerb, type OperationType, verbOf } from './operation-type.ts';
import { missingPreset } from './preset-fields.ts';
import { sideWords } from './sides.ts';
import type { PathRoots } from './step-values.ts';

/** '' = it may be started. */
export function refusalOf(catalogue: Catalogue, type: OperationType, roots: PathRoots, role: Role): string {
  const subject = roots[type.on];
  const { title } = entities[type.on];
  const state = subject?.state ?? '';
  if (!hasRole(role, type.minimumRole)) return `Needs the role ${type.minimumRole}; yours is ${role}.`;
  if (state === 'deleted') return `This ${title} is deleted.`;
  if (type.when.length > 0 && !type.when.includes(state)) {
    return `Offered when the ${title} is ${type.when.join(' or ')}; it is ${state}.`;
  }
  const side = subject ? sideWords(subject) : '';
  if (side) return side;
  // What takes a Release for itself alone changes it.
  if (subject?.locked === true && type.locks[type.on] === 'exclusive') return `This ${title} is locked.`;
  const cluster = roots.cluster?.kind;
  if (cluster && type.for.cluster.length > 0 && !type.for.cluster.includes(String(cluster))) {
    return `Not for clusters of the kind ${String(cluster)}.`;
  }
  const refusal = roots.project ? refusalByApplication(catalogue, type, String(roots.project.application)) : '';
  return refusal || missingPreset(type, roots);
}

/** What has to be said yes to in the present state, and was not. */
export function unconfirmed(type: OperationType, state: string, answers: Record<string, unknown>): Problem[] {
  const name = type.confirmedBy?.[state];
  if (name === undefined || answers[name] === true) return [];
  const { label = name, help = '' } = type.fields.find(field => field.name === name) ?? {};
  const message = `The ${entities[type.on].title} is ${state}, and “${label}” was not said. ${help}`.trim();
  return [{ path: name, message }];
}

function refusalByApplication(catalogue: Catalogue, type: OperationType, application: string): string {
  if (type.for.application.length > 0 && !type.for.application.includes(application)) {
    return `Not for applications of the type ${application}.`;
  }
  const verbs = catalogue.applicationTypes.get(application)?.verbs ?? {};
  const steps = type.steps.flatMap(step => step.parallel ?? [step]).filter(step => !step.optional);
  const missing = steps.map(step => verbOf(step.task ?? '')).find(verb => verb !== undefined && !verbs[verb]);
  return missing ? missingVerb(application, missing) : '';
}
