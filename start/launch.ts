// Starts one long-lived process: output into its log file, death with its parent, and an end that leaves nothing behind.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../model/errors.ts';
import { killAll, listTree, type ProcessEntry, signal } from './process-tree.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Running {
  pid: number;
  exited: Promise<Exit>;
  hasExited(): boolean;
  /** What it has printed since its start, the last 64 KiB at most. */
  output(): string;
  /** Ends it and everything below it: politely first, after the grace time by SIGKILL. */
  stop(hurry?: boolean): Promise<void>;
}

export interface Launch {
  command: string;
  args: string[];
  logFile: string;
  environment?: NodeJS.ProcessEnv;
  folder?: string;
  /** Put before the command, such as `unshare` with its options. */
  wrapper?: string[];
  stopSignal?: NodeJS.Signals;
  /** What the kernel sends when the parent dies without a word. */
  deathSignal?: 'KILL' | 'INT';
  graceMs?: number;
}

// Large enough for a day of trouble, small enough to open in an editor.
const logLimitBytes = 5 * 1024 * 1024;
const outputLimitBytes = 64 * 1024;

export async function launch(options: Launch): Promise<Running> {
  const log = openLog(options.logFile);
  const start = statSync(options.logFile).size;
  const argv = [...(options.wrapper ?? []), ...deathWrapper(options.deathSignal ?? 'KILL'), options.command];
  const child = spawn(argv[0] ?? options.command, [...argv.slice(1), ...options.args], {
    cwd: options.folder,
    env: options.environment ?? process.env,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  let over = false;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => {
      over = true;
      resolve({ code, signal: name });
    });
  });
  const { pid } = child;
  if (pid === undefined) {
    const cause = await exited.catch((error: unknown) => error);
    throw new AppError('unavailable', `${argv[0]} cannot be started: is it installed?`, { cause });
  }
  const running = {
    pid,
    exited,
    hasExited: () => over,
    output: () => readFrom(options.logFile, start),
  };
  return { ...running, stop: hurry => stop(running, options, hurry === true) };
}

async function stop(running: Omit<Running, 'stop'>, options: Launch, hurry: boolean): Promise<void> {
  // Taken before the first signal: an orphan no longer says whose child it was.
  const tree: ProcessEntry[] = listTree(running.pid);
  if (!running.hasExited()) {
    signal(running.pid, hurry ? 'SIGKILL' : (options.stopSignal ?? 'SIGTERM'));
    const timer = new AbortController();
    // 10 s: what a process may take that has nothing long to finish.
    const grace = delay(hurry ? 0 : (options.graceMs ?? 10_000), undefined, { signal: timer.signal });
    await Promise.race([running.exited, grace.catch(() => undefined)]);
    timer.abort();
  }
  killAll([...tree, ...listTree(running.pid)]);
  await running.exited;
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  try {
    if (statSync(file).size > logLimitBytes) renameSync(file, `${file}.1`);
  } catch {
    // There is none yet.
  }
  return openSync(file, 'a', 0o600);
}

function readFrom(file: string, start: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const size = statSync(file).size;
    const from = Math.max(start, size - outputLimitBytes);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, from));
  } finally {
    closeSync(descriptor);
  }
}

let canAskForDeathSignal: boolean | undefined;

/** Only Linux tells a process of its parent's death; elsewhere the supervisor's own end has to do. */
function deathWrapper(name: 'KILL' | 'INT'): string[] {
  canAskForDeathSignal ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  return canAskForDeathSignal ? ['setpriv', '--pdeathsig', name, '--'] : [];
}

export interface Readiness {
  what: string;
  logFile: string;
  timeoutMs: number;
  check(): boolean | Promise<boolean>;
  signal?: AbortSignal | undefined;
}

/** Resolves when `check` says true; rejects when the process ends before that or the time is over. */
export async function waitUntilReady(
  running: Running,
  { what, logFile, timeoutMs, check, signal: stopped }: Readiness,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!running.hasExited() && Date.now() < end) {
    stopped?.throwIfAborted();
    if (await check()) return;
    // Short against the start of any part, long against the cost of one look.
    await delay(50);
  }
  const reason = running.hasExited() ? 'ended while it was starting' : `was not ready after ${timeoutMs / 1000} s`;
  throw new AppError('unavailable', `${what} ${reason}. Its log: ${logFile}${lastLines(running.output())}`);
}

/** The end of a log, indented, for a message. */
export function lastLines(text: string, count = 8): string {
  const lines = text.split('\n').filter(line => line.trim() !== '');
  return lines
    .slice(-count)
    .map(line => `\n    ${line.slice(0, 300)}`)
    .join('');
}

export function readFileOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
