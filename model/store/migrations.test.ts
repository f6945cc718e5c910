// A database of an earlier version is brought up to date with everything in it.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { afterEach, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { loadRoots } from './roots.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A database as the given number of migrations made it. */
async function databaseAt(count: number): Promise<OpenDatabase> {
  const database = await createDatabase();
  ends.push(() => database.drop());
  const open = openDatabase(database.url);
  ends.push(() => open.close());
  const folder = mkdtempSync(join(tmpdir(), 'aegir-migrations-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  cpSync(join(import.meta.dirname, 'migrations'), folder, { recursive: true });
  const file = join(folder, 'meta', '_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: unknown[] };
  writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  await migrate(open.db, { migrationsFolder: folder });
  return open;
}

test('an Environment of before databases and placement gets the Cluster of its web server', async () => {
  const open = await databaseAt(1);
  await open.pool.query(`
    insert into organisations(id, name) values ('o', 'club');
    insert into clusters(id, name, organisation, kind) values ('c', 'main', 'o', 'servers'), ('d', 'other', 'o', 'servers');
    insert into servers(id, name, organisation, cluster, connection, address) values
      ('s', 'web1', 'o', 'c', 'ssh', '192.0.2.1'), ('t', 'web2', 'o', 'd', 'local', null);
    insert into projects(id, name, organisation, repository, application) values ('p', 'shop', 'o', 'https://example.org/x.git', 'static');
    insert into releases(id, name, organisation, project, git_ref) values ('r', 'v1', 'o', 'p', 'main');
    insert into environments(id, name, organisation, release, web_server, kind, primary_name) values
      ('e', 'shop', 'o', 'r', 's', 'production', 'shop.example.org'), ('f', 'old', 'o', 'r', 't', 'staging', 'old.example.org');`);
  await migrateDatabase(open);
  const rows = await open.pool.query('select id, cluster, www, upload_mb from environments order by id');
  expect(rows.rows).toEqual([
    { id: 'e', cluster: 'c', www: 'as_is', upload_mb: 64 },
    { id: 'f', cluster: 'd', www: 'as_is', upload_mb: 64 },
  ]);
  const roots = await loadRoots(open.db, 'environment', 'e');
  expect([roots.cluster?.name, roots.server?.name]).toEqual(['main', 'web1']);
});

test('the web Servers of a Cluster are known by the address that other Servers use', async () => {
  const open = await databaseAt(99);
  await open.pool.query(`
    insert into organisations(id, name) values ('o', 'club');
    insert into clusters(id, name, organisation, kind) values ('c', 'main', 'o', 'servers');
    insert into servers(id, name, organisation, cluster, connection, address, internal_address, web, state) values
      ('1', 'web1', 'o', 'c', 'ssh', '192.0.2.1', null, true, 'new'),
      ('2', 'web2', 'o', 'c', 'ssh', '192.0.2.2', '10.0.0.2', true, 'verified'),
      ('3', 'this', 'o', 'c', 'local', null, null, true, 'new'),
      ('4', 'gone', 'o', 'c', 'ssh', '192.0.2.4', null, true, 'deleted'),
      ('5', 'db1', 'o', 'c', 'ssh', '192.0.2.5', null, false, 'new');`);
  const roots = await loadRoots(open.db, 'server', '5');
  expect(roots.cluster?.web_addresses).toEqual(['127.0.0.1', '192.0.2.1', '10.0.0.2']);
});
