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
