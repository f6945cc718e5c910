// The private folder of one run: on a memory file system, for this user only, gone when the run is over. What a killed
// worker left behind is removed at the next start.

import { constants } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { canAccess } from './can-access.ts';
import { endMarked } from './process-tree.ts';

const prefix = 'aegir-run-';
const markerFile = 'attempt';

export async function baseFolder(configured: string): Promise<string> {
  if (configured) return configured;
  return (await canAccess('/dev/shm', constants.W_OK)) ? '/dev/shm' : tmpdir();
}

/** @param marker of the run (see `runMarker`), by which the sweep finds processes that outlived their worker. */
export async function makeRunFolder(configured: string, marker: string): Promise<string> {
  const owner = `${process.pid}.${await startOf(process.pid)}`;
  const folder = await mkdtemp(join(await baseFolder(configured), `${prefix}${owner}-`));
  await writeFile(join(folder, markerFile), marker, { mode: 0o600 });
  return folder;
}

export async function removeRunFolder(folder: string): Promise<void> {
  // A process that is just dying may still create a file: rm then finds a folder that is not empty, and tries again.
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Removes the folders of workers that are dead, and ends what their runs left. Returns how many there were. */
export async function sweepRunFolders(dependencies: { runFolder: string }): Promise<number> {
  const base = await baseFolder(dependencies.runFolder);
  const names = await readdir(base).catch(() => [] as string[]);
  const dead = [];
  for (const name of names.filter(entry => entry.startsWith(prefix))) {
    if (!(await ownerLives(name))) dead.push(join(base, name));
  }
  for (const folder of dead) {
    const marker = await readFile(join(folder, markerFile), 'utf8').catch(() => '');
    if (marker) await endMarked(marker);
    // Another user's folder cannot be removed, and is not ours to remove.
    await removeRunFolder(folder).catch(() => undefined);
  }
  return dead.length;
}

async function ownerLives(folder: string): Promise<boolean> {
  const [pid, started] = basename(folder).slice(prefix.length).split('-')[0]?.split('.') ?? [];
  return started === (await startOf(Number(pid)));
}

/** Start time of a process in clock ticks, which tells it from a later one with the same number; '' when there is none. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The second field is the command in brackets and may hold spaces; the start time is the 22nd.
  if (stat !== null) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  try {
    process.kill(pid, 0);
    return process.platform === 'linux' ? '' : 'alive';
  } catch {
    return '';
  }
}
