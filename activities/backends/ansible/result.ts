// Makes the result of a run from the exit code and the events of Ansible. Words of the log decide nothing, they only explain.

import { stripVTControlCharacters } from 'node:util';
import type { RunResult } from '../backend.ts';
import type { ScopeEnd } from '../scope.ts';
import type { Collected } from './events.ts';

export function resultOf(end: ScopeEnd, collected: Collected): RunResult {
  const { changed, outputs } = collected;
  const differences = collected.differences.length > 0 ? { differences: collected.differences } : {};
  const common = { exitCode: end.exitCode, changed: changed || collected.changes.length > 0, outputs, ...differences };
  if (end.aborted) return { ...common, status: 'cancelled', message: 'Cancelled.' };
  if (end.exitCode === 0) return { ...common, status: 'succeeded', message: '' };
  // Also in the middle: the next attempt first ends what this one left there, and a Task type that must not simply run
  // again says so by `repeatable`.
  const status = collected.failure?.status === 'unreachable' ? 'unreachable' : 'failed';
  return { ...common, status, message: explain(end, collected) };
}

function explain(end: ScopeEnd, { failure, tail, reachedTarget }: Collected): string {
  if (!failure) return `Ansible ended with ${codeOf(end)}${quoteError(tail)}`;
  const reason = stripVTControlCharacters(failure.reason).trim();
  if (failure.status === 'failed') return sentence(`Task “${failure.task}” failed on ${failure.host}: ${reason}`);
  const when = reachedTarget ? 'was lost' : 'failed';
  return sentence(`The connection to ${failure.host} ${when} at task “${failure.task}”: ${reason}`);
}

function codeOf({ exitCode }: ScopeEnd): string {
  return exitCode === null ? 'a signal' : `code ${exitCode}`;
}

/** Syntax errors and crashes come before any task: what Ansible calls an error, else its last words. */
function quoteError(tail: string[]): string {
  const lines = tail.map(line => stripVTControlCharacters(line).trim()).filter(Boolean);
  const at = lines.findLastIndex(line => /^(\[ERROR\]:|ERROR!)/.test(line));
  const words = at === -1 ? lines.slice(-1) : lines.slice(at, at + 3);
  return words.length > 0 ? sentence(`: ${words.join(' ').replace(/^(\[ERROR\]:|ERROR!)\s*/, '')}`) : '.';
}

function sentence(text: string): string {
  const trimmed = text.trimEnd().replace(/:$/, '');
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
