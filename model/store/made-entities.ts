// Entities that a Task makes: what the Task says of them, and the references of the entity on which it ran.

import { type EntityKind, entities } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { RunnableStep } from '../plan.ts';
import type { Actor } from './audit.ts';
import type { Transaction } from './database.ts';
import { insertEntity } from './entities.ts';
import { loadRoot, type Root } from './roots.ts';

/** @param made.values checked (activities/outputs.ts). */
export async function createMade(
  tx: Transaction,
  actor: Actor,
  { kind, step, values }: { kind: EntityKind; step: RunnableStep; values: Record<string, unknown> },
): Promise<void> {
  const { fields, madeOn, states } = entities[kind];
  const id = madeOn && step.roots[madeOn];
  if (!id)
    throw new AppError('internal', `The Task “${step.title}” makes a ${kind}, and there is nothing that it is of.`);
  const owner = await loadRoot(tx, madeOn, id);
  const references = fields.flatMap(({ name, to }) => {
    const root = to === madeOn ? owner : (owner[name] as Root | null | undefined);
    return to && root ? [[name, root.id] as const] : [];
  });
  await insertEntity(
    tx,
    actor,
    kind,
    { values: { ...values, ...Object.fromEntries(references) }, custom: {} },
    states[0] ? { state: states[0] } : {},
  );
}
