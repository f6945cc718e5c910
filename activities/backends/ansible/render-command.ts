// Command line and environment of a run.

import { delimiter, dirname, join } from 'node:path';
import type { RunDependencies } from '../dependencies.ts';

const config = join(import.meta.dirname, 'ansible.cfg');

/** What every process of Ansible has in its environment, also the fork server. */
export function renderCommonEnvironment(dependencies: RunDependencies): Record<string, string> {
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...others } =
    dependencies.environment ?? {};
  return {
    ...others,
    PATH: [dirname(dependencies.python), PATH].join(delimiter),
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    ANSIBLE_CONFIG: config,
    // The plugins lie in this installation, which a run must not write to.
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

/** `guard` goes before every command of the run (`renderShellGuard`); `modules`: see modules.ts; '' = not shared. */
export function renderEnvironment(
  folder: string,
  dependencies: RunDependencies,
  { guard, modules }: { guard: string; modules: string },
): Record<string, string> {
  return {
    ...renderCommonEnvironment(dependencies),
    // Nobody's ~/.ansible.cfg, ~/.ssh/config or ~/.gitconfig takes part.
    HOME: folder,
    // A module that is killed leaves its unpacked files in the folder that is removed with the run.
    TMPDIR: join(folder, 'tmp'),
    ANSIBLE_LOCAL_TEMP: join(folder, 'tmp'),
    AEGIR_EVENTS: '3',
    AEGIR_GUARD: guard,
    AEGIR_MODULES: modules,
  };
}

/** @param forkServer socket of the server that is to start it (fork_server.py); null = it starts by itself. */
export function renderCommand(
  folder: string,
  python: string,
  { checkMode, forkServer }: { checkMode: boolean; forkServer: string | null },
): string[] {
  const check = checkMode ? ['--check', '--diff'] : [];
  const playbook = ['-i', join(folder, 'inventory.yml'), ...check, join(folder, 'playbook.yml')];
  return [...renderProgram(python, forkServer), ...playbook];
}

export function renderProgram(python: string, forkServer: string | null): string[] {
  const program = join(dirname(python), 'ansible-playbook');
  if (forkServer === null) return [python, program];
  // -I and -S: nothing of the user's own Python settings, and a faster start.
  return [python, '-I', '-S', join(import.meta.dirname, 'fork_client.py'), forkServer, program];
}
