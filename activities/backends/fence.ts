// One attempt at a time on the machine where a run works: what it needs before it may start anything there, and how what is
// left of an earlier one is ended. The death of ssh on our side does not end what it started. The other half: fence.py.

import { readFile } from 'node:fs/promises';
import { AppError, errorText } from '../../model/errors.ts';
import { untilAborted } from './abortable.ts';
import type { Run, RunResult } from './backend.ts';
import type { BackendDependencies } from './dependencies.ts';
import { connectionMachine, type Machine, thisMachine } from './machine.ts';
import { serverOf } from './on-server.ts';
import { endMarked, runMarker } from './process-tree.ts';
import { lastLine } from './ssh-problems.ts';
import { quoteWord } from './ssh-render.ts';

export const supersededMessage = 'A later attempt (or another Operation) has taken over; this one does nothing more.';

/** Twice what fence.py needs at most to end processes, and a machine that does not answer must not hold up a cancelled run. */
const answerMs = 15_000;

export interface Answer {
  /** The file without which nothing of the run starts there. */
  permit?: string;
  refused?: boolean;
  /** Processes that could not be ended. */
  left?: string[];
  /** Why it could not be asked, in words. */
  problem?: string;
  /** It did not answer: to be tried again. */
  silent?: boolean;
}

export const isPermitted = (entry: { permit: string } | RunResult): entry is { permit: string } => 'permit' in entry;

/** Before anything of a run is started: its permit, or the end that the run has without one. */
export async function enter(machine: Machine, run: Run, signal: AbortSignal): Promise<{ permit: string } | RunResult> {
  const marker = runMarker(run.taskId, run.attempt);
  const words = [marker, ...run.fences.map(({ key, token }) => `${key}=${token}`)];
  const cancelled = () => notEntered('cancelled', 'Cancelled before anything was started.');
  if (signal.aborted) return cancelled();
  const answer = await untilAborted(ask(machine, 'enter', words), signal, () => endOn(machine, marker));
  if (!answer) return cancelled();
  if (answer.permit) return { permit: answer.permit };
  return explainRefusal(machine, answer);
}

export function explainRefusal(machine: Pick<Machine, 'name'>, answer: Answer): RunResult {
  if (answer.refused) return notEntered('superseded', supersededMessage);
  if (answer.left?.length) {
    return notEntered(
      'unreachable',
      `What should be over before this run begins is not. ${explainLeft(machine, answer)}`,
    );
  }
  return notEntered(answer.silent ? 'unreachable' : 'failed', answer.problem ?? `${machine.name} gave no answer.`);
}

function notEntered(status: RunResult['status'], message: string): RunResult {
  return { status, exitCode: null, changed: false, outputs: {}, message };
}

/** After the end of a run. Its result, which counts only when nobody has taken over meanwhile. */
export async function leave(machine: Machine, permit: string, result: RunResult): Promise<RunResult> {
  const options = { input: '', signal: AbortSignal.timeout(answerMs) };
  const answer = await machine.run(renderLeaveCommand(machine, permit), options).catch(() => null);
  // The permit of a run that is over harms nobody, but a later end takes it away.
  if (answer?.exitCode !== 0) return { ...result, isLeft: true };
  if (answer.stdout.trim() !== 'gone' || result.status === 'cancelled') return result;
  return { ...result, status: 'superseded', outputs: {}, message: supersededMessage };
}

/** Ends this attempt and all before it on the machine; none of them starts anything there any more. Returns what is left,
 * in words; '' = nothing. */
export async function endOn(machine: Machine, marker: string): Promise<string> {
  return explainLeft(machine, await ask(machine, 'end', [marker]));
}

function explainLeft({ name }: Pick<Machine, 'name'>, { left, problem, silent }: Answer): string {
  if (silent) return `Whether processes of it are left on ${name} is not known: it does not answer.`;
  if (problem) return `Whether processes of it are left on ${name} is not known: ${problem}`;
  return left?.length ? `On ${name} these processes could not be ended: ${left.join('; ')}.` : '';
}

/** @throws AppError unavailable when something of it is left. */
export async function endAttempt(run: Run, previousAttempt: number, dependencies: BackendDependencies): Promise<void> {
  // All of them: an earlier `end` may have failed.
  for (let attempt = 1; attempt <= previousAttempt; attempt += 1) await endMarked(runMarker(run.taskId, attempt));
  const server = serverOf(run);
  const marker = runMarker(run.taskId, previousAttempt);
  if (server?.connection !== 'ssh')
    return checkOver(await endOn(thisMachine(server, dependencies), marker), previousAttempt);
  const silent = { line: () => undefined, hostKey: async () => undefined };
  const lease = await dependencies.masters.acquire(server, silent);
  try {
    checkOver(await endOn(connectionMachine(lease, server), marker), previousAttempt);
  } finally {
    lease.release();
  }
}

function checkOver(left: string, attempt: number): void {
  if (left) throw new AppError('unavailable', `Attempt ${attempt} is not over. ${left}`);
}

/** As `leave` in fence.py, without the time that a Python takes to start. */
export function renderLeaveCommand({ become }: Pick<Machine, 'become'>, permit: string): string {
  const script = `${become ? 'sudo -n ' : ''}rm "$0" 2>/dev/null || [ -e "$0" ] || echo gone`;
  // The login shell may be of another kind.
  return ['/bin/sh', '-c', script, permit].map(quoteWord).join(' ');
}

/** The command that runs fence.py from its standard input. Nothing in it is secret. */
export function renderFenceCommand(
  { python, become, base }: Pick<Machine, 'python' | 'become' | 'base'>,
  verb: 'enter' | 'end',
  words: string[],
): string {
  // -n: never asks for a password. -I and -S: nothing of the user's own Python settings, and a faster start.
  const argv = [...(become ? ['sudo', '-n'] : []), python, '-I', '-S', '-', verb, base, ...words];
  return argv.map(quoteWord).join(' ');
}

async function ask(machine: Machine, verb: 'enter' | 'end', words: string[]): Promise<Answer> {
  const script = await readFile(new URL('./fence.py', import.meta.url), 'utf8');
  const signal = AbortSignal.timeout(answerMs);
  try {
    const result = await machine.run(renderFenceCommand(machine, verb, words), { input: script, signal });
    const line = result.stdout.split('\n').findLast(text => text.startsWith('{'));
    if (result.exitCode === 0 && line !== undefined) return parseAnswer(machine, line);
    return explainSilence(machine, result.exitCode, result.stderr || result.stdout);
  } catch (error) {
    return { silent: true, problem: `${machine.name} does not answer: ${errorText(error)}` };
  }
}

function parseAnswer({ name }: Machine, line: string): Answer {
  const answer = JSON.parse(line) as Answer;
  return answer.problem
    ? { problem: `What is known of runs on ${name} cannot be kept there: ${answer.problem}` }
    : answer;
}

/** Why the machine's Python gave no answer. */
export function explainSilence(
  { name, python, become }: Pick<Machine, 'name' | 'python' | 'become'>,
  exitCode: number | null,
  said: string,
): Answer {
  const last = lastLine(said);
  const why = last ? `: ${last}` : '.';
  // What ssh itself ends with when it has no connection; null when the time was over.
  const silent = exitCode === 255 || exitCode === null;
  if (silent) return { silent, problem: `The connection to ${name} was lost in the middle${why}` };
  return { problem: `${python} could not be run on ${name}${become ? ' by sudo' : ''} (code ${exitCode})${why}` };
}
