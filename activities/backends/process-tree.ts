// Finds processes of a run on this machine: by descent, and by the marker in their environment.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

/** Environment variable that every process of a run carries, on the worker and on the target. */
export const markerName = 'AEGIR_RUN';

export function runMarker(taskId: string, attempt: number): string {
  return `${taskId}.${attempt}`;
}

/** Between SIGTERM and SIGKILL: enough to flush and to remove a temporary file, and a person waits for it. */
export const graceMs = 1000;

/** Processes below `root`, without it. */
export async function descendants(root: number): Promise<number[]> {
  const parents = await parentsOfAll();
  const found: number[] = [];
  let level = [root];
  while (level.length > 0) {
    level = [...parents].filter(([, parent]) => level.includes(parent)).map(([pid]) => pid);
    found.push(...level);
  }
  return found;
}

export async function marked(marker: string): Promise<number[]> {
  // Without /proc (macOS) only descent is known; runs there live in a process group.
  const wanted = Buffer.from(`\0${markerName}=${marker}\0`);
  const found: number[] = [];
  for (const pid of await pids()) {
    const environment = await readFile(`/proc/${pid}/environ`).catch(() => null);
    if (environment && Buffer.concat([Buffer.from('\0'), environment, Buffer.from('\0')]).includes(wanted))
      found.push(pid);
  }
  return found.filter(pid => pid !== process.pid);
}

/** Ends every process that carries the marker, and what they started. Resolves when none is left. */
export async function endMarked(marker: string): Promise<void> {
  await endAll(async () => {
    const roots = await marked(marker);
    const below = await Promise.all(roots.map(descendants));
    return [...new Set([...roots, ...below.flat()])];
  });
}

async function endAll(find: () => Promise<number[]>): Promise<void> {
  const deadline = Date.now() + graceMs;
  let left = await find();
  signalAll(left, 'SIGTERM');
  while (left.length > 0) {
    if (Date.now() > deadline) signalAll(left, 'SIGKILL');
    // The first look is soon, because most processes end at once.
    await delay(20);
    const alive = await Promise.all(left.map(async pid => ((await isAlive(pid)) ? [pid] : [])));
    left = [...new Set([...(await find()), ...alive.flat()])];
    // A process that cannot be ended (uninterruptible I/O, another user) must not block for ever.
    if (Date.now() > deadline + 2 * graceMs) return;
  }
}

export function signalAll(list: number[], signal: NodeJS.Signals): void {
  for (const pid of list) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Running; one that has ended and was not yet waited for does not count. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  if (stat) return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux';
  } catch {
    return false;
  }
}

async function pids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [] as string[]);
  return names.filter(name => /^\d+$/.test(name)).map(Number);
}

async function parentsOfAll(): Promise<Map<number, number>> {
  const list = await pids();
  if (list.length === 0) return parentsByPs();
  const parents = new Map<number, number>();
  for (const pid of list) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    if (stat === null) continue;
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== 'Z') parents.set(pid, Number(parent));
  }
  return parents;
}

async function parentsByPs(): Promise<Map<number, number>> {
  const { stdout } = await execa('ps', ['-A', '-o', 'pid=,ppid='], { reject: false });
  const rows = stdout.split('\n').map(line => line.trim().split(/\s+/).map(Number));
  return new Map(rows.map(([pid = 0, parent = 0]) => [pid, parent] as const));
}
