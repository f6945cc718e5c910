// Makes the result of a run from the exit code and the outputs of its program. Its lines decide nothing, the last one explains.

import type { Run, RunReport, RunResult } from '../backend.ts';
import { parseOutputs } from './outputs.ts';

/** Longer lines are no messages. */
const longestQuote = 600;

export interface Lines {
  take(line: string): void;
  /** The last one that says something. */
  last(): string;
}

export function createLines(report: RunReport): Lines {
  let last = '';
  return {
    take: text => {
      if (text.trim()) last = text.trim();
      report.line(text);
    },
    last: () => endOf(last, longestQuote),
  };
}

/** Of whole words: of a part of a secret nobody would know that it is one. The mark says where it was cut. */
function endOf(line: string, length: number): string {
  if (line.length <= length) return line;
  const end = line.slice(-length);
  const [, words] = end.split(/ (.*)/s);
  return `…${words || end}`;
}

export function notRun(status: RunResult['status'], message: string): RunResult {
  return { status, exitCode: null, changed: false, outputs: {}, message };
}

/** @param exitCode null when a signal ended it. */
export function resultOf(run: Run, exitCode: number | null, lines: Lines, outputs: string): RunResult {
  const read = parseOutputs(outputs);
  // A program cannot say whether it changed something.
  const common = { exitCode, changed: true, outputs: read.outputs };
  if (exitCode !== 0) {
    const how = exitCode === null ? 'was ended by a signal' : `ended with code ${exitCode}`;
    const why = lines.last() ? `: ${lines.last()}` : '.';
    return { ...common, status: 'failed', message: `${run.taskType.title} ${how}${why}` };
  }
  if (read.mistake) return { ...common, status: 'failed', message: read.mistake };
  return { ...common, status: 'succeeded', message: '' };
}

export function cancelled(exitCode: number | null, left = ''): RunResult {
  const message = `Cancelled. ${left}`.trim();
  return { status: 'cancelled', exitCode, changed: true, outputs: {}, message, isLeft: left !== '' };
}
