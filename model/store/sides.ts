// The other side of an Environment in the database: made by a start, exchanged by a success, gone with an undo.

import { and, eq, ne } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { Plan, PlannedSide } from '../plan.ts';
import type { Transaction } from './database.ts';
import { changeEntity, findState, toEntity } from './entities.ts';
import { environments } from './schema/index.ts';
import { exchangeStates } from './terraform-states.ts';

const environment = 'environment' as const;

/** A run that was undone and is resumed fills it again. @throws AppError conflict when there is another one by now. */
export async function reviveSide(tx: Transaction, plan: Plan): Promise<void> {
  const { side, subject } = plan;
  if (!side?.added || (await findState(tx, { kind: environment, id: side.id })) !== 'deleted') return;
  const [other] = await tx
    .select({ id: environments.id })
    .from(environments)
    .where(and(eq(environments.side_of, subject.id), ne(environments.state, 'deleted')));
  if (other) throw new AppError('conflict', `${subject.name} has got another side since: start a new “${plan.title}”.`);
  await changeEntity(tx, actorOf(plan), { kind: environment, id: side.id, verb: plan.type, state: 'new' });
}

/** @param isUndone nothing of it is left: one that was added is gone. */
export async function settleSide(
  tx: Transaction,
  plan: Plan,
  { succeeded, isUndone }: { succeeded: boolean; isUndone: boolean },
): Promise<void> {
  const { side, subject } = plan;
  if (!side) return;
  if (succeeded) return exchange(tx, plan, subject.id, side);
  if (!side.added) return;
  const isUntouched = (await findState(tx, { kind: environment, id: side.id })) === 'new';
  if (isUndone || isUntouched)
    await changeEntity(tx, actorOf(plan), { kind: environment, id: side.id, verb: plan.type, state: 'deleted' });
}

async function exchange(tx: Transaction, plan: Plan, id: string, side: PlannedSide): Promise<void> {
  const [here, there] = [await valuesOf(tx, id), await valuesOf(tx, side.id)];
  const pick = (values: Record<string, unknown>) =>
    Object.fromEntries(side.exchanges.map(field => [field, values[field] ?? null]));
  const verb = plan.type;
  await changeEntity(tx, actorOf(plan), { kind: environment, id, verb, values: pick(there) });
  const left = { kind: environment, id: side.id, verb, values: pick(here), state: 'disabled' };
  await changeEntity(tx, actorOf(plan), left);
  await exchangeStates(tx, environment, id, side.id);
}

async function valuesOf(tx: Transaction, id: string): Promise<Record<string, unknown>> {
  const [row] = await tx.select().from(environments).where(eq(environments.id, id)).for('update');
  if (!row) throw new AppError('not_found', `There is no Environment ${id}.`);
  return toEntity(environment, row).values;
}

const actorOf = ({ startedBy, organisation }: Plan) => ({ name: startedBy, organisation });
