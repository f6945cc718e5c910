// Versions of types by their hash: what a plan names is what a worker runs, wherever it is.

import { eq, inArray } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { Db } from './database.ts';
import { catalogueVersions } from './schema/index.ts';

export interface CatalogueVersion {
  version: string;
  kind: 'task' | 'operation' | 'application';
  name: string;
  spec: Record<string, unknown>;
  content: Buffer;
}

export async function missingVersions(db: Db, versions: string[]): Promise<string[]> {
  if (versions.length === 0) return [];
  const rows = await db
    .select({ version: catalogueVersions.version })
    .from(catalogueVersions)
    .where(inArray(catalogueVersions.version, versions));
  const there = new Set(rows.map(row => row.version));
  return versions.filter(version => !there.has(version));
}

export async function keepVersion(db: Db, version: CatalogueVersion): Promise<void> {
  await db.insert(catalogueVersions).values(version).onConflictDoNothing();
}

export async function readVersion(db: Db, version: string): Promise<CatalogueVersion> {
  const [row] = await db.select().from(catalogueVersions).where(eq(catalogueVersions.version, version));
  if (!row) throw new AppError('not_found', `The catalogue has no version ${version}.`);
  return row as CatalogueVersion;
}
