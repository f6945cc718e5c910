// Ends what an attempt left, here and on its target. The death of ssh on our side does not end what it started there.

import { readFile } from 'node:fs/promises';
import { AppError } from '../../model/errors.ts';
import type { Run, ServerConnection } from './backend.ts';
import { serverOf } from './on-server.ts';
import { endMarked, runMarker } from './process-tree.ts';
import type { SshLease, SshMasters } from './ssh-masters.ts';
import { quoteWord } from './ssh-render.ts';

/** The command that runs end_run.py from its standard input. */
export function renderEndCommand(server: ServerConnection, marker: string): string {
  const python = `${quoteWord(server.python)} - ${quoteWord(marker)}`;
  // -n: never asks for a password.
  return server.become ? `sudo -n ${python}` : python;
}

/** Returns what is left, in words; '' = nothing. */
export async function endOnTarget(lease: SshLease, server: ServerConnection, marker: string): Promise<string> {
  const script = await readFile(new URL('./end_run.py', import.meta.url), 'utf8');
  // The script itself takes at most 4 s; a target that does not answer must not hold up a cancelled run.
  const signal = AbortSignal.timeout(15_000);
  const result = await lease.run(renderEndCommand(server, marker), { input: script, signal }).catch(() => null);
  if (result?.exitCode !== 0) {
    return `Whether processes of it are left on ${server.name} is not known: it does not answer.`;
  }
  const left = result.stdout.trim();
  return left ? `On ${server.name} these processes could not be ended: ${left.replaceAll('\n', '; ')}.` : '';
}

/** @throws AppError unavailable when something of it is left. */
export async function endAttempt(run: Run, previousAttempt: number, masters: SshMasters): Promise<void> {
  const marker = runMarker(run.taskId, previousAttempt);
  await endMarked(marker);
  const server = serverOf(run);
  if (server?.connection !== 'ssh') return;
  const silent = { line: () => undefined, hostKey: async () => undefined };
  const lease = await masters.acquire(server, silent);
  try {
    const left = await endOnTarget(lease, server, marker);
    if (left) throw new AppError('unavailable', `Attempt ${previousAttempt} is not over. ${left}`);
  } finally {
    lease.release();
  }
}
