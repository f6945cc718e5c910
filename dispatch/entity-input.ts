// From a request to what the store writes: checked by the same validator as everything else, references found by id or
// name, secrets put away.

import type { Catalogue } from '../model/catalogue.ts';
import { type Entity, type EntityDefinition, type EntityKind, entities, goneStates } from '../model/entities.ts';
import { AppError, invalid, type Problem } from '../model/errors.ts';
import { checkRules } from '../model/field-rules.ts';
import type { FieldSpec } from '../model/fields.ts';
import { schedulableTypes } from '../model/schedulable.ts';
import { type EntityInput, findEntity } from '../model/store/entities.ts';
import { listFieldDefinitions } from '../model/store/field-definitions.ts';
import { joinPath, validateFields } from '../model/validate.ts';
import { makePassword } from '../secrets/token.ts';
import type { Principal } from './access.ts';
import { approvableTypes } from './check-approval-rule.ts';
import { checkClusterInput, checkServerCluster } from './check-cluster.ts';
import type { DispatchDependencies } from './dependencies.ts';

/** The definition with what only the catalogue knows: the application types that there are. */
export function definitionOf(kind: EntityKind, catalogue: Catalogue): EntityDefinition {
  const definition = entities[kind];
  const choices: Partial<Record<string, () => string[]>> = {
    'project.application': () => [...catalogue.applicationTypes.keys()],
    'approval_rule.operation_types': () => approvableTypes(catalogue).map(({ name }) => name),
    'schedule.operation_type': () => schedulableTypes(catalogue).map(({ name }) => name),
  };
  const fields = definition.fields.map(field => {
    const known = choices[`${kind}.${field.name}`]?.();
    return known ? { ...field, choices: known } : field;
  });
  return { ...definition, fields };
}

export interface EntityRequest {
  kind: EntityKind;
  values: Record<string, unknown>;
  fields: Record<string, unknown>;
  /** Of an edit: only what is given is checked, over what is there. */
  before?: Entity;
}

export async function readEntityInput(
  deps: DispatchDependencies,
  principal: Principal,
  request: EntityRequest,
): Promise<EntityInput> {
  const definition = definitionOf(request.kind, await deps.catalogue.current());
  const custom = await listFieldDefinitions(deps.db, request.kind);
  const { before } = request;
  const partial = before !== undefined;
  const own =
    hasOrganisation(definition) && !partial
      ? { organisation: principal.organisation.id, ...request.values }
      : request.values;
  const values = validateFields(definition.fields, own, {
    path: 'values',
    partial,
    ...(definition.rules ? { rules: definition.rules } : {}),
  });
  const fields = validateFields(custom, request.fields, { path: 'fields', partial });
  const problems: Problem[] = [
    ...values.problems,
    ...fields.problems,
    ...checkTogether(definition, values.values, before),
    ...(request.kind === 'cluster' ? checkClusterInput(values.values, before) : []),
  ];
  await findReferences(
    deps,
    principal,
    { specs: definition.fields, values: values.values, path: 'values.', before: before?.values },
    problems,
  );
  await findReferences(
    deps,
    principal,
    { specs: custom, values: fields.values, path: 'fields.', before: before?.fields },
    problems,
  );
  if (request.kind === 'server' && problems.length === 0)
    problems.push(...(await checkServerCluster(deps, principal, values.values)));
  if (problems.length > 0) throw invalid(problems, `This ${definition.title} cannot be saved.`);
  const organisation = principal.organisation.id;
  const complete = partial ? values.values : withGenerated(definition.fields, values.values);
  return {
    values: await deps.vault.putFields(deps.db, organisation, definition.fields, complete),
    custom: await deps.vault.putFields(deps.db, organisation, custom, fields.values),
  };
}

/** Values that stay and those of an edit must fit together, too. */
function checkTogether(
  definition: EntityDefinition,
  given: Record<string, unknown>,
  before: Entity | undefined,
): Problem[] {
  const all = { ...before?.values, ...given };
  const problems: Problem[] = [];
  const path = 'values';
  const values = new Map(Object.entries(all));
  if (before) checkRules(definition.rules ?? {}, { given: new Map(), values, path, problems, partial: false });
  for (const problem of definition.check?.(all) ?? [])
    problems.push({ ...problem, path: joinPath(path, problem.path) });
  return problems;
}

function withGenerated(specs: FieldSpec[], values: Record<string, unknown>): Record<string, unknown> {
  const missing = specs.filter(spec => spec.generated && (values[spec.name] ?? null) === null);
  return { ...values, ...Object.fromEntries(missing.map(spec => [spec.name, makePassword()])) };
}

function hasOrganisation(definition: EntityDefinition): boolean {
  return definition.fields.some(field => field.name === 'organisation');
}

interface References {
  specs: FieldSpec[];
  values: Record<string, unknown>;
  path: string;
  /** What was there before an edit may stay. */
  before?: Record<string, unknown> | undefined;
}

/** Puts ids into the places of names. Also used for answers of an Operation's form. What may not be taken is a problem. */
export async function findReferences(
  deps: DispatchDependencies,
  principal: Principal,
  { specs, values, path, before }: References,
  problems: Problem[],
): Promise<void> {
  for (const { name, to } of specs) {
    const value = values[name];
    if (!to || typeof value !== 'string') continue;
    try {
      const found = await findEntity(deps.db, to, value, principal.organisation.id);
      const message = found.id === before?.[name] ? '' : untakable(found);
      if (message) problems.push({ path: `${path}${name}`, message });
      values[name] = found.id;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push({ path: `${path}${name}`, message: error.message });
    }
  }
}

/** '' = further ones may refer to it. */
function untakable({ kind, state, values }: Entity): string {
  const named = `The ${entities[kind].title} ${String(values.name)}`;
  if (goneStates.includes(state)) return `${named} is ${state}.`;
  return values.locked === true ? `${named} is locked: choose another one, or unlock it first.` : '';
}
