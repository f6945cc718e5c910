// An Operation as it is followed: a header for each step, its log lines, its result. Every line once and in order, however
// often the stream is cut and whatever is sent again.

import type { AttemptView, OperationView, TaskView } from '../api/contract.ts';
import type { LogChunk } from '../model/log.ts';
import { isTaskOver, summaryOf } from '../model/run.ts';
import { openQuestions, renderQuestion, renderWaiting } from './attention.ts';
import { duration, stateWords } from './output.ts';
import { printable, printableWithColours, singleLine } from './text.ts';

export interface PrinterOptions {
  write(text: string): void;
  colours: boolean;
  /** Lines of the log alone, byte for byte as they are kept. */
  raw: boolean;
  /** Shown before: of what was over then nothing is said again. */
  seen?: OperationView;
}

export interface OperationPrinter {
  showState(operation: OperationView): void;
  showLines(chunk: LogChunk): void;
  knows(taskId: string): boolean;
  /** Every line of the steps that are over has been printed. */
  isWhole(): boolean;
  /** Whatever has not been said yet, and the end of the Operation itself, or what it asks. */
  finish(operation: OperationView): void;
}

interface Progress {
  headed: boolean;
  /** How it ended when that was said last; '' = not yet. */
  ended: string;
  /** Last line that was printed, by attempt. */
  lines: Map<string, number>;
  label: string;
}

export function createPrinter(options: PrinterOptions): OperationPrinter {
  const progress = progressSeen(options.seen);
  let latest: OperationView | null = null;
  /** Attempt whose lines were printed last. */
  let current = '';
  let waiting = '';

  const progressOf = (task: string): Progress => {
    const known = progress.get(task) ?? { headed: false, ended: '', lines: new Map(), label: '' };
    progress.set(task, known);
    return known;
  };
  const say = (text: string) => {
    if (!options.raw) options.write(`${text}\n`);
  };
  const strong = (text: string) => (options.colours ? `\u001b[1m${printable(text)}\u001b[0m` : printable(text));

  const showHeader = (task: TaskView) => {
    const state = progressOf(task.id);
    if (!state.headed) say(strong(`==> ${renderHeader(task, latest)}`));
    state.headed = true;
  };
  const showEnd = (task: TaskView) => {
    const state = progressOf(task.id);
    // A step that is tried again ends again.
    const ending = endingOf(task);
    if (state.ended !== ending) say(printable(renderEnd(task)));
    state.ended = ending;
  };
  const showProgress = (task: TaskView) => {
    if (task.progress === null) return;
    const label = `${task.progress.percent} % ${task.progress.label}`.trim();
    if (progressOf(task.id).label !== label) say(`--- ${singleLine(label)}`);
    progressOf(task.id).label = label;
  };
  const showWaiting = (operation: OperationView) => {
    const text = renderWaiting(operation).join('\n');
    if (text && text !== waiting) say(printable(text));
    waiting = text;
  };
  /** In the order of the steps; what is over is said when all of its lines are there. */
  const showSteps = (isFinal: boolean) => {
    for (const task of latest?.tasks ?? []) {
      if (task.state === 'pending') continue;
      // What was never begun has no lines: one that says so is enough.
      if (task.startedAt !== null) showHeader(task);
      showProgress(task);
      if (!isTaskOver(task.state)) continue;
      const isWhole = task.attempts.every(attempt => isPrinted(attempt, progressOf(task.id)));
      if (!isFinal && !isWhole) return;
      showEnd(task);
    }
  };
  const showAttempt = (chunk: LogChunk) => {
    const task = latest?.tasks.find(each => each.id === chunk.taskId);
    if (task === undefined || chunk.attemptId === current) return;
    const attempt = task.attempts.find(each => each.id === chunk.attemptId);
    const isContinued = progressOf(task.id).lines.has(chunk.attemptId);
    const name = `${printable(task.title)}${attempt && attempt.number > 1 ? `, attempt ${attempt.number}` : ''}`;
    const isFirst = !progressOf(task.id).headed;
    showHeader(task);
    if (isContinued) say(`--- ${name} goes on`);
    else if (!isFirst && attempt && attempt.number > 1) say(`--- ${name}`);
    current = chunk.attemptId;
  };

  return {
    knows: taskId => latest?.tasks.some(task => task.id === taskId) ?? false,
    isWhole: () =>
      (latest?.tasks ?? []).every(
        ({ id, state, attempts }) => !isTaskOver(state) || attempts.every(one => isPrinted(one, progressOf(id))),
      ),
    showState(operation) {
      latest = operation;
      showWaiting(operation);
      showSteps(false);
    },
    showLines(chunk) {
      const lines = progressOf(chunk.taskId).lines;
      const fresh = freshLines(chunk, lines.get(chunk.attemptId) ?? 0);
      if (fresh.length > 0) {
        showAttempt(chunk);
        const text = `${fresh.join('\n')}\n`;
        options.write(options.raw ? text : options.colours ? printableWithColours(text) : printable(text));
        lines.set(chunk.attemptId, chunk.firstLine + chunk.lineCount - 1);
      }
      showSteps(false);
    },
    finish(operation) {
      latest = operation;
      showSteps(true);
      for (const question of openQuestions(operation)) say(printable(renderQuestion(question, operation).join('\n')));
      say(strong(renderResult(operation)));
    },
  };
}

function progressSeen(seen: OperationView | undefined): Map<string, Progress> {
  const entries = (seen?.tasks ?? []).map((task): [string, Progress] => {
    const over = task.attempts.filter(({ endedAt }) => endedAt !== null);
    const lines = new Map(over.map(({ id, lines: count }) => [id, count]));
    const ended = isTaskOver(task.state) ? endingOf(task) : '';
    return [task.id, { headed: over.length > 0, ended, lines, label: '' }];
  });
  return new Map(entries);
}

function endingOf(task: TaskView): string {
  return `${task.state} ${task.attempts.length}`;
}

export function renderResult(operation: OperationView): string {
  const took = duration(operation.startedAt, operation.endedAt);
  const code = operation.exitCode ? ` (exit code ${operation.exitCode})` : '';
  const [question] = openQuestions(operation);
  const said = question?.message ?? operation.message;
  const message = said ? `: ${said}` : '';
  return `${operation.title} on ${operation.subject.kind} ${operation.subject.name}: ${stateWords(operation.state)}${took ? ` after ${took}` : ''}${code}${message}`;
}

/** Without the lines that a stream which began again has sent before. */
function freshLines(chunk: LogChunk, printed: number): string[] {
  if (chunk.lineCount === 0) return [];
  return chunk.text.split('\n').slice(Math.max(0, printed + 1 - chunk.firstLine));
}

function isPrinted(attempt: AttemptView, progress: Progress): boolean {
  return (progress.lines.get(attempt.id) ?? 0) >= attempt.lines;
}

function renderHeader(task: TaskView, operation: OperationView | null): string {
  const tasks = operation?.tasks ?? [];
  const place = tasks.indexOf(task) + 1;
  const name = [...task.within, task.title].join(' › ');
  return `[${place}/${tasks.length}] ${name}${task.target ? ` (${task.target})` : ''}`;
}

function renderEnd(task: TaskView): string {
  const took = duration(task.startedAt, task.endedAt);
  const changed = task.changed === null ? '' : task.changed ? ', changed' : ', nothing to change';
  const message = task.message && task.state !== 'succeeded' ? `: ${task.message}` : '';
  const summary = summaryOf(task);
  const words = summary ? `: ${summary}` : message;
  return `<== ${task.title}: ${task.state}${took ? ` after ${took}` : ''}${task.state === 'succeeded' ? changed : ''}${words}`;
}
