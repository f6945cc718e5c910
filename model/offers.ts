// Whether an Operation type makes sense on an entity now, and if not, why.

import { hasRole, type Role } from './access.ts';
import { chooseBackend, noBackendWords } from './backend-choice.ts';
import type { Catalogue } from './catalogue.ts';
import { entities } from './entities.ts';
import type { Problem } from './errors.ts';
import { missingVerb, type OperationType, type StepType, verbOf } from './operation-type.ts';
import { missingPreset } from './preset-fields.ts';
import { sideWords } from './sides.ts';
import type { PathRoots } from './step-values.ts';
import { throwawayWords } from './throwaway.ts';

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
  const words = subject ? sideWords(subject) || throwawayWords(subject, type) : '';
  if (words) return words;
  // What takes a Release for itself alone changes it.
  if (subject?.locked === true && type.locks[type.on] === 'exclusive') return `This ${title} is locked.`;
  const cluster = roots.cluster?.kind;
  if (cluster && type.for.cluster.length > 0 && !type.for.cluster.includes(String(cluster))) {
    return `Not for clusters of the kind ${String(cluster)}.`;
  }
  const impossible = cluster ? refusalByBackend(catalogue, type, roots) : '';
  if (impossible) return impossible;
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

/** Of what is carried out in every case: a step that may be left out is looked at when the answers are known. */
function refusalByBackend(catalogue: Catalogue, type: OperationType, roots: PathRoots, within: string[] = []): string {
  const kind = roots.cluster?.kind;
  const isSure = ({ on, needs, unless, optional, for: wanted }: StepType) =>
    !(on || needs || unless || optional || (wanted && wanted !== kind));
  for (const step of type.steps.flatMap(each => each.parallel ?? [each]).filter(isSure)) {
    const nested = catalogue.operationTypes.get(step.operation ?? '');
    // One that contains itself is a mistake of the catalogue, and told there.
    const words =
      nested && !within.includes(nested.name) ? refusalByBackend(catalogue, nested, roots, [...within, type.name]) : '';
    if (words) return words;
    const task = catalogue.taskTypes.get(taskName(catalogue, step, roots));
    if (task && !chooseBackend(task, kind)) return noBackendWords(task, kind);
  }
  return '';
}

function taskName(catalogue: Catalogue, { task = '' }: StepType, roots: PathRoots): string {
  const verb = verbOf(task);
  if (verb === undefined) return task;
  return catalogue.applicationTypes.get(String(roots.project?.application ?? ''))?.verbs[verb] ?? '';
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
