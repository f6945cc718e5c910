// For tests of backends: a Run with sensible values, a report that remembers everything, a role made of its files.

import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { LogMark } from '../../model/log.ts';
import { createForkServer, type ForkServer } from './ansible/fork-server.ts';
import type { Run, RunReport, ServerConnection } from './backend.ts';
import { canAccess } from './can-access.ts';

export const python = join(import.meta.dirname, '..', '..', '.cache', 'python', 'bin', 'python');

let runs = 0;

export function makeRun(values: Partial<Run> & { folder: string }): Run {
  runs += 1;
  return {
    // Unique, because processes of a run are found by it.
    taskId: `task-${process.pid}-${runs}`,
    attemptId: 'attempt',
    operationId: 'operation',
    attempt: 1,
    untold: [],
    fences: [],
    taskType: { name: 'try_something', title: 'Try something', version: 'abc', facts: false, arguments: [] },
    target: 'worker',
    arguments: {},
    secretArguments: [],
    context: { operation: 'operation', fields: {} },
    // Nothing listens there: what goes on to the API fails at once.
    feedback: { url: 'http://127.0.0.1:9/api/feedback/task', token: 'run-token-7f' },
    templates: {},
    patches: {},
    checkMode: false,
    ...values,
  };
}

export function makeServer(values: Partial<ServerConnection>): ServerConnection {
  return {
    id: 'server-1',
    name: 'web1',
    connection: 'ssh',
    address: '127.0.0.1',
    port: 22,
    user: 'root',
    sshKey: '',
    hostKey: '',
    become: false,
    python: '/usr/bin/python3',
    ...values,
  };
}

export interface RecordedReport extends RunReport {
  lines: string[];
  /** `line` is the number of lines before it. */
  marks: (Omit<LogMark, 'line'> & { line: number })[];
  hostKeys: { key: string; fingerprint: string }[];
  adoptions: number[];
  /** Secrets that it has learned of. */
  hidden: string[];
  files: Record<string, string>;
  /** Resolves with the first line that contains the text. */
  until(text: string): Promise<string>;
}

export function recordReport(): RecordedReport {
  const waiting: { text: string; resolve: (line: string) => void }[] = [];
  const report: RecordedReport = {
    lines: [],
    marks: [],
    hostKeys: [],
    adoptions: [],
    hidden: [],
    files: {},
    line: text => {
      report.lines.push(text);
      for (const wait of waiting) if (text.includes(wait.text)) wait.resolve(text);
    },
    room: () => undefined,
    mark: mark => void report.marks.push({ ...mark, line: report.lines.length }),
    adopted: async (attempt, secrets) => {
      report.adoptions.push(attempt);
      report.hidden.push(...secrets);
    },
    hostKey: async (key, fingerprint) => void report.hostKeys.push({ key, fingerprint }),
    kept: async files => {
      report.files = files;
    },
    until: text => {
      const found = report.lines.find(line => line.includes(text));
      return found === undefined ? new Promise(resolve => waiting.push({ text, resolve })) : Promise.resolve(found);
    },
  };
  return report;
}

export interface Folder {
  path: string;
  remove(): Promise<void>;
}

/** A temporary folder with these files; `shell/run` is made executable. */
export async function makeFolder(files: Record<string, string>): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'aegir-test-role-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  if (files['shell/run'] !== undefined) await chmod(join(path, 'shell/run'), 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** What runs have left in their folder, also permits of runs that are over; fences stay. */
export async function leftIn(base: string): Promise<string[]> {
  const names = await readdir(base, { recursive: true });
  return names.filter(name => !/^aegir-fences-\d+(\/(lock|permits|ending|fences|fences\/.*))?$/.test(name));
}

/** How many processes on this machine have this text in their command line. */
export async function countProcesses(text: string): Promise<number> {
  const { stdout } = await execa('ps', ['-eo', 'pid=,args=', '-ww']);
  return stdout.split('\n').filter(line => line.includes(text) && !line.includes('ps -eo')).length;
}

/** A fork server that answers: until then runs would start Ansible by themselves. */
export async function startForkServer(folder: string): Promise<ForkServer> {
  const server = createForkServer({ python, runFolder: '' }, folder);
  const socket = server.socket();
  while (!(await canAccess(socket))) await delay(20);
  return server;
}
