// Checks the values under `with:` of a step: literals against the argument, `$input.x`, `$steps.a.b` and `$<path>` against
// what there is.

import type { FieldSpec } from '../model/fields.ts';
import { suggestName } from '../model/near-name.ts';
import type { OperationType, StepType } from '../model/operation-type.ts';
import { isRelatedRoot, isRootName, type RootName } from '../model/paths.ts';
import { validateFields } from '../model/validate.ts';
import { findOutputs, flatSteps, isUnknown, type KnownTypes } from './operation-scope.ts';
import { checkAgreement, checkSource } from './type-agreement.ts';

export interface BindingScope {
  operation: OperationType;
  known: KnownTypes;
  roots: ReadonlySet<RootName>;
  /** Steps that are over when this one begins. */
  earlier: StepType[];
}

/** Sentences, each a mistake. `targets`: the arguments of that name (several behind `$application.<verb>`). */
export function checkBinding(value: unknown, targets: FieldSpec[], scope: BindingScope): string[] {
  const found = targets.map(target => checkOne(value, target, scope)).filter(problem => problem !== null);
  return [...new Set(found)];
}

function checkOne(value: unknown, target: FieldSpec, scope: BindingScope): string | null {
  if (typeof value !== 'string' || !value.startsWith('$')) return checkLiteral(value, target);
  if (value.startsWith('$$')) return checkLiteral(value.slice(1), target);
  const [head = '', ...rest] = value.slice(1).split('.');
  if ('opened' in target && (head === 'input' || head === 'steps'))
    return `"${value}" must be a path: the argument ${target.name} gives all fields of what it names.`;
  if (head === 'input') return checkInput(value, rest, target, scope);
  if (head === 'steps') return checkOutput(value, rest, target, scope);
  if (head === 'application') return checkSource(value.slice(1), target);
  if (!isRootName(head)) {
    return `"${value}" begins with nothing known: $input.<field>, $steps.<id>.<output> or a path such as $release.hash; $$ is a plain "$".`;
  }
  return checkRoot(head, scope) ?? checkSource(value.slice(1), target);
}

function checkLiteral(value: unknown, target: FieldSpec): string | null {
  const { required: _required, default: _default, ...bare } = target;
  const { problems } = validateFields([bare], { [target.name]: value });
  return problems.length > 0 ? problems.map(problem => `${problem.path} ${problem.message}`).join(' ') : null;
}

function checkInput(value: string, rest: string[], target: FieldSpec, { operation }: BindingScope): string | null {
  const names = operation.fields.map(field => field.name);
  const field = rest.length === 1 ? operation.fields.find(entry => entry.name === rest[0]) : undefined;
  if (!field)
    return `"${value}" is no field of this Operation type.${suggestName(rest[0] ?? '', names)} Known: ${names.join(', ') || 'none'}.`;
  if (field.secret && !target.secret)
    return `"${value}" is a secret: the argument ${target.name} needs "no_log: true".`;
  const problem = checkAgreement(field, target);
  return problem && `"${value}" ${problem}`;
}

function checkOutput(value: string, rest: string[], target: FieldSpec, scope: BindingScope): string | null {
  const { operation, known, earlier } = scope;
  const outputs = findOutputs(earlier, rest, operation, known);
  const step = [...flatSteps(earlier)].find(entry => entry.id === rest[0]);
  if (outputs.length === 0 && step && isUnknown(step, operation, known)) return null;
  if (outputs.length === 0) return `"${value}" is no declared output of an earlier step.${hintForOutput(rest, scope)}`;
  const problems = outputs.map(output => checkAgreement(output, target));
  const problem = problems.every(entry => entry !== null) ? problems[0] : null;
  return problem ? `"${value}" ${problem}` : null;
}

function hintForOutput(rest: string[], { operation, earlier }: BindingScope): string {
  const id = rest[0] ?? '';
  if ([...flatSteps(earlier)].some(step => step.id === id)) return '';
  const later = JSON.stringify(operation.steps).includes(`"id":${JSON.stringify(id)}`);
  return later
    ? ` The step "${id}" is not over by then.`
    : suggestName(
        id,
        earlier.map(step => step.id),
      );
}

export function checkRoot(
  root: RootName,
  { operation, roots }: Pick<BindingScope, 'operation' | 'roots'>,
): string | null {
  if (roots.has(root)) return null;
  if (isRelatedRoot(root)) return `There is no ${root} here: ${waysTo[root]}.`;
  return `An Operation on a ${operation.on} has no ${root}: add a field "${root}" of the type reference.`;
}

const waysTo = {
  source: 'add a field "source" of the type reference to an environment, or "needs: source" to the step',
  target: 'add "adds", which makes it, or a field "target" with "ask: false" and "from"',
};
