// Deleting an entity: its row stays, for history and audit, and its name is free again. Refused while something uses it,
// which is named.

import { and, eq, inArray, notInArray, or } from 'drizzle-orm';
import { type EntityKind, entities, goneStates } from '../entities.ts';
import { AppError } from '../errors.ts';
import { openStates } from '../run.ts';
import type { Actor } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { changeEntity, columnOf, findEntity, tableOf } from './entities.ts';
import { operations, presences, servers } from './schema/index.ts';
import { forgetStates, listManaged } from './terraform-states.ts';

export async function deleteEntity(db: Database, actor: Actor, kind: EntityKind, id: string): Promise<void> {
  await db.transaction(async tx => {
    // Who writes a reference to it meanwhile waits for this row, and is refused then.
    await tx
      .select({ id: tableOf(kind).id })
      .from(tableOf(kind))
      .where(eq(tableOf(kind).id, id))
      .for('update');
    const { state, values } = await findEntity(tx, kind, id, actor.organisation);
    const refusal =
      state === 'deleted'
        ? `This ${entities[kind].title} is deleted already.`
        : (values.locked === true ? lockedWords : '') ||
          (await usedBy(tx, kind, id)) ||
          (await managedWords(tx, kind, id)) ||
          installedWords(kind, state);
    if (refusal) throw new AppError('conflict', refusal);
    // A machine that is given up keeps what lies on it; nobody counts on it any more.
    if (kind === 'server') await tx.delete(presences).where(eq(presences.server, id));
    await forgetStates(tx, { kind, id });
    await changeEntity(tx, actor, { kind, id, verb: 'delete', state: 'deleted' });
  });
}

export const lockedWords = 'This Release is locked. Edit it and take “Locked” away first.';

/**
 * Without the state nobody could take it away any more. '' = there is nothing.
 * @param destroyed Task types of which everything goes.
 */
export async function managedWords(db: Db, kind: EntityKind, id: string, destroyed: string[] = []): Promise<string> {
  const all = await listManaged(db, { kind, id });
  const managed = all.filter(({ taskType }) => !destroyed.includes(taskType));
  if (managed.length === 0) return '';
  const list = managed.map(({ taskType, resources }) => `${taskType} (${resources})`).join(', ');
  return `Terraform still manages things of this ${entities[kind].title}: ${list}. Destroy them first, by an Operation with a step “destroy: true”.`;
}

function installedWords(kind: EntityKind, state: string): string {
  if (kind !== 'environment' || state === 'new') return '';
  return 'This Environment is installed. Run the Operation “Delete” on it, which also removes it from its Server.';
}

/** '' = nothing does. */
async function usedBy(tx: Transaction, kind: EntityKind, id: string): Promise<string> {
  const { title } = entities[kind];
  const users = await usersOf(tx, kind, id);
  if (users.length > 0) return `This ${title} is in use by ${users.join(' and ')}. Delete or change these first.`;
  const lying = kind === 'release' ? await serversOf(tx, id) : [];
  if (lying.length > 0)
    return `The code of this Release lies on ${lying.join(', ')}. Run “Remove from a Server” for each first.`;
  const [running] = await tx
    .select({ title: operations.title })
    .from(operations)
    .where(and(eq(operations.subjectId, id), inArray(operations.state, [...openStates])))
    .limit(1);
  return running ? `“${running.title}” is not over on this ${title}. Wait for it, or cancel it.` : '';
}

/** "the Environments blog, shop" for each kind. */
async function usersOf(tx: Transaction, kind: EntityKind, id: string): Promise<string[]> {
  const found: string[] = [];
  for (const { kind: other, fields, title, titlePlural } of Object.values(entities)) {
    const columns = fields.flatMap(field => (field.to === kind ? [columnOf(other, field.name) ?? []].flat() : []));
    if (columns.length === 0) continue;
    const table = tableOf(other);
    const rows = await tx
      .select({ name: table.name })
      .from(table)
      .where(and(or(...columns.map(column => eq(column, id))), notInArray(table.state, goneStates)))
      .orderBy(table.name);
    if (rows.length > 0)
      found.push(`the ${rows.length > 1 ? titlePlural : title} ${rows.map(row => row.name).join(', ')}`);
  }
  return found;
}

async function serversOf(db: Db, release: string): Promise<string[]> {
  const rows = await db
    .select({ name: servers.name })
    .from(presences)
    .innerJoin(servers, eq(servers.id, presences.server))
    .where(eq(presences.release, release))
    .orderBy(servers.name);
  return rows.map(row => row.name);
}
