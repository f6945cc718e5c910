// Rows of the log as shown: a heading per step and attempt, one per Ansible task, and the lines of what is unfolded. Rows are
// counted, not built, so that a log of any length costs only its sections; the window then asks for single rows.

import type { AttemptView, TaskView } from '../../api/contract.ts';
import type { AttemptLog, LogBook, Section } from './log-book.ts';

/** A run of rows of one sort. Its first row is number `at`. */
export type Block =
  | { kind: 'step'; key: string; at: number; size: 1; task: TaskView; attempt: AttemptView | null; open: boolean }
  | { kind: 'section'; key: string; at: number; size: 1; section: Section; title: string; open: boolean }
  | { kind: 'lines'; key: string; at: number; size: number; log: AttemptLog; from: number };

export interface RowPlan {
  blocks: Block[];
  size: number;
}

/** `isOpen(key, byItself)` tells whether a fold is open: what the person chose, else `byItself`. */
export type IsOpen = (key: string, byItself: boolean) => boolean;

export function planRows(tasks: TaskView[], book: LogBook, isOpen: IsOpen): RowPlan {
  const plan: RowPlan = { blocks: [], size: 0 };
  for (const task of tasks) {
    for (const attempt of task.attempts) addAttempt(plan, task, attempt, book, isOpen);
  }
  return plan;
}

function addAttempt(plan: RowPlan, task: TaskView, attempt: AttemptView, book: LogBook, isOpen: IsOpen): void {
  const log = book.attempts.get(attempt.id);
  const isLast = task.attempts.at(-1) === attempt;
  const open = isOpen(attempt.id, isLast);
  push(plan, { kind: 'step', key: attempt.id, at: 0, size: 1, task, attempt, open });
  if (!open || !log) return;
  const isFoldable = log.sections.some(section => section.kind === 'task');
  for (const section of log.sections) {
    const hasHeading = isFoldable && section.kind === 'task';
    const sectionOpen = !hasHeading || isOpen(section.key, opensByItself(section));
    if (hasHeading) {
      const title = plainTitle(section.title, task.type);
      push(plan, { kind: 'section', key: section.key, at: 0, size: 1, section, title, open: sectionOpen });
    }
    const size = section.to - section.from;
    if (sectionOpen && size > 0)
      push(plan, { kind: 'lines', key: `${section.key}/lines`, at: 0, size, log, from: section.from });
  }
}

/** Ansible puts the role before each task; below a step of that very Task type it says nothing. */
function plainTitle(title: string, taskType: string): string {
  const prefix = `${taskType} : `;
  return title.startsWith(prefix) ? title.slice(prefix.length) : title;
}

/** What went as expected is folded; what is under way, went wrong or prints much of its own is open. */
function opensByItself(section: Section): boolean {
  return section.status !== 'skipped' && section.status !== 'ok';
}

function push(plan: RowPlan, block: Block): void {
  block.at = plan.size;
  plan.size += block.size;
  plan.blocks.push(block);
}

export type Row =
  | Exclude<Block, { kind: 'lines' }>
  | { kind: 'line'; key: string; log: AttemptLog; number: number; text: string };

/** Rows `first` to before `end`. */
export function rowsBetween(plan: RowPlan, first: number, end: number): Row[] {
  const rows: Row[] = [];
  const stop = Math.min(end, plan.size);
  let index = blockAt(plan, first);
  let row = first;
  while (row < stop) {
    const block = plan.blocks[index];
    if (!block) break;
    rows.push(rowOf(block, row - block.at));
    row += 1;
    if (row >= block.at + block.size) index += 1;
  }
  return rows;
}

function rowOf(block: Block, offset: number): Row {
  if (block.kind !== 'lines') return block;
  const number = block.from + offset;
  const text = block.log.lines[number - 1] ?? '';
  return { kind: 'line', key: `${block.log.attemptId}:${number}`, log: block.log, number, text };
}

/** Binary search for the block that holds a row. */
function blockAt(plan: RowPlan, row: number): number {
  let low = 0;
  let high = plan.blocks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const block = plan.blocks[middle];
    if (block && block.at <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
