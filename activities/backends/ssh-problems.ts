// What ssh says when it fails, in words that say what to do. Only trouble of the transport may be tried again.

import type { ServerConnection } from './backend.ts';

export class ConnectionProblem extends Error {
  readonly status: 'unreachable' | 'failed';

  constructor(status: 'unreachable' | 'failed', message: string) {
    super(message);
    this.name = 'ConnectionProblem';
    this.status = status;
  }
}

export interface KeyFacts {
  publicKey: string;
  fingerprint: string;
}

export function explainFailure(stderr: string, server: ServerConnection, key?: KeyFacts): ConnectionProblem {
  const where = `${server.name} (${server.address}, port ${server.port})`;
  const unreachable = (text: string) => new ConnectionProblem('unreachable', text);
  if (/Permission denied|Too many authentication failures/.test(stderr)) return refusedKey(server, where, key);
  if (/Could not resolve hostname/.test(stderr)) {
    return unreachable(
      `The address "${server.address}" of ${server.name} cannot be resolved. Check it and the worker's DNS.`,
    );
  }
  if (/Connection refused/.test(stderr)) {
    return unreachable(`${where} refuses the connection. Does sshd run there, on this port?`);
  }
  if (/timed out|No route to host|Network is unreachable|Host is down/i.test(stderr)) {
    return unreachable(`${where} does not answer. Is the machine up, and does its firewall let this machine in?`);
  }
  const said = lastLine(stderr);
  return unreachable(`The SSH connection to ${where} failed${said ? `: ${said}` : '.'}`);
}

function refusedKey(server: ServerConnection, where: string, key: KeyFacts | undefined): ConnectionProblem {
  const which = key ? ` ${key.fingerprint}` : '';
  const line = key ? `: ${key.publicKey}` : '.';
  return new ConnectionProblem(
    'failed',
    `The server ${where} refused the SSH key${which} for the user ${server.user}. Put this public key into ~${server.user}/.ssh/authorized_keys there, or give the Server another key or user${line}`,
  );
}

export function isHostKeyFailure(stderr: string): boolean {
  return /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr);
}

export function changedHostKey(server: ServerConnection, pinned: string, found: string): ConnectionProblem {
  return new ConnectionProblem(
    'failed',
    `The host key of ${server.name} (${server.address}) has changed: pinned is ${pinned}, found was ${found}. If the machine was reinstalled, compare with "ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub" there and empty the field "Pinned host key" of the Server; otherwise somebody may be between it and Aegir.`,
  );
}

/** @param stderr of ssh-keygen -y */
export function explainKey(stderr: string, server: ServerConnection): ConnectionProblem {
  const what = /passphrase/.test(stderr)
    ? 'has a passphrase; Aegir needs one without'
    : 'cannot be read: it must be a private key in OpenSSH or PEM format, from its first to its last line';
  return new ConnectionProblem('failed', `The SSH private key of ${server.name} ${what}.`);
}

export function lastLine(text: string): string {
  const lines = text.split('\n').map(line => line.trim());
  return lines.findLast(line => line !== '') ?? '';
}
