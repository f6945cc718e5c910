// Runs the program of a Task type on its Server: one command over the live connection, which run_program.py carries out there.

import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { untilAborted } from '../abortable.ts';
import type { Run, RunReport, RunResult, ServerConnection } from '../backend.ts';
import { endOnTarget } from '../end-on-target.ts';
import { readLines, readOutput } from '../lines.ts';
import { runMarker } from '../process-tree.ts';
import type { SshLease, SshMasters } from '../ssh-masters.ts';
import { ConnectionProblem, lastLine } from '../ssh-problems.ts';
import { renderCommandArgv } from '../ssh-render.ts';
import { readProgram } from './program.ts';
import { renderRequest, renderServerCommand } from './render.ts';
import { cancelled, createLines, type Lines, notRun, resultOf } from './result.ts';

export async function runOnServer(
  run: Run,
  report: RunReport,
  signal: AbortSignal,
  { server, masters }: { server: ServerConnection; masters: SshMasters },
): Promise<RunResult> {
  try {
    const lease = await untilAborted(masters.acquire(server, report), signal, late => late.release());
    if (!lease) return notRun('cancelled', 'Cancelled before anything was started.');
    try {
      return await runOver(lease, server, run, { report, signal });
    } finally {
      lease.release();
    }
  } catch (error) {
    if (error instanceof ConnectionProblem) return notRun(error.status, error.message);
    throw error;
  }
}

async function runOver(
  lease: SshLease,
  server: ServerConnection,
  run: Run,
  { report, signal }: { report: RunReport; signal: AbortSignal },
): Promise<RunResult> {
  const marker = runMarker(run.taskId, run.attempt);
  const script = await readFile(new URL('./run_program.py', import.meta.url));
  const request = renderRequest(run, await readProgram(run));
  const lines = createLines(report);
  const [file = '', ...rest] = renderCommandArgv(lease.socket, renderServerCommand(server, marker, script.length));
  const child = execa(file, rest, { reject: false, buffer: false, cancelSignal: signal, encoding: 'buffer' });
  // It stays open: its end tells the other side that nobody listens any more.
  child.stdin.on('error', () => undefined).write(Buffer.concat([script, Buffer.from(request)]));
  const said: string[] = [];
  const streams = [readOutput(child.stdout, lines.take, report), readLines(child.stderr, line => said.push(line))];
  const [{ exitCode }] = await Promise.all([child, ...streams]);
  if (signal.aborted) return cancelled(null, await endOnTarget(lease, server, marker));
  return explain(run, server, { exitCode: exitCode ?? null, said, lines });
}

interface End {
  exitCode: number | null;
  /** Standard error: the answer of run_program.py, or why it was not run. */
  said: string[];
  lines: Lines;
}

function explain(run: Run, server: ServerConnection, { exitCode, said, lines }: End): RunResult {
  const answer = parseAnswer(said);
  if (answer?.problem) {
    return notRun('failed', `${run.taskType.title} could not be run on ${server.name}: ${answer.problem}`);
  }
  if (answer) return resultOf(run, answer.exit, lines, answer.outputs);
  const why = lastLine(said.join('\n')) || lines.last();
  // What ssh itself ends with when it has no connection.
  if (exitCode === 255 || exitCode === null) {
    return notRun('unreachable', `The connection to ${server.name} was lost in the middle${why ? `: ${why}` : '.'}`);
  }
  return notRun(
    'failed',
    `${server.python} could not be run on ${server.name}${server.become ? ' by sudo' : ''} (code ${exitCode})${why ? `: ${why}` : '.'}`,
  );
}

interface Answer {
  problem?: string;
  exit: number | null;
  outputs: string;
}

/** sudo and ssh may say something before and after it. */
function parseAnswer(said: string[]): Answer | null {
  const line = said.findLast(text => text.startsWith('{'));
  try {
    return line === undefined ? null : (JSON.parse(line) as Answer);
  } catch {
    return null;
  }
}
