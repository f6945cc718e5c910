// Layers of overrides, against a real PostgreSQL.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../../test/harness.ts';
import type { OverridingKind } from '../overrides.ts';
import { migrateDatabase, type OpenDatabase, openDatabase } from './database.ts';
import { listLayers, setOverride } from './overrides.ts';

let database: { url: string; drop(): Promise<void> };
let open: OpenDatabase;

beforeAll(async () => {
  database = await createDatabase();
  open = openDatabase(database.url);
  await migrateDatabase(open);
});
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

const set = (kind: OverridingKind, template: string, text: string | null, taskType = 'make_page') =>
  setOverride(
    open.db,
    { name: 'anna', organisation: 'o1' },
    { entity: { kind, id: `${kind}-1`, name: kind }, taskType, template, text },
  );

test('the newest text of each place, the widest first; what was removed, and what is elsewhere, is none', async () => {
  const page = 'kubernetes/page.yml';
  for (const kind of ['environment', 'organisation', 'project', 'cluster'] as const)
    await set(kind, page, `of ${kind}`);
  await set('project', page, 'again');
  await set('cluster', page, null);
  await set('project', 'page.j2', 'other');
  await set('environment', page, 'of another', 'write_page');
  const roots = { organisation: 'organisation-1', cluster: 'cluster-1', project: 'project-1', server: 'server-1' };
  const layers = await listLayers(open.db, 'make_page', { ...roots, environment: 'environment-1' });
  expect(Object.fromEntries(layers)).toEqual({
    [page]: [
      { kind: 'organisation', text: 'of organisation', version: 1 },
      { kind: 'project', text: 'again', version: 2 },
      { kind: 'environment', text: 'of environment', version: 1 },
    ],
    'page.j2': [{ kind: 'project', text: 'other', version: 1 }],
  });
  const other = await listLayers(open.db, 'make_page', { ...roots, environment: 'environment-2' });
  expect(other.get(page)?.map(({ kind }) => kind)).toEqual(['organisation', 'project']);
});
