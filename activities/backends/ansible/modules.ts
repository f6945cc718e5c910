// Where runs share what Ansible makes of modules (plugins/callback/aegir_modules.py). A role with modules or helpers of its own
// may mean something else by a name, so it shares with runs of the same version only.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';

const ownParts = ['library', 'module_utils'];

/** '' = they are not shared. */
export async function modulesOf(run: Run, { modules }: RunDependencies): Promise<string> {
  if (!modules) return '';
  const found = await Promise.all(ownParts.map(part => isThere(join(run.folder, part))));
  return join(modules, found.some(Boolean) ? run.taskType.version : 'common');
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
