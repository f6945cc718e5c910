// Custom fields: definitions are rows; values lie in the entities' `custom` column.

import { and, asc, eq } from 'drizzle-orm';
import { ulid } from 'ulid';
import type { EntityKind } from '../entities.ts';
import { AppError } from '../errors.ts';
import type { FieldSpec } from '../fields.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Db } from './database.ts';
import { fieldDefinitions } from './schema/index.ts';

export interface StoredField extends FieldSpec {
  id: string;
  entityKind: EntityKind;
}

export async function listFieldDefinitions(db: Db, kind?: EntityKind): Promise<StoredField[]> {
  const rows = await db
    .select()
    .from(fieldDefinitions)
    .where(kind ? eq(fieldDefinitions.entity_kind, kind) : undefined)
    .orderBy(asc(fieldDefinitions.id));
  return rows.map(row => ({
    ...(row.spec as unknown as FieldSpec),
    id: row.id,
    name: row.name,
    entityKind: row.entity_kind as EntityKind,
  }));
}

export async function addFieldDefinition(
  db: Database,
  actor: Actor,
  kind: EntityKind,
  spec: FieldSpec,
): Promise<StoredField> {
  return db.transaction(async tx => {
    const id = ulid();
    const values = { id, entity_kind: kind, name: spec.name, spec: { ...spec } };
    const rows = await tx.insert(fieldDefinitions).values(values).onConflictDoNothing().returning();
    if (rows.length === 0)
      throw new AppError('conflict', `There is a field "${spec.name}" for ${kind} already. Choose another name.`);
    await recordChange(tx, actor, {
      verb: 'create',
      object: { kind: 'field', id, name: `${kind}.${spec.name}` },
      after: { ...spec },
    });
    return { ...spec, id, entityKind: kind };
  });
}

/** Values that entities hold stay where they are and are shown again when the field is defined again. */
export async function removeFieldDefinition(db: Database, actor: Actor, id: string): Promise<void> {
  await db.transaction(async tx => {
    const [row] = await tx
      .delete(fieldDefinitions)
      .where(and(eq(fieldDefinitions.id, id)))
      .returning();
    if (!row) throw new AppError('not_found', `There is no field ${id}.`);
    await recordChange(tx, actor, {
      verb: 'delete',
      object: { kind: 'field', id, name: `${row.entity_kind}.${row.name}` },
      before: row.spec,
    });
  });
}
