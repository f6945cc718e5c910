// WordPress as a project's git repository, made of Debian's package as it lies in the hosts' cache (test/hosts): nothing is
// downloaded here. Debian's own wp-config.php is part of it, as a repository may well bring one.

import { cp, lstat, mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { commitFiles } from './git-server.ts';

const hosts = join(import.meta.dirname, 'hosts');
const packages = /^(wordpress|wordpress-theme-\w+|wordpress-l10n|php-getid3|libjs-cropper|libjs-underscore)_/;
/** One language beside English is enough. */
const unwanted = /\/languages\/(?!(admin-|continents-cities-)?de_DE\.mo$)[^/]+$/;

/** A repository in `folder` with WordPress in one commit on branch main. Returns the commit's hash. */
export async function makeWordPressRepository(folder: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'aegir-wordpress-'));
  try {
    const archives = await findArchives();
    for (const archive of archives) await execa('dpkg-deb', ['-x', archive, root]);
    const tree = join(root, 'usr/share/wordpress');
    await replaceLinks(root, tree);
    await cp(tree, folder, { recursive: true, filter: path => !unwanted.test(path) });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return commitFiles(folder, {});
}

async function findArchives(): Promise<string[]> {
  await execa(join(hosts, 'base'));
  const { stdout: cache } = await execa('bash', ['-c', '. "$1"; echo "$cache"', 'bash', join(hosts, 'settings.sh')]);
  const folder = join(cache, 'base/srv/debs');
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
