// Runs the program of a Task type on its Server: one command over the live connection, which run_program.py carries out there.

import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { untilAborted } from '../abortable.ts';
import type { Run, RunReport, RunResult, ServerConnection } from '../backend.ts';
import { type Answer, endOn, explainRefusal, explainSilence } from '../fence.ts';
import { readLines, readOutput } from '../lines.ts';
import { connectionMachine } from '../machine.ts';
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
  const script = await readScript();
  const request = renderRequest(run, await readProgram(run));
  const lines = createLines(report);
  const [file = '', ...rest] = renderCommandArgv(lease.socket, renderServerCommand(server, marker, script.length));
  const child = execa(file, rest, { reject: false, buffer: false, cancelSignal: signal, encoding: 'buffer' });
  // It stays open: its end tells the other side that nobody listens any more.
  child.stdin.on('error', () => undefined).write(Buffer.concat([script, Buffer.from(request)]));
  const said: string[] = [];
  const streams = [readOutput(child.stdout, lines.take, report), readLines(child.stderr, line => said.push(line))];
  const [{ exitCode }] = await Promise.all([child, ...streams]);
  if (signal.aborted) return cancelled(null, await endOn(connectionMachine(lease, server), marker));
  return explain(run, server, { exitCode: exitCode ?? null, said, lines });
}

async function readScript(): Promise<Buffer> {
  const parts = ['../fence.py', './run_program.py'].map(path => readFile(new URL(path, import.meta.url)));
  return Buffer.concat(await Promise.all(parts));
}

interface End {
  exitCode: number | null;
  /** Standard error: the answer of run_program.py, or why it was not run. */
  said: string[];
  lines: Lines;
}

function explain(run: Run, server: ServerConnection, { exitCode, said, lines }: End): RunResult {
  const answer = parseAnswer(said);
  if (answer?.exit !== undefined) return resultOf(run, answer.exit, lines, answer.outputs ?? '');
  if (answer?.problem) {
    return notRun('failed', `${run.taskType.title} could not be run on ${server.name}: ${answer.problem}`);
  }
  if (answer) return explainRefusal(server, answer);
  return explainRefusal(server, explainSilence(server, exitCode, lastLine(said.join('\n')) || lines.last()));
}

/** Of run_program.py: the end of the program, or why it was not run. */
type ProgramAnswer = Answer & { exit?: number | null; outputs?: string };

/** sudo and ssh may say something before and after it. */
function parseAnswer(said: string[]): ProgramAnswer | null {
  const line = said.findLast(text => text.startsWith('{'));
  try {
    return line === undefined ? null : (JSON.parse(line) as ProgramAnswer);
  } catch {
    return null;
  }
}
