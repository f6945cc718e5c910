// Where the value of an argument comes from, in this order: `with:` of the step, what an outer Operation gives, `from:` of
// the argument, the answer in the form, what the last run got (`remember`), the default.

import { type FieldSpec, isSecretReference } from './fields.ts';
import { type RootName, readPath } from './paths.ts';
import type { Input } from './plan.ts';
import type { Argument, TaskType } from './task-type.ts';

/** An entity with its references followed: see store/roots.ts. */
export type PathRoot = { id: string; name: string; state: string } & Record<string, unknown>;
export type PathRoots = Partial<Record<RootName, PathRoot>> & {
  /** What the Project's Application type says of itself. */
  application?: Record<string, unknown>;
};

/** What is known while one Operation (the outer or a nested one) is planned. */
export interface Scope {
  roots: PathRoots;
  /** From `with:` of the step that nests this Operation. */
  given: Record<string, Input>;
  /** Answers of the form, for all Operations. */
  answers: Record<string, unknown>;
  /** Fields of this Operation type. */
  fields: FieldSpec[];
  /** Inputs of the last successful run, by Task type. */
  remembered: Record<string, Record<string, unknown>>;
  /** Roots that an answer will name, not chosen yet: what hangs on them is neither asked nor missing. */
  openRoots: ReadonlySet<string>;
  /** Step ids of nested Operations down to this one. */
  within: string[];
  /** Of an Operation that only compares: Tasks ask nothing, they take what was recorded. */
  check?: boolean;
  /** Of a dry run: the Tasks ask what they would ask. */
  asksInCheck?: boolean;
}

export type Source =
  | { kind: 'input'; input: Input }
  /** `default`: what the form shows first. */
  | { kind: 'ask'; default: unknown }
  | { kind: 'open' }
  | { kind: 'none' }
  | { kind: 'missing'; message: string };

/** The source of one argument; a default that lies in the role's own defaults/main.yml still counts as a value here. */
export function sourceOf(task: TaskType, argument: Argument, bindings: Record<string, unknown>, scope: Scope): Source {
  if (argument.name in bindings) return sourceOfBinding(bindings[argument.name], scope);
  const given = scope.given[argument.name];
  if (given) return { kind: 'input', input: given };
  for (const path of argument.from ?? []) {
    const source = sourceOfPath(path, scope);
    if (source) return source;
  }
  const remembered = argument.remember ? scope.remembered[task.name]?.[argument.name] : undefined;
  const usual = remembered ?? argument.default;
  if (argument.ask === false || isNeedless(argument, scope) || (scope.check && !scope.asksInCheck))
    return withoutAsking(argument, usual);
  const answer = scope.answers[argument.name];
  if (answer !== undefined && answer !== null) return { kind: 'input', input: inputOf(answer, argument) };
  return { kind: 'ask', default: usual };
}

export const isNeedless = ({ unless }: Argument, { roots }: Scope): boolean =>
  unless?.some(path => Boolean(readPath(roots, path))) ?? false;

function withoutAsking(argument: Argument, usual: unknown): Source {
  if (usual !== undefined) return { kind: 'input', input: { from: 'value', value: usual } };
  if (!argument.required) return { kind: 'none' };
  return { kind: 'missing', message: argument.missing ?? `${argument.label ?? argument.name} is not known yet.` };
}

/** A value of `with:`: `$input.x`, `$steps.a.b`, `$<path>`, `$$` for a dollar sign, or the literal itself. */
function sourceOfBinding(binding: unknown, scope: Scope): Source {
  if (typeof binding !== 'string' || !binding.startsWith('$'))
    return { kind: 'input', input: { from: 'value', value: binding } };
  if (binding.startsWith('$$')) return { kind: 'input', input: { from: 'value', value: binding.slice(1) } };
  const [head = '', ...rest] = binding.slice(1).split('.');
  if (head === 'steps') {
    const output = rest.at(-1) ?? '';
    return { kind: 'input', input: { from: 'output', step: [...scope.within, ...rest.slice(0, -1)], output } };
  }
  if (head === 'input') return sourceOfInput(rest[0] ?? '', scope);
  return sourceOfPath(binding.slice(1), scope) ?? { kind: 'none' };
}

function sourceOfInput(name: string, scope: Scope): Source {
  const given = scope.given[name];
  if (given) return { kind: 'input', input: given };
  const field = scope.fields.find(entry => entry.name === name);
  const value = scope.answers[name] ?? field?.default;
  if (value === undefined || value === null) return field?.required ? { kind: 'open' } : { kind: 'none' };
  return { kind: 'input', input: inputOf(value, field) };
}

/** Whether a bool field of the Operation type was answered, or given, with yes. */
export function isSaid(name: string, scope: Scope): boolean {
  const source = sourceOfInput(name, scope);
  return source.kind === 'input' && source.input.from === 'value' && source.input.value === true;
}

/** null = the path gives nothing, the next source is tried. */
function sourceOfPath(path: string, scope: Scope): Source | null {
  const value = readPath(scope.roots, path);
  if (value !== undefined && value !== null) return { kind: 'input', input: inputOf(value, undefined) };
  return scope.openRoots.has(path.split('.')[0] ?? '') ? { kind: 'open' } : null;
}

/** Only a secret field, or an entity's own sealed value, becomes a reference to a secret. */
function inputOf(value: unknown, field: FieldSpec | undefined): Input {
  if (isSecretReference(value) && (field === undefined || field.secret)) return { from: 'secret', id: value.$secret };
  // A path that ends at an entity means its id.
  if (field === undefined && typeof value === 'object' && value !== null && 'id' in value && 'state' in value) {
    return { from: 'value', value: (value as PathRoot).id };
  }
  return { from: 'value', value };
}
