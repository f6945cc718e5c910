// What real hosts and clusters of tests need of this machine's Debian.

import { spawnSync } from 'node:child_process';

/** Names of the packages that are missing, once each, by the commands they bring. */
export function missingPackages(needed: Record<string, string>): string[] {
  const missing = Object.entries(needed).filter(([command]) => !commandExists(command));
  return [...new Set(missing.map(([, name]) => name))];
}

function commandExists(command: string): boolean {
  // Some of root's commands lie where not every PATH leads.
  const script = 'PATH=$PATH:/usr/sbin:/sbin; command -v "$1"';
  return spawnSync('sh', ['-c', script, 'sh', command]).status === 0;
}
