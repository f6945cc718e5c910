// What workers know of the catalogue is what the API has read from its folders.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase, type OpenDatabase, openDatabase } from '../model/store/database.ts';
import { createDatabase } from '../test/harness.ts';
import { readCatalogue } from './read-catalogue.ts';
import { createPublishedCatalogue, publishVersions } from './versions.ts';

const installation = join(import.meta.dirname, '..');
let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;
let folder: string;
const paths = () => ({
  roles: [join(folder, 'roles')],
  operations: [join(folder, 'operations')],
  applications: [join(folder, 'applications')],
});

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url, 2);
  await migrateDatabase(open);
  folder = mkdtempSync(join(tmpdir(), 'aegir-published-'));
  for (const part of ['roles', 'operations', 'applications'])
    cpSync(join(installation, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
});

afterAll(async () => {
  await open?.close();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

test('the published catalogue is the one of the folders, and what has gone from these is gone from it', async () => {
  const published = createPublishedCatalogue(open.db);
  const publish = async () => {
    const catalogue = await readCatalogue(paths());
    await publishVersions(open.db, catalogue, catalogue.folders);
    return catalogue;
  };
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
  const first = await publish();
  const seen = await published();
  for (const part of ['taskTypes', 'operationTypes', 'applicationTypes'] as const) {
    expect(first[part].size).toBeGreaterThan(3);
    expect(Object.fromEntries(seen[part])).toEqual(plain(Object.fromEntries(first[part])));
  }
  rmSync(join(folder, 'operations', 'run_cron.yml'));
  await publish();
  const later = await published();
  expect([...later.operationTypes.keys()]).toEqual(expect.not.arrayContaining(['run_cron']) as string[]);
  expect(later.operationTypes.size).toBe(first.operationTypes.size - 1);
});
