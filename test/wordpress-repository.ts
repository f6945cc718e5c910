// WordPress as a project's git repository, made of Debian's package as it lies in the hosts' cache (test/hosts): nothing is
// downloaded here. Debian's own wp-config.php is part of it, as a repository may well bring one.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { commitFiles } from './git-server.ts';

const hosts = join(import.meta.dirname, 'hosts');
const packages = /^(wordpress|wordpress-theme-\w+|wordpress-l10n|php-getid3|libjs-cropper|libjs-underscore)_/;
/** One language beside English is enough. */
const unwanted = /\/languages\/(?!(admin-|continents-cities-)?de_DE\.mo$)[^/]+$/;

/** A repository in `folder` with WordPress in one commit on branch main. Returns the commit's hash. */
export async function makeWordPressRepository(folder: string): Promise<string> {
  await execa(join(hosts, 'base'));
  const { stdout: cache } = await execa('bash', ['-c', '. "$1"; echo "$cache"', 'bash', join(hosts, 'settings.sh')]);
  const made = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .digest('hex')
    .slice(0, 12);
  const kept = join(cache, `wordpress-${made}`);
  if (!existsSync(kept)) await keepRepository(join(cache, 'base/srv/debs'), kept);
  await mkdir(dirname(folder), { recursive: true });
  await execa('cp', ['--archive', kept, folder]);
  return (await execa('git', ['rev-parse', 'HEAD'], { cwd: folder })).stdout;
}

/** Once for all suites: unpacking and committing thousands of files takes many seconds. */
async function keepRepository(packages: string, kept: string): Promise<void> {
  const root = await mkdtemp(`${kept}-`);
  try {
    for (const archive of await findArchives(packages)) await execa('dpkg-deb', ['-x', archive, root]);
    const tree = join(root, 'usr/share/wordpress');
    await replaceLinks(root, tree);
    const repository = join(root, 'repository');
    await cp(tree, repository, { recursive: true, filter: path => !unwanted.test(path) });
    await commitFiles(repository, {});
    // Another suite may have been faster.
    await rename(repository, kept).catch(error => {
      if (!existsSync(kept)) throw error;
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function findArchives(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(name => packages.test(name));
  if (!names.some(name => name.startsWith('wordpress_'))) throw new Error(`There is no WordPress in ${folder}.`);
  return names.map(name => join(folder, name));
}

/** Puts what a link means in its place; absolute ones count from `root`. What leads out of the packages is left out. */
async function replaceLinks(root: string, tree: string): Promise<void> {
  for (const name of await readdir(tree, { recursive: true })) {
    const path = join(tree, name);
    if (!(await lstat(path)).isSymbolicLink()) continue;
    const target = await readlink(path);
    const meant = target.startsWith('/') ? join(root, target) : resolve(dirname(path), target);
    await rm(path);
    if (await stat(meant).catch(() => null)) await cp(meant, path, { recursive: true, dereference: true });
  }
}
