// Finds the folders and files of types, and a cheap signature of all of them.

import { createHash } from 'node:crypto';
import { type Dirent, statSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { isLeftOut, walkFolder } from './folder-files.ts';

/** Lists of folders that hold types, in the order of precedence. */
export interface CataloguePaths {
  roles: string[];
  operations: string[];
  applications: string[];
}

/** Single types: a role's folder, an operation's file, an application's folder. */
export interface FoundTypes {
  roles: string[];
  operations: string[];
  applications: string[];
  problems: CatalogueProblem[];
}

export async function findTypes(paths: CataloguePaths): Promise<FoundTypes> {
  const problems: CatalogueProblem[] = [];
  const list = async (folders: string[], accepts: (entry: Dirent) => boolean) => {
    const found: string[] = [];
    for (const folder of await distinct(folders)) found.push(...(await listEntries(folder, accepts, problems)));
    return found;
  };
  // A link to a type's folder is followed: people keep their roles in a repository of their own.
  const isFolder = (entry: Dirent) => entry.isDirectory() || entry.isSymbolicLink();
  return {
    roles: await list(paths.roles, isFolder),
    operations: await list(paths.operations, entry => /\.ya?ml$/.test(entry.name)),
    applications: await list(paths.applications, isFolder),
    problems,
  };
}

async function listEntries(
  folder: string,
  accepts: (entry: Dirent) => boolean,
  problems: CatalogueProblem[],
): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const shown = entries.filter(entry => !entry.name.startsWith('.') && !isLeftOut(entry.name) && accepts(entry));
    return shown.map(entry => join(folder, entry.name)).sort();
  } catch {
    problems.push({ file: folder, line: 1, message: 'This folder does not exist or cannot be read.' });
    return [];
  }
}

/** The same folder named twice is no duplicate. */
async function distinct(folders: string[]): Promise<string[]> {
  const seen = new Map<string, string>();
  for (const folder of folders) {
    const real = await realpath(folder).catch(() => folder);
    if (!seen.has(real)) seen.set(real, folder);
  }
  return [...seen.values()];
}

/** Changes when any file of the catalogue changes, appears or goes; reads no content. */
export async function catalogueSignature(paths: CataloguePaths): Promise<string> {
  const hash = createHash('sha256');
  const { roles, operations, applications, problems } = await findTypes(paths);
  hash.update(JSON.stringify(problems));
  for (const path of [...roles, ...operations, ...applications]) hash.update(stampOf(path));
  return hash.digest('hex');
}

function stampOf(path: string): string {
  const lines = [path];
  try {
    const stats = statSync(path);
    if (!stats.isDirectory()) return `${path} ${[stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ')}\n`;
    for (const file of walkFolder(path)) lines.push(`${file.path} ${file.stamp}`);
  } catch {
    // It went away meanwhile, or a link leads nowhere: the next signature differs.
    lines.push('gone');
  }
  return `${lines.join('\n')}\n`;
}

/** Name of a type: the name of its folder or file. */
export function typeName(path: string): string {
  return basename(path).replace(/\.ya?ml$/, '');
}
