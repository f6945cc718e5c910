// A database out of one PostgreSQL and into another, also one of an earlier version; what does not fit leaves nothing.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { afterEach, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { loadDatabase, refusalOf, type WholeDatabase, withSnapshot } from './whole-database.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function emptyDatabase(): Promise<OpenDatabase & { url: string }> {
  const { url, drop } = await createDatabase();
  const open = openDatabase(url);
  ends.push(drop, () => open.close());
  return { ...open, url };
}

const folder = join(import.meta.dirname, 'migrations');
const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
  entries: { when: number }[];
};

/** With a few rows, of which one names another that comes behind it, and all that texts of COPY have to quote. */
async function filledDatabase(migrations = journal.entries.length): Promise<OpenDatabase & { url: string }> {
  const made = await emptyDatabase();
  const own = mkdtempSync(join(tmpdir(), 'aegir-migrations-'));
  ends.push(() => rmSync(own, { recursive: true }));
  cpSync(folder, own, { recursive: true });
  const entries = journal.entries.slice(0, migrations);
  writeFileSync(join(own, 'meta', '_journal.json'), JSON.stringify({ ...journal, entries }));
  await migrate(made.db, { migrationsFolder: own });
  const odd = 'tab\there, line\nthere, \\N, \\., “quoted” \' and "';
  await made.pool.query(`insert into organisations(id, name) values ('o', 'club'), ('p', 'other')`);
  await made.pool.query(
    `insert into clusters(id, name, organisation, kind, custom) values ('c', 'main', 'o', 'servers', $1)`,
    [{ none: null, odd }],
  );
  await made.pool.query(
    `insert into catalogue_versions(version, kind, name, spec, content) values ('v', 'task', $2, 'null', $1), ('w', '', '', '1', '')`,
    [Buffer.from(Array.from({ length: 256 }, (_, at) => at)), odd],
  );
  await made.pool.query(`insert into workers(id) values ('w')`);
  await made.pool.query(`select setval('fencing_tokens', 41)`);
  return made;
}

async function takeAll(url: string): Promise<WholeDatabase> {
  return withSnapshot(url, async ({ migration, tables, rows, sequences }) => {
    const chunks: { table: string; chunk: Buffer }[] = [];
    const found: WholeDatabase['tables'] = [];
    for (const table of tables) {
      const copying = rows(table);
      for (;;) {
        const { value, done } = await copying.next();
        if (done) {
          found.push({ ...table, rows: value });
          break;
        }
        chunks.push({ table: table.name, chunk: value });
      }
    }
    const all = (async function* () {
      yield* chunks;
    })();
    return { migration, tables: found, sequences: await sequences(), rows: all, finish: async () => undefined };
  });
}

const contentOf = async ({ pool }: OpenDatabase) =>
  Promise.all(
    ['organisations', 'clusters', 'catalogue_versions'].map(
      async table => (await pool.query(`select each::text from ${table} each order by 1`)).rows,
    ),
  );
const countTables = async ({ pool }: OpenDatabase) =>
  (
    await pool.query(
      `select from pg_class where relkind = 'r' and relnamespace::regnamespace::text in ('public', 'drizzle')`,
    )
  ).rowCount;
const links = async ({ pool }: OpenDatabase) =>
  (
    await pool.query(`select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace order by 1, 2, 3`)
  ).rows;

test('every row comes as it was, with its links and sequences; what only a running Aegir means does not', async () => {
  const [first, second] = [await filledDatabase(), await emptyDatabase()];
  await loadDatabase(second.url, await takeAll(first.url));
  expect(await contentOf(second)).toEqual(await contentOf(first));
  expect(await links(second)).toEqual(await links(first));
  const next = await second.pool.query(
    `select nextval('fencing_tokens')::int as next, (select count(*)::int from workers) as workers`,
  );
  expect(next.rows).toEqual([{ next: 42, workers: 0 }]);
  const before = await countTables(second);
  await migrateDatabase(second);
  expect(await countTables(second)).toBe(before);
});

test('one of an earlier version is loaded in its form, and brought up to date like any other', async () => {
  const [first, second] = [await filledDatabase(journal.entries.length - 1), await emptyDatabase()];
  const whole = await takeAll(first.url);
  expect([whole.migration, refusalOf(whole.migration)]).toEqual([journal.entries.at(-2)?.when, '']);
  await loadDatabase(second.url, whole);
  for (const each of [first, second]) await migrateDatabase(each);
  expect(await contentOf(second)).toEqual(await contentOf(first));
  expect(await links(second)).toEqual(await links(first));
});

test('a snapshot does not see what is written after its begin', async () => {
  const first = await filledDatabase();
  const rows = await withSnapshot(first.url, async ({ tables, rows: copy }) => {
    await first.pool.query(`insert into organisations(id, name) values ('late', 'late')`);
    const table = tables.find(({ name }) => name === 'organisations');
    const parts: Buffer[] = [];
    if (table) for await (const chunk of copy(table)) parts.push(chunk);
    return Buffer.concat(parts).toString();
  });
  expect(rows.split('\n').filter(Boolean)).toHaveLength(2);
});

test.each<[string, (whole: WholeDatabase) => WholeDatabase, string | RegExp]>([
  ['other columns', whole => ({ ...whole, tables: whole.tables.slice(1) }), 'other tables or columns'],
  [
    'fewer rows than it says',
    whole => ({ ...whole, tables: whole.tables.map(table => ({ ...table, rows: table.rows && table.rows + 1 })) }),
    'rows, and not',
  ],
  [
    'a row that names nothing',
    whole => ({ ...whole, rows: without(whole, 'organisations') }),
    /violates foreign key constraint.*Nothing was changed/,
  ],
  ['rows that are none', whole => ({ ...whole, rows: broken(whole) }), 'missing data for column'],
  [
    'an end that fails',
    whole => ({ ...whole, finish: () => Promise.reject(new Error('The keys cannot be written.')) }),
    'The keys cannot be written.',
  ],
])('with %s nothing is loaded', async (_, alter, expected) => {
  const [first, second] = [await filledDatabase(), await emptyDatabase()];
  await expect(loadDatabase(second.url, alter(await takeAll(first.url)))).rejects.toThrow(expected);
  expect(await countTables(second)).toBe(0);
});

test('a database that is not empty, and one of a version that is not known, are refused', async () => {
  const first = await filledDatabase();
  const whole = await takeAll(first.url);
  await expect(loadDatabase(first.url, whole)).rejects.toThrow('The database is not empty');
  expect(refusalOf(Date.now() * 10)).toContain('newer version');
  expect(refusalOf(1)).toContain('does not know');
  const empty = await emptyDatabase();
  await expect(takeAll(empty.url)).rejects.toThrow('This database holds no Aegir');
  await expect(takeAll('postgres://127.0.0.1:9/none')).rejects.toThrow('The database does not let us in');
});

async function* without({ rows }: WholeDatabase, table: string) {
  for await (const each of rows) if (each.table !== table) yield each;
}

async function* broken({ rows }: WholeDatabase) {
  for await (const { table } of rows) yield { table, chunk: Buffer.from('no row\n') };
}
