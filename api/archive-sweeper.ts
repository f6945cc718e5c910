// Deletes archives whose time is over, with their files, and what killed processes have left in their folder.

import { AppError } from '../model/errors.ts';
import { deleteArchive, listKeptArchives } from '../model/store/archives.ts';
import { removeArchiveFile, removeStrays } from './archive-files.ts';
import type { ApiDependencies } from './dependencies.ts';

/** They are kept by days. */
const intervalMs = 600_000;

export function startArchiveSweeper(deps: ApiDependencies): () => void {
  const sweep = () =>
    sweepArchives(deps, new Date()).catch(error => deps.log('Archives whose time is over could not be deleted', error));
  const timer = setInterval(sweep, intervalMs);
  // What became too old while Aegir was off goes at once.
  void sweep();
  return () => clearInterval(timer);
}

export async function sweepArchives(
  { db, archives, log }: Pick<ApiDependencies, 'db' | 'archives' | 'log'>,
  now: Date,
): Promise<void> {
  const kept = await listKeptArchives(db);
  for (const { id, organisation } of kept.filter(({ goesAt }) => goesAt < now.toISOString())) {
    try {
      await deleteArchive(db, { name: 'Aegir', organisation }, id);
      await removeArchiveFile(archives, id);
    } catch (error) {
      // An Operation uses it: it goes the next time.
      if (!(error instanceof AppError && error.code === 'conflict'))
        log(`The Archive ${id} could not be deleted`, error);
    }
  }
  const known = new Set(kept.map(({ id }) => id));
  await removeStrays(archives, known, now.getTime());
}
