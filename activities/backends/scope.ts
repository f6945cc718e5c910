// Runs a command in a scope of its own on this machine: nothing of it escapes, nothing of it survives the worker, and the
// call returns only when nothing of it is left.

import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { openInput, openPipe, type Pipe } from './pipe.ts';
import { descendants, endMarked, graceMs, markerName, signalAll } from './process-tree.ts';

export type ScopeKind = 'namespace' | 'user_namespace' | 'group';

export interface ScopedCommand {
  argv: string[];
  folder: string;
  /** The whole environment; nothing is inherited. */
  environment: Record<string, string>;
  marker: string;
  input: string;
  /** The command becomes root with sudo, which does not work inside a user namespace. */
  sudo: boolean;
  /** On an abort it first gets SIGINT, as from Ctrl-C, and so long for what it wants to write yet. */
  interruptMs?: number;
}

export interface ScopedOutput {
  /** stdout and stderr in their order. */
  output(stream: Readable): Promise<void>;
  /** Descriptor 3. */
  events(stream: Readable): Promise<void>;
}

export interface ScopeEnd {
  /** null when a signal ended it. */
  exitCode: number | null;
  aborted: boolean;
  /** It had not ended by itself within `interruptMs`. */
  isCutOff?: boolean;
}

/** The first process merges stderr into stdout, so that lines keep their order, and is not the command itself: the first
 * process of a namespace ignores signals that it does not handle, which would change what the command does. */
const shell = ['sh', '-c', 'exec 2>&1; "$@"; exit $?', 'aegir-run'];

/** Wraps a command. `pdeathsig`: when the worker dies, the kernel ends `unshare`; `kill-child`: then the namespace goes. */
export function renderScopeArgv(kind: ScopeKind, argv: string[]): string[] {
  const namespace = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--fork', '--pid', '--kill-child=KILL'];
  if (kind === 'group') return [...shell, ...argv];
  if (kind === 'namespace') return [...namespace, ...shell, ...argv];
  // --map-current-user keeps the identity; as a mapped root Ansible would believe that it may do everything.
  return [...namespace, '--user', '--map-current-user', ...shell, ...argv];
}

export async function runInScope(command: ScopedCommand, out: ScopedOutput, signal: AbortSignal): Promise<ScopeEnd> {
  if (signal.aborted) return { exitCode: null, aborted: true };
  const kind = await scopeKind(command.sudo);
  const pipe = await openPipe(command.folder);
  const running = start(command, kind, pipe);
  const streams = Promise.all([out.output(pipe.reader), out.events(running.events), readAll(running.complaints)]);
  // Awaited below, after the end of the process; until then a failure must not count as unhandled.
  streams.catch(() => undefined);
  let isCutOff = false;
  const stop = () =>
    void end(running, kind, command, () => {
      isCutOff = true;
    });
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const exitCode = await running.exited;
    // A process group lets daemons escape, and those may hold the pipes open.
    if (kind === 'group' || signal.aborted) await endMarked(command.marker);
    const [, , complaints] = await streams;
    if (complaints.length > 0 && !signal.aborted) await out.output(Readable.from([complaints]));
    return { exitCode, aborted: signal.aborted, ...(isCutOff ? { isCutOff } : {}) };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface Running {
  pid: number;
  events: Readable;
  /** Of setpriv and unshare; the command itself has another standard error. */
  complaints: Readable;
  /** null when a signal ended it. */
  exited: Promise<number | null>;
}

/** Node's own spawn, because execa takes no descriptor above 9. */
function start(command: ScopedCommand, kind: ScopeKind, pipe: Pipe): Running {
  const [file = '', ...rest] = renderScopeArgv(kind, command.argv);
  const input = openInput(command.folder, command.input);
  try {
    const child = spawn(file, rest, {
      cwd: command.folder,
      env: { ...command.environment, [markerName]: command.marker },
      // A terminal's Ctrl-C goes to the worker, which then stops its runs in order.
      detached: true,
      stdio: [input, pipe.writer, 'pipe', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    return { pid: child.pid ?? 0, events: child.stdio[3] as Readable, complaints: child.stderr as Readable, exited };
  } finally {
    closeSync(input);
    pipe.closeWriter();
  }
}

async function readAll(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

async function end(
  { pid, exited }: Running,
  kind: ScopeKind,
  { marker, interruptMs }: Pick<ScopedCommand, 'marker' | 'interruptMs'>,
  cutOff: () => void,
): Promise<void> {
  if (pid === 0) return;
  if (interruptMs) {
    signalAll(await descendants(pid), 'SIGINT');
    const late = delay(interruptMs, true, { ref: false });
    if ((await Promise.race([exited.then(() => false), late])) === true) cutOff();
  }
  if (kind === 'group') return endMarked(marker);
  const [init, ...rest] = await descendants(pid);
  signalAll(rest, 'SIGTERM');
  await Promise.race([exited, delay(graceMs)]);
  // The death of its first process ends a namespace, and its parent returns only when everything in it has gone.
  signalAll(init === undefined ? [pid] : [init], 'SIGKILL');
  await Promise.race([exited, delay(graceMs)]);
  signalAll([pid], 'SIGKILL');
}

const known = new Map<boolean, Promise<ScopeKind>>();

/** What this machine allows; found out once. */
export function scopeKind(sudo: boolean): Promise<ScopeKind> {
  const found = known.get(sudo) ?? probe(sudo);
  known.set(sudo, found);
  return found;
}

async function probe(sudo: boolean): Promise<ScopeKind> {
  const kinds: ScopeKind[] = process.getuid?.() === 0 ? ['namespace'] : sudo ? [] : ['user_namespace'];
  for (const kind of kinds) {
    const [file = '', ...rest] = renderScopeArgv(kind, ['true']);
    const result = await execa(file, rest, { reject: false });
    if (result.exitCode === 0) return kind;
  }
  return 'group';
}
