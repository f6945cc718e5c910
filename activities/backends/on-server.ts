// What every backend asks about the Server of a run.

import type { Run, ServerConnection } from './backend.ts';

/** The Server on which it runs; undefined = on the worker. */
export function serverOf(run: Run): ServerConnection | undefined {
  return run.target === 'server' ? run.server : undefined;
}

/** Mistakes in words; empty = it can be tried. */
export function checkServer(run: Run): string[] {
  const server = serverOf(run);
  if (!server) return run.target === 'server' ? ['There is no Server to run it on.'] : [];
  if (server.connection !== 'ssh') return [];
  return [
    ...(server.address ? [] : [`The Server ${server.name} has no address.`]),
    ...(server.sshKey ? [] : [`The Server ${server.name} has no SSH private key.`]),
  ];
}
