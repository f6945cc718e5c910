// Host keys: read at the first contact, told apart by their fingerprints.

import { createHash } from 'node:crypto';
import { execa } from 'execa';
import type { ServerConnection } from './backend.ts';
import { ConnectionProblem, explainFailure } from './ssh-problems.ts';
import { renderKeyscanArgv } from './ssh-render.ts';

/** Best first, as OpenSSH itself prefers them. */
const preferred = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

/** As OpenSSH shows it. @param key `ssh-ed25519 AAAA…` */
export function fingerprintOf(key: string): string {
  const blob = Buffer.from(key.trim().split(/\s+/)[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The key part of a pinned key: without a comment, a host name before it or line breaks. null when it is not a key. */
export function parseHostKey(text: string): string | null {
  const found = /((?:ssh|ecdsa|sk)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]{20,}={0,2})(?:\s|$)/.exec(text);
  return found ? `${found[1]} ${found[2]}` : null;
}

export function parseKeyscan(output: string): string | null {
  const keys = output
    .split('\n')
    .filter(line => line && !line.startsWith('#'))
    .map(line => line.split(/\s+/).slice(1, 3));
  for (const type of preferred) {
    const found = keys.find(([name]) => name === type);
    if (found) return found.join(' ');
  }
  return null;
}

/** Asks the host for its key. Throws ConnectionProblem when it does not answer. */
export async function scanHostKey(server: ServerConnection): Promise<string> {
  const [file = '', ...rest] = renderKeyscanArgv(server);
  const result = await execa(file, rest, { reject: false });
  const key = parseKeyscan(result.stdout);
  if (key) return key;
  // ssh-keyscan is silent about a connection that is refused or times out.
  throw result.stderr.includes('getaddrinfo')
    ? explainFailure(`Could not resolve hostname: ${result.stderr}`, server)
    : new ConnectionProblem(
        'unreachable',
        `${server.name} (${server.address}, port ${server.port}) does not answer by SSH. Is the machine up, does sshd run, and does its firewall let this machine in?`,
      );
}
