// Cuts a stream of bytes into lines: none lost, joined or dropped. Bytes that are not UTF-8 become U+FFFD. It reads no further
// than there is room for: the pipe fills up, and the tool waits.

import type { Readable } from 'node:stream';

export interface ReadOptions {
  /** A promise while there is none: it resolves when there is again. */
  room?(): Promise<void> | undefined;
  /** A longer line is handed on in pieces of about so many bytes, so that one without an end does not fill the memory. */
  longest?: number;
}

/** Of what is not made of whole documents: output of programs. The log itself cuts further. */
export const longestOutputLine = 1024 * 1024;

/** What a program prints. */
export function readOutput(
  stream: Readable,
  take: (line: string) => void,
  { room }: Required<Pick<ReadOptions, 'room'>>,
) {
  return readLines(stream, take, { room, longest: longestOutputLine });
}

/** Calls `take` for each line, without its newline. The last one counts also without a newline. */
export async function readLines(stream: Readable, take: (line: string) => void, options: ReadOptions = {}) {
  const { room = () => undefined, longest = Number.POSITIVE_INFINITY } = options;
  // A line may come in many pieces: they are joined once, at its end.
  let pieces: Buffer[] = [];
  let size = 0;
  const keep = (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    if (size < longest) return;
    const whole = Buffer.concat(pieces);
    const end = endOfPiece(whole);
    take(text(whole, 0, end));
    pieces = [whole.subarray(end)];
    size = whole.length - end;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const first = chunk.indexOf(10);
    const last = chunk.lastIndexOf(10);
    if (first === -1) keep(chunk);
    else {
      take(size > 0 ? text(Buffer.concat([...pieces, chunk.subarray(0, first)])) : text(chunk, 0, first));
      if (last > first) for (const line of linesOf(chunk, first + 1, last)) take(line);
      pieces = [];
      size = 0;
      if (last + 1 < chunk.length) keep(chunk.subarray(last + 1));
    }
    const wait = room();
    if (wait) await wait;
  }
  if (size > 0) take(text(Buffer.concat(pieces)));
}

/** Decoded as one text: a newline is never a part of another character. */
function linesOf(bytes: Buffer, from: number, to: number): string[] {
  const lines = bytes.toString('utf8', from, to);
  return (lines.includes('\r') ? lines.replaceAll('\r\n', '\n').replace(/\r$/, '') : lines).split('\n');
}

function text(bytes: Buffer, from = 0, to = bytes.length): string {
  const end = to > from && bytes[to - 1] === 13 ? to - 1 : to;
  return bytes.toString('utf8', from, end);
}

/** Preferably after a blank: what belongs together, such as a secret that is masked later, stays together. */
function endOfPiece(bytes: Buffer): number {
  const nearby = bytes.subarray(-16 * 1024);
  const blank = Math.max(nearby.lastIndexOf(32), nearby.lastIndexOf(13), nearby.lastIndexOf(9));
  if (blank !== -1) return bytes.length - nearby.length + blank + 1;
  // Not inside of a character: its further bytes begin with the bits 10, its first with 11.
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return (bytes[start] ?? 0) >= 0xc0 ? start : bytes.length;
}
