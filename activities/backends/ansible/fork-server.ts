// Keeps the process that starts Ansible for runs (fork_server.py). Nothing depends on it: a run that does not find it starts
// Ansible by itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDependencies } from '../dependencies.ts';
import { renderCommonEnvironment } from './render-command.ts';

export interface ForkServer {
  /** Path of its socket. Starts it when it does not run; it answers half a second later. */
  socket(): string;
  close(): Promise<void>;
}

/** @param folder private to this process: for the socket, and what Ansible may leave there. */
export function createForkServer(dependencies: RunDependencies, folder: string): ForkServer {
  const socket = join(folder, 'ansible.sock');
  let running: ChildProcess | null = null;
  const start = () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Of one that was killed.
    rmSync(socket, { force: true });
    const server = spawn(dependencies.python, [join(import.meta.dirname, 'fork_server.py'), socket], {
      cwd: folder,
      env: { ...renderCommonEnvironment(dependencies), HOME: folder, TMPDIR: folder },
      // It ends when its standard input does, so also when this process is killed.
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    });
    const forget = () => {
      if (running === server) running = null;
    };
    server.once('exit', forget);
    server.once('error', forget);
    server.unref();
    return server;
  };
  return {
    socket: () => {
      running ??= start();
      return socket;
    },
    close: async () => {
      const server = running;
      if (!server) return;
      const ended = new Promise(resolve => server.once('exit', resolve));
      server.ref();
      server.stdin?.end();
      await ended;
    },
  };
}
