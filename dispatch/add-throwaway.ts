// Adds the Environment in which an Operation tries something out: like another one, under names and with secrets of its own.
// It is no answer of a person, so what a form would refuse (a locked Release, say) does not keep anybody from it.

import { ulid } from 'ulid';
import { isGiven } from '../model/coerce.ts';
import type { Entity } from '../model/entities.ts';
import type { AddedEnvironment } from '../model/operation-type.ts';
import { readPath } from '../model/paths.ts';
import { idOf } from '../model/preset-fields.ts';
import { type Completion, createEntity } from '../model/store/entities.ts';
import { listFieldDefinitions } from '../model/store/field-definitions.ts';
import { loadRoot, type Root, type Roots } from '../model/store/roots.ts';
import { throwawayNames } from '../model/throwaway.ts';
import { makePassword } from '../secrets/token.ts';
import { actorOf, type Principal } from './access.ts';
import { asAnswered } from './add-side.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { placingNew } from './place-environment.ts';

type Values = Record<string, unknown>;

export interface ThrowawayRequest {
  adds: AddedEnvironment;
  /** Which it is like. */
  like: Entity;
  roots: Roots;
  answers: Values;
}

export async function addThrowaway(
  deps: DispatchDependencies,
  principal: Principal,
  { adds, like, roots, answers }: ThrowawayRequest,
): Promise<Root> {
  const organisation = principal.organisation.id;
  const values: Values = {
    ...throwawayNames(ulid()),
    ...pick(adds.takes, like.values),
    ...settled(adds.sets, roots),
    ...pick(adds.asks, answers),
    ...(await makeSecrets(deps, organisation)),
    throwaway_of: like.id,
  };
  // The Cluster follows the Servers that are chosen.
  if (!isGiven(answers.cluster) && isGiven(answers.web_server)) delete values.cluster;
  const custom = (await listFieldDefinitions(deps.db, 'environment')).filter(field => !field.secret);
  const fields = pick(
    custom.map(field => field.name),
    like.fields,
  );
  const placing: Completion = placingNew(await deps.catalogue.current(), organisation, like);
  try {
    const { id } = await createEntity(deps.db, actorOf(principal), 'environment', { values, custom: fields }, placing);
    return await loadRoot(deps.db, 'environment', id);
  } catch (error) {
    throw asAnswered(error, 'There is no place for the Environment in which it is tried.');
  }
}

const pick = (names: string[], from: Values): Values =>
  Object.fromEntries(names.flatMap(name => (isGiven(from[name]) ? [[name, from[name]]] : [])));

/** Literals, and what is at paths. */
function settled(sets: Values, roots: Roots): Values {
  const settle = (value: unknown) =>
    typeof value === 'string' && value.startsWith('$') ? idOf(readPath(roots, value.slice(1))) : value;
  const values = Object.fromEntries(Object.entries(sets).map(([name, value]) => [name, settle(value)]));
  return pick(Object.keys(values), values);
}

async function makeSecrets({ db, vault }: DispatchDependencies, organisation: string): Promise<Values> {
  const names = ['database_password', 'salt'];
  const specs = names.map(name => ({ name, type: 'str' as const, secret: true }));
  return vault.putFields(db, organisation, specs, Object.fromEntries(names.map(name => [name, makePassword()])));
}
