// Checks that the fields which an Operation asks for fit together: one name, one type.

import type { FieldSpec } from '../model/fields.ts';
import type { OperationType, StepType } from '../model/operation-type.ts';
import { resolvePathType } from '../model/paths.ts';
import type { Argument } from '../model/task-type.ts';
import { isReachable, type KnownTypes, reachableRoots, taskCandidates } from './operation-scope.ts';

interface Asked {
  field: FieldSpec;
  owner: string;
  application: string | undefined;
  /** Step of the outer type, null for its own fields. */
  step: StepType | null;
}

export function checkForm(type: OperationType, known: KnownTypes): { step: StepType | null; message: string }[] {
  const problems: { step: StepType | null; message: string }[] = [];
  const seen: Asked[] = [];
  for (const asked of askedFields(type, known)) {
    const other = seen.find(earlier => meets(earlier, asked) && shapeOf(earlier.field) !== shapeOf(asked.field));
    seen.push(asked);
    if (!other || (other.step === asked.step && asked.step?.operation)) continue;
    const message = `${asked.owner} asks for "${asked.field.name}" (${shapeOf(asked.field)}), ${other.owner} for the same name (${shapeOf(other.field)}): give one of them by "with".`;
    problems.push({ step: asked.step, message });
  }
  return problems;
}

function askedFields(type: OperationType, known: KnownTypes): Asked[] {
  const own = type.fields.map(field => ({ field, owner: 'The Operation type', application: undefined, step: null }));
  return [...own, ...type.steps.flatMap(step => askedByStep(step, type, { known, within: [type.name] }))];
}

interface Place {
  known: KnownTypes;
  /** Names of the Operation types around: a cycle is reported elsewhere and must not hang this. */
  within: string[];
}

function askedByStep(step: StepType, type: OperationType, place: Place): Asked[] {
  if (step.parallel) return step.parallel.flatMap(inner => askedByStep(inner, type, place));
  if (step.operation) return askedByNested(step, step.operation, place);
  return taskCandidates(step.task ?? '', type, place.known).flatMap(candidate =>
    candidate.type.arguments
      .filter(argument => isAsked(argument, step, type))
      .map(field => ({ field, owner: `"${candidate.type.name}"`, application: candidate.application, step })),
  );
}

function askedByNested(step: StepType, name: string, { known, within }: Place): Asked[] {
  const nested = known.operationTypes.get(name);
  if (!nested || within.includes(name)) return [];
  const own = nested.fields.map(field => ({ field, owner: `"${name}"`, application: undefined }));
  const inner = nested.steps.flatMap(entry => askedByStep(entry, nested, { known, within: [...within, name] }));
  return [...own, ...inner]
    .filter(({ field }) => !Object.hasOwn(step.with, field.name))
    .map(asked => ({ ...asked, step }));
}

/** A path that always has a value (a required field, or one with a default) leaves nothing to ask. */
function isAsked(argument: Argument, step: StepType, type: OperationType): boolean {
  if (argument.ask === false || Object.hasOwn(step.with, argument.name)) return false;
  const roots = reachableRoots(type);
  return !(argument.from ?? []).some(path => isReachable(path, roots) && alwaysHasValue(path));
}

function alwaysHasValue(path: string): boolean {
  const found = resolvePathType(path);
  return 'spec' in found && (found.spec.required === true || found.spec.default !== undefined);
}

/** Tasks of two Application types are never in one form. */
function meets(left: Asked, right: Asked): boolean {
  const apart =
    left.application !== undefined && right.application !== undefined && left.application !== right.application;
  return left.field.name === right.field.name && !apart;
}

function shapeOf({ type, elements, to }: FieldSpec): string {
  const inner = elements ? ` of ${elements}` : '';
  return `${type}${inner}${to ? ` to ${to}` : ''}`;
}
