import { expect, test } from 'vitest';
import { chunkBytes } from '../model/log.ts';
import type { LogPiece } from '../model/store/logs.ts';
import { createLogWriter } from './log-writer.ts';

function collect(fail = false) {
  const pieces: LogPiece[] = [];
  const write = async (some: LogPiece[]) => {
    await new Promise(resolve => setImmediate(resolve));
    if (fail) throw new Error('the database is away');
    pieces.push(...some);
  };
  return { pieces, write };
}

test('everything is written in order and in pieces of bounded size before close resolves', async () => {
  const { pieces, write } = collect();
  const log = createLogWriter(text => text, write);
  const lines = Array.from({ length: 100_000 }, (_, number) => `line ${number}`);
  for (const line of lines) log.line(line);
  await log.close();
  expect(pieces.flatMap(piece => piece.lines)).toEqual(lines);
  expect(Math.max(...pieces.map(piece => piece.lines.join('\n').length))).toBeLessThanOrEqual(chunkBytes + 100);
});

test('marks stand before the line that follows them, and are masked as lines are', async () => {
  const { pieces, write } = collect();
  const log = createLogWriter(text => text.replaceAll('secret', '***'), write);
  log.line('one secret');
  log.mark({ kind: 'task', name: 'Use the secret' });
  log.line('two');
  await log.close();
  const lines = pieces.flatMap(piece => piece.lines);
  const before = pieces
    .slice(
      0,
      pieces.findIndex(piece => piece.marks.length > 0),
    )
    .flatMap(piece => piece.lines).length;
  const mark = pieces.flatMap(piece => piece.marks)[0];
  expect(lines).toEqual(['one ***', 'two']);
  expect(mark).toMatchObject({ kind: 'task', name: 'Use the ***', line: 2 - before });
});

test('a piece that cannot be written makes close fail: no Task ends well without its log', async () => {
  const log = createLogWriter(text => text, collect(true).write);
  log.line('lost');
  await expect(log.close()).rejects.toThrow(/away/);
});
