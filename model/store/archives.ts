// Rows of archives: written when their file is there, and gone with it.

import { and, eq, inArray, ne, or, sql } from 'drizzle-orm';
import type { Entity } from '../entities.ts';
import { AppError } from '../errors.ts';
import { openStates } from '../run.ts';
import type { Actor } from './audit.ts';
import { conflictOf } from './conflicts.ts';
import type { Database, Db } from './database.ts';
import { changeEntity, findState, insertEntity } from './entities.ts';
import { archives, operations } from './schema/index.ts';

export interface NewArchive {
  id: string;
  values: Record<string, unknown>;
  /** Puts the file where it belongs: row and file are there together. */
  place(): Promise<void>;
}

/** What a further attempt of its Task brings takes the place of what the first one brought: the id is that of the Task. */
export async function putArchive(db: Database, actor: Actor, { id, values, place }: NewArchive): Promise<Entity> {
  const put = () =>
    db.transaction(async tx => {
      const isThere = (await findState(tx, { kind: 'archive', id })) !== null;
      const row = isThere
        ? await changeEntity(tx, actor, { kind: 'archive', id, verb: 'edit', values, state: 'kept' })
        : await insertEntity(tx, actor, 'archive', { values, custom: {} }, { id, state: 'kept' });
      await place();
      return row;
    });
  return conflictOf('archive', put, values);
}

/** @throws AppError conflict while an Operation that is not over brings it to a site. */
export async function deleteArchive(db: Database, actor: Actor, id: string): Promise<void> {
  await db.transaction(async tx => {
    if (await isInUse(tx, id))
      throw new AppError(
        'conflict',
        'An Operation that is not over uses this Archive. Wait for its end, or cancel it.',
      );
    await changeEntity(tx, actor, { kind: 'archive', id, verb: 'delete', state: 'deleted' });
  });
}

async function isInUse(db: Db, id: string): Promise<boolean> {
  const [row] = await db
    .select({ id: operations.id })
    .from(operations)
    .where(
      and(
        inArray(operations.state, [...openStates]),
        or(
          sql`${operations.input} ->> 'archive' = ${id}`,
          and(eq(operations.subjectKind, 'archive'), eq(operations.subjectId, id)),
        ),
      ),
    )
    .limit(1);
  return row !== undefined;
}

/** All that are kept, of all Organisations. */
export async function listKeptArchives(db: Db): Promise<{ id: string; organisation: string; goesAt: string }[]> {
  return db
    .select({ id: archives.id, organisation: archives.organisation, goesAt: archives.goes_at })
    .from(archives)
    .where(ne(archives.state, 'deleted'));
}
