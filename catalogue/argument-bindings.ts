// What meta/aegir.yml adds to the arguments of a Task type: where a value comes from, its format, the kind it refers to.

import { isDict } from '../model/coerce.ts';
import { type EntityKind, entities } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import { suggestName } from '../model/near-name.ts';
import { resolvePathType } from '../model/paths.ts';
import type { Argument } from '../model/task-type.ts';
import { validateFields } from '../model/validate.ts';
import { definedOnly } from './defined-only.ts';
import { bindingKeys } from './formats.ts';
import { checkSource } from './type-agreement.ts';

export function addBindings(specs: Argument[], raw: unknown, mistakes: Problem[]): Argument[] {
  const bindings = isDict(raw) ? raw : {};
  const names = specs.map(spec => spec.name);
  for (const name of Object.keys(bindings).filter(key => !names.includes(key))) {
    const message = `is not an argument in meta/argument_specs.yml.${suggestName(name, names)} Known: ${names.join(', ')}.`;
    mistakes.push({ path: `arguments.${name}`, message });
  }
  return specs.map(spec =>
    Object.hasOwn(bindings, spec.name) ? addBinding(spec, bindings[spec.name], mistakes) : spec,
  );
}

function addBinding(spec: Argument, raw: unknown, mistakes: Problem[]): Argument {
  const path = `arguments.${spec.name}`;
  const { values, problems } = validateFields(bindingKeys, raw as Record<string, unknown>, { path });
  mistakes.push(...problems);
  const report = (key: string, message: string) => mistakes.push({ path: `${path}.${key}`, message });
  const binding = values as Pick<
    Argument,
    'from' | 'remember' | 'ask' | 'missing' | 'fresh' | 'unless' | 'for' | 'label' | 'format' | 'to'
  >;
  const argument: Argument = { ...spec, ...definedOnly<Partial<Argument>>(binding) };
  // Ansible would want it on servers, too, if its own spec said so.
  if (binding.for === 'kubernetes' && binding.missing !== undefined) argument.required = true;
  if (binding.fresh && binding.from?.length !== 1) report('fresh', 'has a meaning only beside one path in "from".');
  if (binding.missing !== undefined && binding.ask !== false)
    report('missing', 'has a meaning only beside "ask: false".');
  if (binding.format && !holdsText(spec)) report('format', 'belongs to a text or a list of texts.');
  if (binding.to) makeReference(argument, report);
  if (binding.format && spec.default !== undefined) checkDefaultAgain(argument, report);
  for (const path of binding.from ?? []) {
    const wrong = checkSource(path, argument);
    if (wrong) report('from', wrong);
  }
  for (const path of binding.unless ?? []) {
    const type = resolvePathType(path);
    if ('problem' in type) report('unless', type.problem);
  }
  return argument;
}

function holdsText({ type, elements }: Argument): boolean {
  return type === 'str' || type === 'path' || (type === 'list' && (elements === 'str' || elements === 'path'));
}

/** Ansible sees a text, Aegir a reference that it offers as a list to choose from. */
function makeReference(argument: Argument, report: (key: string, message: string) => void): void {
  if (argument.type === 'str') argument.type = 'reference';
  else if (argument.type === 'dict') openReference(argument, report);
  else if (argument.type === 'list' && argument.elements === 'str') argument.elements = 'reference';
  else report('to', 'belongs to an argument of the type str, or a list of them, or dict.');
}

/** Its Task gets all fields. Nobody chooses whose, and what travels in the plan is no secret. */
function openReference(argument: Argument, report: (key: string, message: string) => void): void {
  const { fields, title } = entities[argument.to as EntityKind];
  if (argument.ask !== false) report('to', `gives all fields of a ${title}: it needs "ask: false".`);
  if (fields.some(field => field.secret) && !argument.secret)
    report('to', `gives the secrets of a ${title}: it needs "no_log: true".`);
  argument.type = 'reference';
  argument.opened = true;
  delete argument.secret;
}

function checkDefaultAgain(argument: Argument, report: (key: string, message: string) => void): void {
  const { default: value, required: _required, ...bare } = argument;
  for (const problem of validateFields([bare], { [argument.name]: value }).problems)
    report('format', `The default ${problem.message}`);
}
