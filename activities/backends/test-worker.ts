// For tests: carries out one run in a process of its own, a worker that can be stopped, cut off and killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { BackendName } from '../../model/task-type.ts';
import type { Run, RunResult } from './backend.ts';
import { createBackends, createSshMasters } from './index.ts';
import { readLines } from './lines.ts';
import { descendants, signalAll } from './process-tree.ts';
import { python, type RecordedReport, recordReport } from './test-run.ts';

interface Job {
  backend: BackendName;
  run: Run;
  runFolder: string;
}

export interface TestWorker {
  report: RecordedReport;
  /** The first line that contains the text. Throws when the run ends without one. */
  until(text: string): Promise<string>;
  /** null = the worker ended before the run did. */
  result: Promise<RunResult | null>;
  /** Ends it and everything of it on this machine with SIGKILL. */
  kill(): Promise<void>;
  /** Everything of it on this machine. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  pids(): Promise<number[]>;
}

export function startWorker(job: Job): TestWorker {
  const child = spawn(process.execPath, [import.meta.filename], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(job));
  const report = recordReport();
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const pids = async () => (ended() || !child.pid ? [] : [child.pid, ...(await descendants(child.pid))]);
  const result = follow(child, report);
  const over = result.then(end => {
    throw new Error(`The run is over: ${JSON.stringify(end)}\n${report.lines.join('\n')}`);
  });
  over.catch(() => undefined);
  return {
    report,
    until: text => Promise.race([report.until(text), over]),
    result,
    pids,
    signal: async signal => signalAll(await pids(), signal),
    kill: async () => {
      signalAll(await pids(), 'SIGKILL');
      if (!ended()) await once(child, 'exit');
    },
  };
}

async function follow(child: ChildProcess, report: RecordedReport): Promise<RunResult | null> {
  let result: RunResult | null = null;
  if (!child.stdout) return null;
  await readLines(child.stdout, line => {
    const message = JSON.parse(line) as { line: string } | { result: RunResult };
    if ('line' in message) report.line(message.line);
    else result = message.result;
  });
  return result;
}

async function work(): Promise<void> {
  const { backend, run, runFolder } = JSON.parse(await text(process.stdin)) as Job;
  const send = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);
  const masters = createSshMasters({ runFolder });
  const report = { ...recordReport(), line: (line: string) => void send({ line }) };
  send({
    result: await createBackends({ python, runFolder, masters })[backend].run(
      run,
      report,
      new AbortController().signal,
    ),
  });
  await masters.closeAll();
}

if (process.argv[1] === import.meta.filename) await work();
