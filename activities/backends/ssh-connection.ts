// One live ssh master: its process, its socket, and what can be done over it.

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { ServerConnection } from './backend.ts';
import { makeRunFolder } from './run-folder.ts';
import { fingerprintOf, scanHostKey } from './ssh-host-keys.ts';
import {
  ConnectionProblem,
  changedHostKey,
  explainFailure,
  explainKey,
  isHostKeyFailure,
  type KeyFacts,
  lastLine,
} from './ssh-problems.ts';
import {
  renderCommandArgv,
  renderForwardArgv,
  renderKnownHosts,
  renderMasterArgv,
  type SshFiles,
} from './ssh-render.ts';

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface SshConnection {
  socket: string;
  hostKey: string;
  /** Runs one command line by the login shell of the target. */
  run(command: string, options?: { input?: string; signal?: AbortSignal }): Promise<CommandResult>;
  /** A port of the target's loopback that leads to a port of this machine's loopback. */
  forward(port: number): Promise<number>;
  cancelForward(port: number): Promise<void>;
  isAlive(): boolean;
  close(): Promise<void>;
}

/** Longest path of a socket is 108 bytes on Linux and 104 on macOS, and ssh first binds one with 17 more characters. */
const longestSocketPath = 104 - 18;

/** The target answers such a request at once; a dead network is noticed by the master within 15 s. */
const requestMs = 10_000;

/** @param hostKey pinned. Throws ConnectionProblem. */
export async function openConnection(
  server: ServerConnection,
  hostKey: string,
  runFolder: string,
): Promise<SshConnection> {
  // Without a marker: the sweep removes it when the worker is dead, and the master has died with the worker.
  const folder = await makeRunFolder(runFolder, '');
  const socketFolder = await makeSocketFolder(folder);
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    await rm(socketFolder, { recursive: true, force: true });
  };
  try {
    const files = {
      socket: join(socketFolder, 's'),
      knownHosts: join(folder, 'known_hosts'),
      key: join(folder, 'key'),
    };
    await writeFile(files.knownHosts, renderKnownHosts(hostKey), { mode: 0o600 });
    const key = await writeKey(server, files.key);
    const master = await startMaster(server, hostKey, files, key);
    // The master has read it: from here on it exists in memory only.
    await rm(files.key);
    return connectionOver(master, files, server, hostKey, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function makeSocketFolder(folder: string): Promise<string> {
  if (Buffer.byteLength(join(folder, 's')) <= longestSocketPath) return folder;
  return mkdtemp(join(tmpdir(), 'aegir-ssh-'));
}

async function writeKey(server: ServerConnection, path: string): Promise<KeyFacts> {
  if (!server.sshKey.trim()) {
    throw new ConnectionProblem('failed', `${server.name} has no SSH private key. Give it one on its page.`);
  }
  // Forms send \r\n, and OpenSSH refuses a key without its last newline.
  await writeFile(path, `${server.sshKey.replaceAll('\r', '').trim()}\n`, { mode: 0o600 });
  const result = await execa('ssh-keygen', ['-y', '-P', '', '-f', path], { reject: false });
  if (result.exitCode !== 0) throw explainKey(result.stderr, server);
  const publicKey = result.stdout.trim();
  return { publicKey, fingerprint: fingerprintOf(publicKey) };
}

interface Master {
  isAlive(): boolean;
  stop(): Promise<void>;
}

async function startMaster(server: ServerConnection, hostKey: string, files: SshFiles, key: KeyFacts): Promise<Master> {
  const [file = '', ...rest] = await guarded(renderMasterArgv(server, files));
  const child = execa(file, rest, { reject: false, detached: true, stdin: 'ignore', stdout: 'ignore' });
  let alive = true;
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    // Enough for any failure; a master lives for hours.
    if (stderr.length < 64_000) stderr += data.toString();
  });
  const ended = child.then(() => {
    alive = false;
  });
  // ssh listens on its socket once the server has accepted the key.
  while (alive && !(await isListening(files.socket))) await Promise.race([ended, delay(10)]);
  if (!alive) throw await failure(stderr, server, hostKey, key);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { isAlive: () => alive, stop };
}

async function failure(stderr: string, server: ServerConnection, hostKey: string, key: KeyFacts): Promise<Error> {
  if (!isHostKeyFailure(stderr)) return explainFailure(stderr, server, key);
  const told = /SHA256:[A-Za-z0-9+/]+/.exec(stderr)?.[0];
  // ssh is silent about the key when it is of another kind than the pinned one.
  const found = told ?? (await scanHostKey(server).then(fingerprintOf, () => 'another one'));
  return changedHostKey(server, fingerprintOf(hostKey), found);
}

async function isListening(socket: string): Promise<boolean> {
  return stat(socket).then(
    found => found.isSocket(),
    () => false,
  );
}

/** The master dies with the worker: the kernel sees to it where there is setpriv. */
async function guarded(argv: string[]): Promise<string[]> {
  const guard = ['setpriv', '--pdeathsig', 'TERM'];
  const [file = '', ...rest] = [...guard, 'true'];
  const result = await execa(file, rest, { reject: false });
  return result.exitCode === 0 ? [...guard, ...argv] : argv;
}

function connectionOver(
  master: Master,
  files: SshFiles,
  server: ServerConnection,
  hostKey: string,
  remove: () => Promise<void>,
): SshConnection {
  const ssh = async (
    argv: string[],
    options: { input?: string; signal?: AbortSignal } = {},
  ): Promise<CommandResult> => {
    const [file = '', ...rest] = argv;
    const result = await execa(file, rest, {
      reject: false,
      input: options.input ?? '',
      ...(options.signal ? { cancelSignal: options.signal } : {}),
    });
    return { exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr };
  };
  return {
    socket: files.socket,
    hostKey,
    run: (command, options) => ssh(renderCommandArgv(files.socket, command), options),
    forward: async port => {
      const signal = AbortSignal.timeout(requestMs);
      const result = await ssh(renderForwardArgv(files.socket, 'forward', port), { signal });
      const allocated = Number(result.stdout.trim());
      if (result.exitCode === 0 && allocated > 0) return allocated;
      throw master.isAlive() && !signal.aborted
        ? refusedForward(server, result.stderr)
        : explainFailure('Connection timed out', server);
    },
    cancelForward: async port => {
      // Nothing to take back when the master is gone or its network is.
      await ssh(renderForwardArgv(files.socket, 'cancel', port), { signal: AbortSignal.timeout(requestMs) });
    },
    isAlive: master.isAlive,
    close: async () => {
      await master.stop();
      await remove();
    },
  };
}

function refusedForward(server: ServerConnection, stderr: string): ConnectionProblem {
  return new ConnectionProblem(
    'failed',
    `${server.name} refuses to forward a port through SSH, by which the lines of long commands reach the log (${lastLine(stderr)}). Set "AllowTcpForwarding yes" in its sshd_config.`,
  );
}
