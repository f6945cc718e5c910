// Which workers live: each says so every few seconds, by the clock of the database.

import { eq, lt, sql } from 'drizzle-orm';
import type { Db } from './database.ts';
import { workers } from './schema/index.ts';

/** After this without a sign of life a worker is gone: several were missed, and a page says so within 15 s. */
export const silenceSeconds = 9;

export async function noteWorker(db: Db, id: string): Promise<void> {
  await db
    .insert(workers)
    .values({ id })
    .onConflictDoUpdate({ target: workers.id, set: { seenAt: sql`now()` } });
}

/** Those that were killed long ago. */
export async function forgetLostWorkers(db: Db): Promise<void> {
  await db.delete(workers).where(lt(workers.seenAt, sql`now() - interval '1 day'`));
}

/** It ends in order. */
export async function forgetWorker(db: Db, id: string): Promise<void> {
  await db.delete(workers).where(eq(workers.id, id));
}

export async function hasWorker(db: Db): Promise<boolean> {
  const since = sql`now() - make_interval(secs => ${silenceSeconds})`;
  const { rows } = await db.execute<{ there: boolean }>(
    sql`select exists (select from ${workers} where ${workers.seenAt} > ${since}) as there`,
  );
  return rows[0]?.there === true;
}
