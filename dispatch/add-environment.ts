// Adds the Environment that an Operation type makes (`adds:`), as one would be added by hand: with its own secrets, placed on
// Servers, its name its own. It is part of the transaction that starts the Operation.

import { editVerb } from '../model/access.ts';
import { isGiven } from '../model/coerce.ts';
import type { AddedEnvironment } from '../model/operation-type.ts';
import type { Database, Transaction } from '../model/store/database.ts';
import { createEntity, findEntity } from '../model/store/entities.ts';
import { listFieldDefinitions } from '../model/store/field-definitions.ts';
import { loadRoot, type Root, type Roots } from '../model/store/roots.ts';
import { actorOf, authorize, type Principal } from './access.ts';
import { addSide, asAnswered } from './add-side.ts';
import { addThrowaway } from './add-throwaway.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { readEntityInput } from './entity-input.ts';
import { placingNew } from './place-environment.ts';

/** Everything that is written by way of it is part of the transaction. */
export function within(deps: DispatchDependencies, tx: Transaction): DispatchDependencies {
  // A transaction does what a database does; one that is begun in it is a savepoint.
  return { ...deps, db: tx as unknown as Database };
}

export interface AddRequest {
  adds: AddedEnvironment;
  /** Id of the Environment whose fields it takes where there is no answer. */
  like: string;
  roots: Roots;
  answers: Record<string, unknown>;
}

export async function addEnvironment(
  deps: DispatchDependencies,
  principal: Principal,
  { adds, like, roots, answers }: AddRequest,
): Promise<Root> {
  const organisation = principal.organisation.id;
  const model = await findEntity(deps.db, 'environment', like, organisation);
  if (adds.throwaway) return addThrowaway(deps, principal, { adds, like: model, roots, answers });
  authorize(principal, editVerb('environment'));
  if (adds.side) return addSide(deps, principal, model, { asks: adds.asks, answers });
  const pick = (names: string[], from: Record<string, unknown>) =>
    Object.fromEntries(names.flatMap(name => (isGiven(from[name]) ? [[name, from[name]]] : [])));
  const values = { ...pick(adds.takes, model.values), ...pick(adds.asks, answers) };
  // A Server of another Cluster would be refused; the Cluster follows the Servers that are chosen.
  if (!isGiven(answers.cluster) && isGiven(answers.web_server)) delete values.cluster;
  const custom = (await listFieldDefinitions(deps.db, 'environment')).filter(field => !field.secret);
  const fields = pick(
    custom.map(field => field.name),
    model.fields,
  );
  try {
    const input = await readEntityInput(deps, principal, { kind: 'environment', values, fields });
    const placing = placingNew(await deps.catalogue.current(), organisation, model);
    const { id } = await createEntity(deps.db, actorOf(principal), 'environment', input, placing);
    return await loadRoot(deps.db, 'environment', id);
  } catch (error) {
    throw asAnswered(error, 'The new Environment cannot be added.');
  }
}
