// What a Task type has for Servers, an Ansible role or a program, as one file that Python runs in a pod: with the playbook, Aegir's
// modules and what carries them out (run_role.py). Variables are not in it: they may be secret.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '../../../catalogue/folder-files.ts';
import { renderPlaybook } from '../ansible/render-playbook.ts';
import type { Run } from '../backend.ts';
import { runMarker } from '../process-tree.ts';
import { renderZip, type ZipEntry } from './zip.ts';

const ansible = join(import.meta.dirname, '..', 'ansible');

/** The connection is Ansible's own, so the plugins of runs on Servers are not needed. */
const folders = ['library', 'module_utils'];
const files = ['ansible.cfg', 'plugins/callback/aegir.py'];

/** For pods with a container of the site beside the role. */
const ofSites = ['site/run.py', 'site/serve.php'];

/** Of what a ConfigMap takes with everything, 1 MiB; the rest is for its names. */
export const largestProgramBytes = 1000 * 1024;

type OfRole = Pick<Run, 'taskType' | 'taskId' | 'attempt' | 'folder' | 'cluster'>;

export async function renderRoleProgram(run: OfRole): Promise<Buffer> {
  const texts: Record<string, string> = {
    'playbook.yml': renderPlaybook(run, runMarker(run.taskId, run.attempt)),
    'inventory.yml': renderInventory(run),
  };
  const own = Object.entries(texts).map(([path, text]) => ({ path, content: Buffer.from(text) }));
  return renderZip([
    { path: '__main__.py', content: await readFile(join(import.meta.dirname, 'run_role.py')) },
    ...own,
    ...(await readAll(files)),
    ...(await Promise.all(
      ofSites.map(async path => ({ path, content: await readFile(join(import.meta.dirname, path)) })),
    )),
    ...(await readAll((await Promise.all(folders.map(namesIn))).flat())),
    ...(await readRole(run)),
  ]);
}

/** Called like the Environment: failures and lines of the log name the host. */
function renderInventory({ cluster }: OfRole): string {
  const host = cluster?.environment?.name ?? 'pod';
  return JSON.stringify({ all: { hosts: { [host]: { ansible_connection: 'local' } } } });
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(join(ansible, folder));
  return names
    .filter(name => name.endsWith('.py'))
    .sort()
    .map(name => `${folder}/${name}`);
}

const readAll = (paths: string[]): Promise<ZipEntry[]> =>
  Promise.all(paths.map(async path => ({ path, content: await readFile(join(ansible, path)) })));

async function readRole({ folder, taskType }: OfRole): Promise<ZipEntry[]> {
  const found = await readFolder(folder);
  return found.files
    .filter(({ path }) => !path.startsWith('kubernetes/'))
    .map(({ path, content }) => ({ path: `roles/${taskType.name}/${path}`, content }));
}
