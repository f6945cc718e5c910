import { expect, test } from 'vitest';
import type { AttemptView, TaskView } from '../../api/contract.ts';
import type { LogChunk, LogMark } from '../../model/log.ts';
import { LogBook } from './log-book.ts';
import { planRows, rowsBetween } from './log-rows.ts';

let clock = 0;
function chunk(firstLine: number, lines: string[], marks: LogMark[] = []): LogChunk {
  clock += 1;
  const at = new Date(clock).toISOString();
  return { attemptId: 'a1', taskId: 't1', firstLine, lineCount: lines.length, text: lines.join('\n'), marks, at };
}

const attempt = { id: 'a1', number: 1, state: 'running' } as AttemptView;
const task = { id: 't1', step: 'code', type: 'deploy', title: 'Deploy', attempts: [attempt] } as TaskView;
const byItself = (_key: string, open: boolean) => open;

function shown(book: LogBook, isOpen = byItself): string[] {
  const plan = planRows([task], book, isOpen);
  return rowsBetween(plan, 0, plan.size).map(row => {
    if (row.kind === 'line') return `${row.number} ${row.text}`;
    return row.kind === 'step' ? `# ${row.task.title}` : `## ${row.title} ${row.section.status}`;
  });
}

test('lines without marks stand below their step', () => {
  const book = new LogBook();
  book.add(chunk(1, ['one', '']));
  book.add(chunk(3, ['three']));
  expect(shown(book)).toEqual(['# Deploy', '1 one', '2 ', '3 three']);
  expect(book.lineCount).toBe(3);
});

test('a chunk that comes twice, or before an earlier one, doubles and moves nothing', () => {
  const book = new LogBook();
  const second = chunk(2, ['two']);
  book.add(second);
  book.add(chunk(1, ['one']));
  book.add(second);
  expect(shown(book)).toEqual(['# Deploy', '1 one', '2 two']);
  expect(book.lineCount).toBe(2);
});

test('Ansible tasks fold their lines; those that went as expected are folded by themselves', () => {
  const book = new LogBook();
  book.add(
    chunk(
      1,
      ['PLAY', 'TASK a', 'ok'],
      [
        { line: 1, kind: 'play' },
        { line: 2, kind: 'task', name: 'deploy : Fetch' },
      ],
    ),
  );
  book.add(
    chunk(
      4,
      ['TASK b', 'boom'],
      [
        { line: 4, kind: 'result', status: 'ok', host: 'web1', durationMs: 12 },
        { line: 4, kind: 'task', name: 'Write' },
        { line: 6, kind: 'result', status: 'failed', host: 'web1' },
      ],
    ),
  );
  expect(shown(book)).toEqual(['# Deploy', '1 PLAY', '## Fetch ok', '## Write failed', '4 TASK b', '5 boom']);
  expect(shown(book, () => true)).toHaveLength(8);
  expect(shown(book, () => false)).toEqual(['# Deploy']);
});

test('the worst result of all hosts is the status of an Ansible task', () => {
  const book = new LogBook();
  book.add(
    chunk(
      1,
      ['TASK'],
      [
        { line: 1, kind: 'task', name: 'T' },
        { line: 1, kind: 'result', status: 'changed', host: 'a' },
        { line: 1, kind: 'result', status: 'unreachable', host: 'b' },
        { line: 1, kind: 'result', status: 'ok', host: 'c' },
      ],
    ),
  );
  const section = book.attempts.get('a1')?.sections[0];
  expect(section?.status).toBe('unreachable');
  expect(section?.hosts).toEqual(['a', 'b', 'c']);
});

test('a window of a log of 50,000 lines and 500 tasks is found at once', () => {
  const book = new LogBook();
  for (let number = 0; number < 500; number += 1) {
    const first = number * 100 + 1;
    const lines = Array.from({ length: 100 }, (_, index) => `line ${first + index}`);
    book.add(chunk(first, lines, number % 10 === 0 ? [{ line: first, kind: 'task', name: `task ${number}` }] : []));
  }
  const begin = performance.now();
  const plan = planRows([task], book, () => true);
  expect(plan.size).toBe(50_000 + 50 + 1);
  const rows = rowsBetween(plan, 25_000, 25_060);
  expect(rows).toHaveLength(60);
  // A frame has 16 ms; planning takes well under one.
  expect(performance.now() - begin).toBeLessThan(16);
});
