import { expect, test } from 'vitest';
import { chunkBytes, chunksPerWrite, keptTailBytes, waitingBytes } from '../model/log.ts';
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

/** A database that writes only when it is let, and whoever reads a pipe, as readLines does: a block, then room. */
function slowDatabase() {
  const written: string[] = [];
  const sizes: number[] = [];
  let gate = Promise.withResolvers<void>();
  return {
    written,
    sizes,
    async write(pieces: LogPiece[]) {
      sizes.push(pieces.length);
      await gate.promise;
      written.push(...pieces.flatMap(piece => piece.lines));
    },
    letOne() {
      gate.resolve();
      gate = Promise.withResolvers<void>();
    },
  };
}

test('while the database is slow the reader waits: little is held, and in the end everything is there', async () => {
  const database = slowDatabase();
  const log = createLogWriter(text => text, database.write);
  const line = (number: number) => `line ${String(number).padStart(94, '0')}`;
  const perBlock = 650;
  const blocks = 200;
  let most = 0;
  for (let block = 0; block < blocks; block += 1) {
    for (let at = 0; at < perBlock; at += 1) log.line(line(block * perBlock + at));
    most = Math.max(most, (block + 1) * perBlock - database.written.length);
    for (let room = log.room(); room; room = log.room()) {
      database.letOne();
      // Not at once: the writer must not depend on it.
      await new Promise(resolve => setImmediate(resolve));
      await Promise.race([room, new Promise(resolve => setImmediate(resolve))]);
    }
  }
  // What waits, what is being written, and the block that came last.
  expect(most * 100).toBeLessThan(waitingBytes + chunksPerWrite * chunkBytes + 3 * chunkBytes);
  const closed = log.close();
  const letting = setInterval(() => database.letOne());
  await closed.finally(() => clearInterval(letting));
  expect(database.written).toEqual(Array.from({ length: blocks * perBlock }, (_, number) => line(number)));
  expect(Math.max(...database.sizes)).toBe(chunksPerWrite);
});

test('a log that cannot be written any more holds nobody up, and keeps nothing', async () => {
  const log = createLogWriter(text => text, collect(true).write);
  for (let at = 0; at < 40; at += 1) log.line('x'.repeat(chunkBytes));
  await log.room();
  for (let at = 0; at < 400; at += 1) log.line('x'.repeat(chunkBytes));
  expect(log.room()).toBeUndefined();
  await expect(log.close()).rejects.toThrow(/away/);
});

test('beyond its limit a log says so, takes further lines, and ends with the last ones', async () => {
  const { pieces, write } = collect();
  const log = createLogWriter(text => text, write, 1024 * 1024);
  const line = (number: number) => `line ${String(number).padStart(94, '0')}`;
  const count = 50_000;
  for (let number = 0; number < count; number += 1) log.line(line(number));
  log.mark({ kind: 'result', name: 'Print', status: 'ok' });
  log.line('the end');
  await log.close();
  const lines = pieces.flatMap(piece => piece.lines);
  const notice = lines.findIndex(text => text.includes('reached its limit of 1 MiB'));
  const [leftOut = ''] = /[\d,]+/.exec(lines[notice + 1] ?? '') ?? [];
  const left = Number(leftOut.replaceAll(',', ''));
  const first = Array.from({ length: notice }, (_, number) => line(number));
  expect(notice).toBe(Math.floor((1024 * 1024) / 100));
  expect(lines.slice(0, notice)).toEqual(first);
  const tail = lines.slice(notice + 2);
  expect(tail.at(-1)).toBe('the end');
  expect(tail.slice(0, -1)).toEqual(Array.from({ length: count - notice - left }, (_, at) => line(notice + left + at)));
  expect(tail.join('\n').length).toBeGreaterThan(keptTailBytes - 1000);
  expect(tail.join('\n').length).toBeLessThanOrEqual(keptTailBytes);
  expect(pieces.flatMap(piece => piece.marks).map(mark => mark.kind)).toEqual(['note', 'note', 'result']);
});

test('a log that just fits has no notice, and of a little more nothing is left out', async () => {
  for (const more of [0, 1]) {
    const { pieces, write } = collect();
    const log = createLogWriter(text => text, write, 1000);
    for (let number = 0; number < 10 + more; number += 1) log.line('x'.repeat(99));
    await log.close();
    const lines = pieces.flatMap(piece => piece.lines);
    expect(lines.filter(text => text.startsWith('x'))).toHaveLength(10 + more);
    expect(lines.filter(text => text.startsWith('[Aegir]'))).toHaveLength(more);
  }
});

test('a secret of several lines is masked as a whole, and later lines keep their order', async () => {
  const { pieces, write } = collect();
  const log = createLogWriter(text => text.replaceAll('first half\nsecond half', '***'), write);
  for (const text of ['one', 'first half', 'second half', 'two']) log.line(text);
  await log.close();
  expect(pieces.flatMap(piece => piece.lines)).toEqual(['one', '***', 'two']);
});
