// Where runs share what Ansible makes of modules (plugins/callback/aegir_modules.py). A role with modules or helpers of its own
// may mean something else by a name, so it shares with runs of the same version only.

import { join } from 'node:path';
import { canAccess } from '../can-access.ts';

const ownParts = ['library', 'module_utils'];

/** @param modules the folder for all roles. */
export async function modulesOf(modules: string, role: { folder: string; version: string }): Promise<string> {
  const found = await Promise.all(ownParts.map(part => canAccess(join(role.folder, part))));
  return join(modules, found.some(Boolean) ? role.version : 'common');
}
