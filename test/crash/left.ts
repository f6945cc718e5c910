// What is left of an Operation that is over: processes on both sides, and what is known of its runs on the host.

import { setTimeout as delay } from 'node:timers/promises';
import { findMarked, type Target } from './host.ts';

/** A Server that was away is back by then at the latest (30 s), and workers look after what is left there every 10 s. */
const patienceMs = 60_000;

/** In words; empty = nothing. */
export async function findLeft(target: Target, tasks: string[]): Promise<string[]> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const found = [...findMarked(tasks).map(renderProcess), ...(await findFiles(target, tasks))];
    if (found.length === 0 || Date.now() > end) return [...new Set(found)];
    await delay(200);
  }
}

const renderProcess = ({ pid, command }: { pid: number; command: string }) =>
  `Left: process ${pid} ${command.slice(0, 200)}`;

async function findFiles(target: Target, tasks: string[]): Promise<string[]> {
  const names = tasks.map(id => `-name '*${id}*'`).join(' -o ');
  const places = ['/run/aegir/permits', '/run/aegir/ending', '/run', '/dev/shm', '/tmp', '/var/tmp'];
  // A place that is not there has nothing.
  const found = await target.exec(`find ${places.join(' ')} -maxdepth 1 \\( ${names} \\) 2>/dev/null || true`);
  return found
    .split('\n')
    .filter(Boolean)
    .map(file => `Left on the host: ${file}`);
}
