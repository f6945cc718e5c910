// The little of tar (POSIX ustar) that an archive of ours has: plain files in a row, each small enough for memory. Whoever
// has such an archive can read it with any tar.

import { AppError } from '../model/errors.ts';

export interface Entry {
  name: string;
  body: Buffer;
}

const block = 512;
/** Ours are of 1 MiB, and files of a few KiB: what says that it is larger is no entry of ours. */
const mostBytes = 16 * 1024 * 1024;

export function renderEntry({ name, body }: Entry): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o600, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(body.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, body, Buffer.alloc(-body.length & (block - 1))]);
}

export const endOfEntries = Buffer.alloc(2 * block);

/** Of the header with blanks in the place of the sum itself. */
function sumOf(header: Buffer): number {
  const counted = Buffer.from(header).fill(' ', 148, 156);
  return counted.reduce((sum, byte) => sum + byte, 0);
}

/** @throws AppError invalid for anything that `renderEntry` does not write. */
export async function* readEntries(chunks: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  const reader = createReader(chunks);
  for (;;) {
    const header = await reader.take(block);
    if (header.every(byte => byte === 0)) break;
    const { name, size } = readHeader(header);
    const body = await reader.take(size);
    await reader.take(-size & (block - 1));
    yield { name, body };
  }
  if (!(await reader.isRestEmpty())) throw damaged('something stands behind its end');
}

function readHeader(header: Buffer): { name: string; size: number } {
  const text = (from: number, to: number) => header.toString('latin1', from, to).replace(/\0.*$/s, '');
  const number = (from: number, to: number) => Number.parseInt(text(from, to).trim() || 'none', 8);
  if (number(148, 156) !== sumOf(header)) throw damaged('the head of an entry has another sum than it says');
  const name = text(0, 100);
  const size = number(124, 136);
  const isPlain = header[156] === 0x30 && text(257, 263) === 'ustar' && text(345, 500) === '';
  if (!isPlain) throw damaged(`“${printable(name)}” is no plain file`);
  if (!(size >= 0 && size <= mostBytes)) throw damaged(`“${printable(name)}” is larger than any entry of ours`);
  return { name, size };
}

function createReader(chunks: AsyncIterable<Buffer>) {
  const source = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return {
    async take(count: number): Promise<Buffer> {
      const parts = [rest];
      let length = rest.length;
      while (length < count) {
        const { value, done } = await source.next();
        if (done) throw cutOff();
        parts.push(value);
        length += value.length;
      }
      const all = Buffer.concat(parts);
      rest = all.subarray(count);
      return all.subarray(0, count);
    },
    /** To the end, so that whoever reads below sees it, too. */
    async isRestEmpty(): Promise<boolean> {
      let isEmpty = rest.every(byte => byte === 0);
      for (let next = await source.next(); !next.done; next = await source.next())
        isEmpty &&= (next.value as Buffer).every(byte => byte === 0);
      return isEmpty;
    },
  };
}

export const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);

export function damaged(what: string): AppError {
  return new AppError('invalid', `The archive is damaged, or none of Aegir's: ${what}. Nothing was changed.`);
}

export function cutOff(): AppError {
  return new AppError('invalid', 'The archive is cut off: its end is missing. Nothing was changed.');
}
