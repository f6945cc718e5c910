// The ssh command lines, as pure functions. Nobody's configuration is read, nothing is asked, the host key is pinned.

import type { ServerConnection } from './backend.ts';

/** Under this name the pinned key stands in our known_hosts, whatever the address and the port are. */
const alias = 'aegir-server';

export interface SshFiles {
  socket: string;
  knownHosts: string;
  key: string;
}

/** A path inside an ssh option: quoted, because of spaces, and with its % doubled. */
function option(name: string, path: string): string[] {
  return ['-o', `${name}="${path.replaceAll('%', '%%')}"`];
}

export function renderKnownHosts(hostKey: string): string {
  return `${alias} ${hostKey}\n`;
}

export function renderMasterArgv(server: ServerConnection, files: SshFiles): string[] {
  return [
    'ssh',
    ...['-F', '/dev/null', '-M', '-N', '-T'],
    ...option('ControlPath', files.socket),
    ...option('IdentityFile', files.key),
    ...option('UserKnownHostsFile', files.knownHosts),
    ...['-o', 'GlobalKnownHostsFile=/dev/null'],
    ...['-o', `HostKeyAlias=${alias}`],
    ...['-o', 'StrictHostKeyChecking=yes'],
    ...['-o', 'UpdateHostKeys=no'],
    ...['-o', 'BatchMode=yes'],
    ...['-o', 'IdentitiesOnly=yes'],
    ...['-o', 'IdentityAgent=none'],
    ...['-o', 'PreferredAuthentications=publickey'],
    // A host that does not answer a connection within 10 s is down for a person, too.
    ...['-o', 'ConnectTimeout=10'],
    // A dead network is noticed within 15 s, like a dead worker: ssh gives up at the third silence in a row, after 12 s.
    ...['-o', 'ServerAliveInterval=4'],
    ...['-o', 'ServerAliveCountMax=2'],
    ...['-p', String(server.port)],
    ...['-l', server.user],
    '--',
    server.address,
  ];
}

/** Options of every use of a live master. It has no key: when the master is gone it must fail, not connect by itself. */
export function renderClientOptions(socket: string): string[] {
  return [
    ...['-F', '/dev/null'],
    ...['-o', 'ControlMaster=no'],
    ...option('ControlPath', socket),
    ...['-o', 'ProxyCommand=false'],
    ...['-o', 'BatchMode=yes'],
  ];
}

/** @param command one string, because ssh hands it to the login shell of the target. */
export function renderCommandArgv(socket: string, command: string): string[] {
  return ['ssh', ...renderClientOptions(socket), '-T', '--', alias, command];
}

/** Asks the master for a way from a free port of the target's loopback to a port of ours; it prints the port. */
export function renderForwardArgv(socket: string, verb: 'forward' | 'cancel', port: number): string[] {
  return ['ssh', ...renderClientOptions(socket), '-O', verb, '-R', `127.0.0.1:0:127.0.0.1:${port}`, '--', alias];
}

export function renderKeyscanArgv(server: ServerConnection): string[] {
  return ['ssh-keyscan', '-T', '10', '-p', String(server.port), '-t', 'ed25519,ecdsa,rsa', '--', server.address];
}

/** One word for a POSIX shell, quoted where it has to be. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_\-+=/.,:@%]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
