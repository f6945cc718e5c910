// ansible.cfg, environment and command line of a run.

import { delimiter, dirname, join } from 'node:path';
import type { RunDependencies } from '../dependencies.ts';
import { quoteWord, renderClientOptions } from '../ssh-render.ts';

export interface ConfigValues {
  /** Folder of the run. */
  folder: string;
  /** Folder of this backend, with library/, module_utils/ and plugins/. */
  backend: string;
  /** Socket of the ssh master; null = local connection. */
  socket: string | null;
}

/** On this machine modules put their temporary files into the folder of the run, too: nothing stays in somebody's home. */
export function renderConfig({ folder, backend, socket }: ConfigValues): string {
  const ssh = socket === null ? '' : `ssh_args = ${renderClientOptions(socket).map(quoteWord).join(' ')}\n`;
  return `[defaults]
inventory = ${join(folder, 'inventory.yml')}
roles_path = ${join(folder, 'roles')}
library = ${join(backend, 'library')}
module_utils = ${join(backend, 'module_utils')}
callback_plugins = ${join(backend, 'plugins', 'callback')}
connection_plugins = ${join(backend, 'plugins', 'connection')}
stdout_callback = aegir
local_tmp = ${join(folder, 'tmp')}
${socket === null ? `remote_tmp = ${join(folder, 'tmp')}\n` : ''}force_color = True
nocows = True
retry_files_enabled = False
deprecation_warnings = False
check_mode_markers = True
timeout = 10

[ssh_connection]
pipelining = True
${ssh}`;
}

/** `guard` goes before every command of the run (`renderShellGuard`); `modules`: see modules.ts; '' = not shared. */
export function renderEnvironment(
  folder: string,
  dependencies: RunDependencies,
  { guard, modules }: { guard: string; modules: string },
): Record<string, string> {
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...others } =
    dependencies.environment ?? {};
  return {
    ...others,
    PATH: [dirname(dependencies.python), PATH].join(delimiter),
    // Nobody's ~/.ansible.cfg, ~/.ssh/config or ~/.gitconfig takes part.
    HOME: folder,
    // A module that is killed leaves its unpacked files in the folder that is removed with the run.
    TMPDIR: join(folder, 'tmp'),
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    ANSIBLE_CONFIG: join(folder, 'ansible.cfg'),
    AEGIR_EVENTS: '3',
    AEGIR_GUARD: guard,
    AEGIR_MODULES: modules,
    // The plugins lie in this installation, which a run must not write to.
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

export function renderCommand(folder: string, python: string, checkMode: boolean): string[] {
  const check = checkMode ? ['--check', '--diff'] : [];
  return [python, join(dirname(python), 'ansible-playbook'), ...check, join(folder, 'playbook.yml')];
}
