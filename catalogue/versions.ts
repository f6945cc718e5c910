// Keeps every version of the catalogue's types in PostgreSQL, and unpacks Task types for a worker: a plan's version can be
// carried out long after the folder has changed, on any machine.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApplicationType } from '../model/application-type.ts';
import type { Catalogue } from '../model/catalogue.ts';
import { AppError } from '../model/errors.ts';
import type { OperationType } from '../model/operation-type.ts';
import {
  type CatalogueVersion,
  keepVersion,
  listCurrent,
  missingVersions,
  readSpecs,
  readVersion,
  setCurrent,
} from '../model/store/catalogue-versions.ts';
import type { Database, Db } from '../model/store/database.ts';
import type { TaskType } from '../model/task-type.ts';
import { packFolder, readPackedTexts, unpackFolder } from './pack.ts';

/** @param folders where the Task types of these versions lie. */
export async function publishVersions(
  db: Database,
  catalogue: Catalogue,
  folders: ReadonlyMap<string, string>,
): Promise<void> {
  const all: Omit<CatalogueVersion, 'content'>[] = [
    ...[...catalogue.taskTypes.values()].map(type => ({ kind: 'task' as const, spec: { ...type } })),
    ...[...catalogue.operationTypes.values()].map(type => ({ kind: 'operation' as const, spec: { ...type } })),
    ...[...catalogue.applicationTypes.values()].map(type => ({ kind: 'application' as const, spec: { ...type } })),
  ].map(entry => ({ ...entry, version: entry.spec.version, name: entry.spec.name }));
  const missing = new Set(
    await missingVersions(
      db,
      all.map(entry => entry.version),
    ),
  );
  for (const entry of all.filter(({ version }) => missing.has(version))) {
    const folder = folders.get(entry.version);
    const content = entry.kind === 'task' && folder ? await packFolder(folder, entry.version) : Buffer.alloc(0);
    await keepVersion(db, { ...entry, content });
  }
  await setCurrent(db, all);
}

/** Answers the catalogue that was published last, for who has not the folders. Mistakes of types are not part of it. */
export function createPublishedCatalogue(db: Db): () => Promise<Catalogue> {
  let known = new Map<string, Record<string, unknown>>();
  return async () => {
    const current = await listCurrent(db);
    const missing = current.map(({ version }) => version).filter(version => !known.has(version));
    const read = missing.length > 0 ? await readSpecs(db, missing) : [];
    const specs = new Map([...known, ...read.map(({ version, spec }) => [version, spec] as const)]);
    known = new Map(current.map(({ version }) => [version, specs.get(version) ?? {}]));
    // Written by publishVersions from checked types.
    const typesOf = <T>(kind: CatalogueVersion['kind']): Map<string, T> =>
      new Map(current.filter(one => one.kind === kind).map(one => [one.name, known.get(one.version) as T]));
    return {
      taskTypes: typesOf<TaskType>('task'),
      operationTypes: typesOf<OperationType>('operation'),
      applicationTypes: typesOf<ApplicationType>('application'),
      problems: [],
    };
  };
}

export async function readTaskTypeVersion(db: Db, version: string): Promise<TaskType> {
  const row = await readVersion(db, version);
  if (row.kind !== 'task') throw new AppError('invalid', `The version ${version} is not one of a Task type.`);
  // Written by publishVersions from a checked TaskType.
  return row.spec as unknown as TaskType;
}

/** The files of a Task type at a version, by path. */
export async function readTaskTypeFiles(db: Db, version: string): Promise<Record<string, string>> {
  return readPackedTexts((await readVersion(db, version)).content);
}

/** Unpacks a version into `cache`, checked and repaired once per process; several at once for the same version wait for one. */
export function createFolderStore(db: Db, cache: string): (version: string) => Promise<string> {
  const underway = new Map<string, Promise<string>>();
  const unpack = async (version: string) => {
    const folder = join(cache, version);
    await mkdir(cache, { recursive: true, mode: 0o700 });
    const { content } = await readVersion(db, version);
    await unpackFolder(content, folder, version);
    return folder;
  };
  return version => {
    const known = underway.get(version) ?? unpack(version);
    underway.set(version, known);
    known.catch(() => underway.delete(version));
    return known;
  };
}
