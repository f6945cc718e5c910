// Writes the private folder of a run.

import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../backend.ts';

export interface RunFiles {
  playbook: string;
  inventory: string;
  vars: string;
}

export async function writeRunFiles(folder: string, run: Run, files: RunFiles): Promise<void> {
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 });
  await Promise.all([
    write('playbook.yml', files.playbook),
    write('inventory.yml', files.inventory),
    write('vars.yml', files.vars),
    mkdir(join(folder, 'tmp'), { mode: 0o700 }),
    writeRole(folder, run),
  ]);
}

/** The role under its name. With overrides it is a copy, because theirs lie over the role's own templates. */
async function writeRole(folder: string, run: Run): Promise<void> {
  const role = join(folder, 'roles', run.taskType.name);
  await mkdir(join(folder, 'roles'), { mode: 0o700 });
  const overrides = Object.entries(run.templates);
  if (overrides.length === 0) {
    await symlink(run.folder, role);
    return;
  }
  await cp(run.folder, role, { recursive: true });
  await mkdir(join(role, 'templates'), { recursive: true });
  await Promise.all(overrides.map(([name, text]) => writeFile(join(role, 'templates', name), text)));
}
