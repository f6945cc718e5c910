// The program of a Task type: shell/run, and what lies beside it.

import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Run } from '../backend.ts';

const folderOf = (run: Run) => join(run.folder, 'shell');

export const programOf = (run: Run) => join(folderOf(run), 'run');

/** Mistakes in words; empty = it can be run. */
export async function checkProgram(run: Run): Promise<string[]> {
  const program = programOf(run);
  const found = await stat(program).catch(() => null);
  if (!found?.isFile()) return [`The Task type ${run.taskType.name} has no shell/run.`];
  return access(program, constants.X_OK).then(
    () => [],
    () => [`shell/run of the Task type ${run.taskType.name} is not executable: chmod +x it.`],
  );
}

/** Every file of the folder shell/ by its name there: a program may use what lies beside it. */
export async function readProgram(run: Run): Promise<Map<string, Buffer>> {
  const folder = folderOf(run);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(paths.map(async path => [relative(folder, path), await readFile(path)] as [string, Buffer])),
  );
}
