// Which processes belong together: descendants, sessions, and what carries a mark in its environment. Ends them for good.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `started` tells a process from a later one with the same id; '' where the system does not say. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  session: number;
  started: string;
}

const hasProc = existsSync('/proc/self/stat');

export function readProcess(pid: number): ProcessEntry | undefined {
  if (!hasProc) return listByPs().find(entry => entry.pid === pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold spaces and brackets itself; the fields that count follow its last bracket.
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (rest[0] === 'Z') return undefined;
    return { pid, parent: Number(rest[1]), session: Number(rest[3]), started: rest[19] ?? '' };
  } catch {
    return undefined;
  }
}

export function listProcesses(): ProcessEntry[] {
  if (!hasProc) return listByPs();
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readProcess(Number(name)))
    .filter(entry => entry !== undefined);
}

function listByPs(): ProcessEntry[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,sess=,lstart='], { encoding: 'utf8' });
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(words => words.length > 3)
    .map(([pid, parent, , ...started]) => ({
      pid: Number(pid),
      parent: Number(parent),
      session: 0,
      started: started.join(' '),
    }));
}

/** The process itself, everything below it, and everything in the session that it leads. */
export function listTree(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const inside = new Set([pid]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of all) {
      if (!inside.has(entry.pid) && (inside.has(entry.parent) || entry.session === pid)) {
        inside.add(entry.pid);
        grown = true;
      }
    }
  }
  return all.filter(entry => inside.has(entry.pid));
}

/** Processes whose environment holds `name=value`; none where the system does not show it. */
export function listMarked(name: string, value: string): ProcessEntry[] {
  if (!hasProc) return [];
  const mark = Buffer.from(`${name}=${value}\0`);
  return listProcesses().filter(({ pid }) => {
    try {
      return pid !== process.pid && readFileSync(`/proc/${pid}/environ`).includes(mark);
    } catch {
      return false;
    }
  });
}

export function isAlive(entry: ProcessEntry): boolean {
  return readProcess(entry.pid)?.started === entry.started;
}

export function killAll(entries: ProcessEntry[]): void {
  for (const entry of entries.filter(isAlive)) signal(entry.pid, 'SIGKILL');
}

/** False when there is no such process (any more). */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
