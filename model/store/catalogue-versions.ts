// Versions of types by their hash: what a plan names is what a worker runs, wherever it is.

import { eq, inArray, sql } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { Database, Db } from './database.ts';
import { catalogueCurrent, catalogueVersions } from './schema/index.ts';

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

type Named = Pick<CatalogueVersion, 'kind' | 'name' | 'version'>;

/** From now on these are the catalogue, and what is not among them is no part of it. */
export async function setCurrent(db: Database, versions: Named[]): Promise<void> {
  await db.transaction(async tx => {
    // Two APIs that begin at once: the later one's is whole, too.
    await tx.execute(sql`lock table ${catalogueCurrent} in share row exclusive mode`);
    await tx.delete(catalogueCurrent);
    if (versions.length > 0)
      await tx.insert(catalogueCurrent).values(versions.map(({ kind, name, version }) => ({ kind, name, version })));
  });
}

export async function listCurrent(db: Db): Promise<Named[]> {
  const rows = await db.select().from(catalogueCurrent);
  return rows as Named[];
}

/** Without their content. */
export async function readSpecs(db: Db, versions: string[]): Promise<Pick<CatalogueVersion, 'version' | 'spec'>[]> {
  const { version, spec } = catalogueVersions;
  return db.select({ version, spec }).from(catalogueVersions).where(inArray(version, versions));
}
