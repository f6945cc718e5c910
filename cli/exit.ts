// How the command line ends: its exit codes, and errors as lines that say what to do.

import type { OperationView } from '../api/contract.ts';
import { errorText, type Problem } from '../model/errors.ts';
import { openQuestions } from './attention.ts';
import { printable } from './text.ts';

export const exitCodes = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  signedOut: 3,
  unreachable: 4,
  // What shells use for a command ended by Ctrl-C (128 + SIGINT).
  cancelled: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly problems: Problem[];

  constructor(exitCode: ExitCode, message: string, problems: Problem[] = []) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.problems = problems;
  }
}

export function usageError(message: string, problems: Problem[] = []): CliError {
  return new CliError(exitCodes.usage, message, problems);
}

export function exitCodeOf(operation: OperationView): ExitCode {
  const { state } = operation;
  // What asks has not succeeded, and does not go on by itself.
  if (state === 'failed' || state === 'needs_attention' || openQuestions(operation).length > 0) return exitCodes.failed;
  return state === 'cancelled' ? exitCodes.cancelled : exitCodes.succeeded;
}

/** One line for the error and one for each mistake. */
export function renderError(error: unknown): string {
  const problems = error instanceof CliError ? error.problems : [];
  const lines = problems.map(problem => `  ${problem.path ? `${problem.path}: ` : ''}${problem.message}`);
  return [`error: ${errorText(error)}`, ...lines].map(line => `${printable(line)}\n`).join('');
}
