// The whole database, out as it is at one moment and into an empty one, in one transaction each. Its form is not part of
// what goes out: the migrations make it anew, up to the one that the database had.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { AppError, errorText } from '../errors.ts';
import { copyIn, copyOut, type RowsIn } from './copy-rows.ts';
import { migrationLock, type Transaction } from './database.ts';
import * as schema from './schema/index.ts';

export interface TableShape {
  name: string;
  columns: string[];
}

/** Of an installation that runs: neither means anything elsewhere. */
const leftOut = ['workers', 'lock_claims'];

const migrationsFolder = join(import.meta.dirname, 'migrations');
const migrationsTable = 'drizzle.__drizzle_migrations';

export interface Snapshot {
  /** Which migration was its last, as the journal names it (`when`). */
  migration: number;
  postgres: string;
  tables: TableShape[];
  rows(table: TableShape): AsyncGenerator<Buffer, number>;
  /** Not before all rows: they only grow. */
  sequences(): Promise<Record<string, string>>;
  transaction: Transaction;
}

/** Others go on reading and writing meanwhile. */
export async function withSnapshot<T>(url: string, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return withTransaction(url, { isolationLevel: 'repeatable read', accessMode: 'read only' }, async (client, tx) => {
    const migration = await lastMigration(client);
    if (migration === null)
      throw new AppError('conflict', 'This database holds no Aegir: nothing was ever started with it.');
    const version = await client.query<{ server_version: string }>('show server_version');
    return use({
      migration,
      postgres: version.rows[0]?.server_version ?? '',
      tables: await listTables(client),
      rows: table => copyOut(client, `copy ${nameOf(table)} to stdout`),
      sequences: () => readSequences(client),
      transaction: tx,
    });
  });
}

export interface WholeDatabase {
  migration: number;
  tables: (TableShape & { rows: number })[];
  sequences: Record<string, string>;
  /** Tables one after the other. */
  rows: AsyncIterable<{ table: string; chunk: Buffer }>;
  /** Before anybody else sees it. */
  finish(transaction: Transaction): Promise<void>;
}

/** '' = a database of that migration can be loaded here. */
export function refusalOf(migration: number): string {
  const known = journal();
  if (known.includes(migration)) return '';
  return migration > Math.max(...known)
    ? 'It was made by a newer version of Aegir: install that version, or a later one.'
    : 'It was made by a version of Aegir whose database this one does not know.';
}

/** All of it or nothing. @throws AppError conflict for a database that is not empty */
export async function loadDatabase(url: string, whole: WholeDatabase): Promise<void> {
  await withTransaction(url, {}, async (client, tx) => {
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await refuseFilled(client);
    await migrateTo(client, whole.migration);
    await refuseOtherShape(client, whole.tables);
    // As a row may come before the one that it names.
    const links = await takeLinksAway(client);
    await loadRows(client, whole);
    await setSequences(client, whole.sequences);
    for (const link of links) await client.query(link);
    await whole.finish(tx);
  }).catch(error => {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const words = `The database does not take what is in the archive (${error.message}). Nothing was changed.`;
    throw new AppError('invalid', words, { cause: error });
  });
}

type TransactionOptions = Parameters<ReturnType<typeof open>['transaction']>[1];

const open = (client: pg.Client) => drizzle(client, { schema });

async function withTransaction<T>(
  connectionString: string,
  options: TransactionOptions,
  use: (client: pg.Client, tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString });
  // What breaks it fails the statement under way, too.
  client.on('error', () => undefined);
  try {
    await client.connect().catch(error => {
      const words = error instanceof AggregateError ? error.errors.map(errorText).join('; ') : errorText(error);
      throw new AppError('unavailable', `The database does not let us in (${words}).`, { cause: error });
    });
    // Whatever the server's own settings are: texts that every server reads alike, and as much time as it takes.
    await client.query(
      `set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC'; set search_path = public;
       set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0`,
    );
    return await open(client).transaction(tx => use(client, tx), options);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function lastMigration(client: pg.Client): Promise<number | null> {
  const there = await client.query<{ there: boolean }>(`select to_regclass('${migrationsTable}') is not null as there`);
  if (!there.rows[0]?.there) return null;
  const { rows } = await client.query<{ at: string | null }>(
    `select max(created_at)::text as at from ${migrationsTable}`,
  );
  return rows[0]?.at ? Number(rows[0].at) : null;
}

async function listTables(client: pg.Client): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape>(
    `select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and c.relname <> all ($1)
      group by c.relname order by c.relname`,
    [leftOut],
  );
  return rows;
}

const quote = (name: string) => pg.escapeIdentifier(name);
const nameOf = ({ name, columns }: TableShape) => `public.${quote(name)} (${columns.map(quote).join(', ')})`;

async function readSequences(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; value: string }>(
    `select sequencename::text as name, last_value::text as value from pg_sequences
      where schemaname = 'public' and last_value is not null order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

const journal = (): number[] =>
  JSON.parse(readFileSync(join(migrationsFolder, 'meta', '_journal.json'), 'utf8')).entries.map(
    (entry: { when: number }) => entry.when,
  );

async function refuseFilled(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'drizzle') and c.relkind in ('r', 'p', 'v', 'm', 'S') order by 1`,
  );
  if (rows.length === 0) return;
  const first = rows.slice(0, 3).map(({ name }) => name);
  throw new AppError(
    'conflict',
    `The database is not empty (${rows.length} tables and the like, such as ${first.join(', ')}): give an empty one. Nothing was changed.`,
  );
}

/** As drizzle does it, which cannot stop at one. */
async function migrateTo(client: pg.Client, migration: number): Promise<void> {
  await client.query('create schema drizzle');
  await client.query(`create table ${migrationsTable} (id serial primary key, hash text not null, created_at bigint)`);
  const due = readMigrationFiles({ migrationsFolder }).filter(({ folderMillis }) => folderMillis <= migration);
  for (const { sql, hash, folderMillis } of due) {
    for (const statement of sql) await client.query(statement);
    await client.query(`insert into ${migrationsTable} (hash, created_at) values ($1, $2)`, [hash, folderMillis]);
  }
}

async function refuseOtherShape(client: pg.Client, wanted: TableShape[]): Promise<void> {
  const shape = (tables: TableShape[]) =>
    JSON.stringify(
      tables
        .map(({ name, columns }) => [name, columns])
        .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
    );
  if (shape(await listTables(client)) === shape(wanted)) return;
  throw new AppError(
    'conflict',
    'The archive has other tables or columns than this version of Aegir makes for it. Restore it with the version that made it. Nothing was changed.',
  );
}

/** Answers the statements that put them back. */
async function takeLinksAway(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ owner: string; name: string; words: string }>(
    `select conrelid::regclass::text as owner, conname::text as name, pg_get_constraintdef(oid) as words from pg_constraint
      where contype = 'f' and connamespace = 'public'::regnamespace`,
  );
  for (const { owner, name } of rows) await client.query(`alter table ${owner} drop constraint ${quote(name)}`);
  return rows.map(({ owner, name, words }) => `alter table ${owner} add constraint ${quote(name)} ${words}`);
}

async function loadRows(client: pg.Client, { tables, rows }: WholeDatabase): Promise<void> {
  let now: { table: TableShape & { rows: number }; into: RowsIn } | undefined;
  const finish = async () => {
    const found = await now?.into.end();
    if (now && found !== now.table.rows)
      throw new AppError('invalid', `The table ${now.table.name} has ${found} rows, and not ${now.table.rows}.`);
  };
  for await (const { table: name, chunk } of rows) {
    if (now?.table.name !== name) {
      await finish();
      const table = tables.find(each => each.name === name);
      if (!table) throw new AppError('invalid', `The table ${name} is not in the manifest.`);
      now = { table, into: await copyIn(client, `copy ${nameOf(table)} from stdin`) };
    }
    await now.into.write(chunk);
  }
  await finish();
}

async function setSequences(client: pg.Client, sequences: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(sequences))
    await client.query('select setval($1::regclass, $2::bigint)', [`public.${quote(name)}`, value]);
}
