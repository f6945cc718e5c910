// A small process that outlives a killed supervisor just long enough to end what carries its mark. Linux only: elsewhere
// a process does not show its environment, and what is left is ended by the next start.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { signal } from './process-tree.ts';

// It reads until the supervisor is gone, gives the database (which the kernel has told already) the time of a fast
// shutdown, and ends the rest. grep reads environments of this user's processes only; the others it cannot see.
const script = `
read -r _
sleep 3
for file in $(grep -lzsx "$1" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -KILL "\${pid%/environ}" 2>/dev/null
done
`;

/** The returned function ends it. */
export function startGuard(mark: { name: string; value: string }): () => Promise<void> {
  if (!existsSync('/proc/self/environ')) return async () => undefined;
  const child = spawn('sh', ['-c', script, 'aegir-guard', `${mark.name}=${mark.value}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without it everything works but the clean-up after a SIGKILL.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  const gone = new Promise<void>(resolve => child.once('close', () => resolve()));
  child.unref();
  return async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    signal(child.pid, 'SIGKILL');
    await gone;
  };
}
