// The host as whoever owns the machine below it sees it: its files and processes, whatever has become of sshd and network.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readFileOrNothing } from '../../start/launch.ts';
import type { TestHost } from '../test-host.ts';
import { folder, hostScript } from './types.ts';

const run = promisify(execFile);

export interface Target {
  host: TestHost;
  read(name: string): string;
  write(name: string, text: string): void;
  /** A shell command, not through ssh. */
  exec(command: string): Promise<string>;
  processes(name: string): number[];
}

export async function prepareTarget(host: TestHost): Promise<Target> {
  const place = dirname(host.keyFile);
  const outer = readFileSync(join(place, 'pid'), 'utf8').trim();
  const init = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')[0] ?? '';
  const here = join(place, 'root', folder);
  await host.exec(`mkdir -p ${folder}`);
  writeFileSync(join(here, 'step'), hostScript, { mode: 0o755 });
  const namespace = namespaceOf(init);
  return {
    host,
    read: name => readFileOrNothing(join(here, name)),
    write: (name, text) => (text ? writeFileSync(join(here, name), text) : rmSync(join(here, name), { force: true })),
    exec: async command => {
      const spaces = ['-t', init, '-m', '-u', '-i', '-n', '-p'];
      return (await run('nsenter', [...spaces, '--', 'sh', '-c', command])).stdout.trim();
    },
    processes: name =>
      listPids().filter(
        pid => readFileOrNothing(`/proc/${pid}/comm`).trim() === name && namespaceOf(pid) === namespace,
      ),
  };
}

/** Processes on both sides, as this machine sees those of its hosts, too. `markers`: beginnings of `AEGIR_RUN`. */
export function findMarked(markers: string[]): { pid: number; command: string }[] {
  return listPids().flatMap(pid => {
    const mine = readFileOrNothing(`/proc/${pid}/environ`)
      .split('\0')
      .some(entry => markers.some(marker => entry.startsWith(`AEGIR_RUN=${marker}`)));
    const command = readFileOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return mine ? [{ pid, command }] : [];
  });
}

const listPids = () =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);

function namespaceOf(pid: number | string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
