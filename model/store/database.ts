// Opens the database and brings it to this version's schema. Everything else in this folder takes a `Db`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DrizzleQueryError, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { AppError } from '../errors.ts';
import * as schema from './schema/index.ts';

export type Database = NodePgDatabase<typeof schema>;
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];
export type Db = Database | Transaction;

export interface OpenDatabase {
  db: Database;
  pool: pg.Pool;
  close(): Promise<void>;
}

// Drizzle would put the values of a query, tokens of sessions among them, into the message of its error: into every log.
Object.defineProperty(DrizzleQueryError.prototype, 'params', {
  set(this: DrizzleQueryError) {
    this.message = `Failed query: ${this.query}`;
  },
});

/** One process at a time migrates; the number has no meaning beyond being ours. */
export const migrationLock = 5_420_001;

export function openDatabase(url: string, connections = 10): OpenDatabase {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  // A broken idle connection is replaced by the pool at the next query; without a listener it would end the process.
  pool.on('error', () => {});
  // Nor may one do so that breaks within a transaction, between two queries: the next of them fails.
  pool.on('connect', client => client.on('error', () => {}));
  return { db: drizzle(pool, { schema }), pool, close: () => pool.end() };
}

/** @throws AppError conflict when the database was made by a newer version. */
export async function migrateDatabase(open: OpenDatabase): Promise<void> {
  const client = await open.pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await refuseNewer(open.db);
    await migrate(open.db, { migrationsFolder: join(import.meta.dirname, 'migrations') });
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]);
    client.release();
  }
}

async function refuseNewer(db: Database): Promise<void> {
  const known = await db.execute<{ there: string | null }>(
    sql`select to_regclass('drizzle.__drizzle_migrations')::text as there`,
  );
  if (!known.rows[0]?.there) return;
  const newest = await db.execute<{ at: string | null }>(
    sql`select max(created_at)::text as at from drizzle.__drizzle_migrations`,
  );
  const journal = JSON.parse(readFileSync(join(import.meta.dirname, 'migrations', 'meta', '_journal.json'), 'utf8'));
  const ours = Math.max(...journal.entries.map((entry: { when: number }) => entry.when));
  if (Number(newest.rows[0]?.at ?? 0) > ours) {
    throw new AppError(
      'conflict',
      'The database was made by a newer version of Aegir. Install that version again, or restore a copy of the database from before the upgrade.',
    );
  }
}
