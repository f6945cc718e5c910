import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readLines } from './lines.ts';

async function linesOf(...pieces: (string | Buffer)[]): Promise<string[]> {
  const lines: string[] = [];
  await readLines(
    Readable.from(
      pieces.map(piece => Buffer.from(piece)),
      { objectMode: true },
    ),
    line => lines.push(line),
  );
  return lines;
}

test('blank lines, a missing last newline and a line in many pieces are kept', async () => {
  expect(await linesOf('a\n\nb', 'c', 'd\r\n', '\n', 'end')).toEqual(['a', '', 'bcd', '', 'end']);
});

test('a character that is cut by the pipe arrives whole, and bytes that are not UTF-8 as U+FFFD', async () => {
  const euro = Buffer.from('€\n');
  expect(await linesOf(euro.subarray(0, 1), euro.subarray(1), Buffer.from([0xff, 0x41, 0x0a]))).toEqual([
    '€',
    '\ufffdA',
  ]);
});

test('a line of many megabytes arrives whole', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  const lines = await linesOf(...Array.from({ length: 160 }, () => piece), '\nnext\n');
  expect(lines.map(line => line.length)).toEqual([10 * 1024 * 1024, 4]);
});

test('no further piece is read while there is no room', async () => {
  let read = 0;
  const pieces = function* () {
    for (; read < 10; read += 1) yield Buffer.from('a line\n');
  };
  let room = Promise.withResolvers<void>();
  const taken: string[] = [];
  const stream = Readable.from(pieces(), { objectMode: true, highWaterMark: 1 });
  const reading = readLines(stream, line => taken.push(line), { room: () => room.promise });
  await new Promise(resolve => setImmediate(resolve));
  expect(taken).toEqual(['a line']);
  expect(read).toBeLessThan(4);
  for (let at = 0; at < 10; at += 1) {
    room.resolve();
    room = Promise.withResolvers<void>();
    await new Promise(resolve => setImmediate(resolve));
  }
  room.resolve();
  await reading;
  expect(taken).toHaveLength(10);
});

test('a line without an end is handed on in pieces that join to it, cut at blanks, never inside of a character', async () => {
  const words = Array.from({ length: 3000 }, (_, at) => `word${at}`).join(' ');
  for (const text of [words, '🐘€'.repeat(4000)]) {
    const bytes = Buffer.from(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, at) =>
      bytes.subarray(at * 1000, (at + 1) * 1000),
    );
    const lines: string[] = [];
    await readLines(Readable.from(pieces, { objectMode: true }), line => lines.push(line), { longest: 4096 });
    expect(lines.join('')).toBe(text);
    expect(lines.length).toBeGreaterThan(3);
    if (text === words) expect(lines.slice(0, -1).every(line => line.endsWith(' '))).toBe(true);
  }
});

test('carriage returns at the end of lines are no part of them, others are', async () => {
  expect(await linesOf('a\r\nb\rc\r\n\r\nd\r\n', 'e\r', '\nf\r')).toEqual(['a', 'b\rc', '', 'd', 'e', 'f']);
});
