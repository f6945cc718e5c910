// Reads what the callback plugin sends on descriptor 3, passes it on as lines and marks, and remembers what the result of
// the run is made of.

import { type FoundDifference, mostDifferences } from '../../../model/drift.ts';
import type { LogMark } from '../../../model/log.ts';
import type { RunReport } from '../backend.ts';

export interface TaskFailure {
  task: string;
  host: string;
  status: 'failed' | 'unreachable';
  reason: string;
}

export interface Collected {
  /** At least one task ran on the target. */
  reachedTarget: boolean;
  changed: boolean;
  outputs: Record<string, unknown>;
  failure: TaskFailure | null;
  /** Changes of a check run, in order. */
  changes: { task: string; host: string; diff: string }[];
  /** The same, by what each is about. */
  differences: FoundDifference[];
  /** The last lines, for a run that ended without any result. */
  tail: string[];
}

export interface EventReader {
  /** One line of descriptor 3. */
  event(text: string): void;
  /** One line of stdout or stderr, beside the callback: tracebacks, complaints of the interpreter. */
  plain(text: string): void;
  collected: Collected;
}

/** Enough for a message; the whole is in the log. */
const tailLines = 30;

/** Of all differences of a run: they are held until it is over. */
const heldCharacters = 4 * 1024 * 1024;

type CallbackEvent =
  | { event: 'lines'; lines: string[] }
  | { event: 'play'; name: string }
  | { event: 'task'; name: string; uuid: string; action: string }
  | { event: 'diff'; text: string }
  | DifferenceEvent
  | ResultEvent
  | { event: 'stats'; hosts: Record<string, Record<string, number>>; outputs: Record<string, unknown> };

interface DifferenceEvent {
  event: 'difference';
  name: string;
  resource: string;
  text: string;
  left: number;
}

interface ResultEvent {
  event: 'result';
  name: string;
  uuid: string;
  host: string;
  action: string;
  status: NonNullable<LogMark['status']>;
  durationMs: number;
  reachedTarget: boolean;
  reason: string;
}

export function createEventReader(report: Pick<RunReport, 'line' | 'mark'>): EventReader {
  const collected: Collected = {
    reachedTarget: false,
    changed: false,
    outputs: {},
    failure: null,
    changes: [],
    differences: [],
    tail: [],
  };
  let diff: string[] = [];
  let held = 0;

  const line = (text: string) => {
    collected.tail.push(text);
    if (collected.tail.length > 2 * tailLines) collected.tail.splice(0, tailLines);
    report.line(text);
  };

  const difference = ({ name, resource, text, left }: DifferenceEvent) => {
    if (collected.differences.length >= 2 * mostDifferences) return;
    held += text.length;
    const isShown = held <= heldCharacters;
    const shown = isShown ? { text, left } : { text: '', left: left + text.length };
    collected.differences.push({ task: name, resource, ...shown });
  };

  const result = (event: ResultEvent) => {
    const shown = diff.join('\n');
    diff = [];
    report.mark({
      kind: 'result',
      name: event.name,
      host: event.host,
      status: event.status,
      durationMs: event.durationMs,
      data: { uuid: event.uuid, ...(event.reason ? { reason: event.reason } : {}), ...(shown ? { diff: shown } : {}) },
    });
    if (event.reachedTarget) collected.reachedTarget = true;
    if (event.status === 'changed') collected.changes.push({ task: event.name, host: event.host, diff: shown });
    if (event.status === 'failed' || event.status === 'unreachable') {
      collected.failure = { task: event.name, host: event.host, status: event.status, reason: event.reason };
    }
  };

  const take = (event: CallbackEvent) => {
    switch (event.event) {
      case 'lines':
        for (const text of event.lines) line(text);
        return;
      case 'play':
        report.mark({ kind: 'play', name: event.name });
        return;
      case 'task':
        report.mark({ kind: 'task', name: event.name, data: { uuid: event.uuid, action: event.action } });
        return;
      case 'diff':
        diff.push(event.text);
        return;
      case 'difference': {
        difference(event);
        return;
      }
      case 'result':
        result(event);
        return;
      case 'stats':
        collected.outputs = event.outputs;
        collected.changed = Object.values(event.hosts).some(counts => (counts.changed ?? 0) > 0);
        report.mark({ kind: 'stats', data: { hosts: event.hosts } });
        return;
    }
  };

  return { event: text => readEvent(text, take, line), plain: line, collected };
}

function readEvent(text: string, take: (event: CallbackEvent) => void, line: (text: string) => void): void {
  let event: CallbackEvent;
  try {
    event = JSON.parse(text) as CallbackEvent;
  } catch {
    // A killed Ansible leaves its last event cut off. Anything else is not from the callback: a role wrote to the descriptor.
    if (!text.startsWith('{"event"')) line(text);
    return;
  }
  take(event);
}
