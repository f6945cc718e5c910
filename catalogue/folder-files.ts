// The files of a Task type's folder, and their hash: the version of the Task type.

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FolderFile {
  /** Relative, with `/`. */
  path: string;
  executable: boolean;
  content: Buffer;
}

/**
 * A role is text: tens of KiB. Every version is kept in PostgreSQL and unpacked by every worker, so an archive or a binary
 * does not belong into it.
 */
export const largestFolderBytes = 5 * 1024 * 1024;
const mostFiles = 2000;

/** What tools leave behind: Python's cache, backups and swap files of editors, version control. */
export function isLeftOut(name: string): boolean {
  return /^(__pycache__|\.git|\.DS_Store|#.*#|\.#.*|\..*\.sw[a-z])$|(\.py[co]|~|\.bak|\.orig)$/.test(name);
}

/** Sorted by path. Mistakes (links, devices, size) are sentences with the path in front. */
export async function readFolder(
  folder: string,
): Promise<{ files: FolderFile[]; mistakes: { path: string; message: string }[] }> {
  const files: FolderFile[] = [];
  const mistakes: { path: string; message: string }[] = [];
  let bytes = 0;
  for (const { path, kind, size, mode } of walkFolder(folder)) {
    if (kind === 'other') {
      const message =
        'is a special file, or a link that leads out of the folder of Task types: its content must lie here.';
      mistakes.push({ path, message });
      continue;
    }
    bytes += size;
    if (bytes > largestFolderBytes || files.length >= mostFiles) {
      mistakes.push({
        path: '',
        message: 'The folder holds more than 5 MiB or 2000 files: fetch large files in a task.',
      });
      break;
    }
    files.push({ path, executable: (mode & 0o100) !== 0, content: await readFile(join(folder, path)) });
  }
  return { files: sortFiles(files), mistakes };
}

interface FoundFile {
  path: string;
  kind: 'file' | 'other';
  size: number;
  mode: number;
  /** Whatever changes when the content, the mode or the identity changes. */
  stamp: string;
}

/**
 * Every file below a folder, without what is left out, in a stable order. A link to a file of a Task type beside this one
 * counts as that file: so do several share one. Not by promises: with their threads a look at all types takes six times the
 * processor, and its part in this one alone is longer.
 */
export function* walkFolder(folder: string, below = ''): Generator<FoundFile> {
  for (const name of readdirSync(join(folder, below)).sort()) {
    if (isLeftOut(name)) continue;
    const path = below === '' ? name : `${below}/${name}`;
    const own = lstatSync(join(folder, path));
    if (own.isDirectory()) yield* walkFolder(folder, path);
    else {
      const shared = own.isSymbolicLink() ? sharedFile(folder, path) : null;
      const stats = shared ?? own;
      const stamp = [stats.ino, stats.size, stats.mode, stats.mtimeMs, stats.ctimeMs].join(' ');
      yield { path, kind: stats.isFile() ? 'file' : 'other', size: stats.size, mode: stats.mode, stamp };
    }
  }
}

/** Null: it leads elsewhere, or to nothing. */
function sharedFile(folder: string, path: string): Stats | null {
  const types = dirname(realpathSync(folder));
  let target: string;
  try {
    target = realpathSync(join(folder, path));
  } catch {
    return null;
  }
  return target.startsWith(`${types}/`) ? statSync(target) : null;
}

/** sha256 over each file's path, executable bit, length and bytes, in the order of the paths. */
export function hashFiles(files: FolderFile[]): string {
  const hash = createHash('sha256');
  for (const { path, executable, content } of sortFiles(files)) {
    hash.update(`${path}\0${executable ? 'x' : '-'}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** By code units: the same everywhere, whatever the locale. */
function sortFiles(files: FolderFile[]): FolderFile[] {
  return [...files].sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
}
