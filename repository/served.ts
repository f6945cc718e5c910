// Which repository of backups a Task may reach: a folder within that of a Backup store, named by the arguments of the Task.

import { isAbsolute, join } from 'node:path';
import { isDict } from '../model/coerce.ts';
import { AppError } from '../model/errors.ts';
import type { TaskType } from '../model/task-type.ts';
import type { Repository } from './answer.ts';

export interface ServedRepository extends Repository {
  /** Of the Backup store; in it the repository is made where there is none. */
  store: string;
}

/**
 * null: this store is no folder. The repository's name is the id of an Environment: nothing else in the folder can be meant.
 * @throws AppError invalid
 */
export function servedRepository(
  serves: NonNullable<TaskType['serves']>,
  values: Record<string, unknown>,
): ServedRepository | null {
  const store = folderOf(values[serves.folder]);
  const name = String(values[serves.name] ?? '');
  if (!store) return null;
  if (!isAbsolute(store) || !/^[0-9A-Z]{26}$/.test(name))
    throw new AppError(
      'invalid',
      'The folder of the Backup store is no absolute path, or the repository has no valid name.',
    );
  return { store, folder: join(store, name), access: serves.access ?? 'add' };
}

/** Of a Backup store: only one of the type directory is a folder here. */
function folderOf(value: unknown): string {
  if (!isDict(value)) return String(value ?? '');
  return value.type === 'directory' ? String(value.folder ?? '') : '';
}
