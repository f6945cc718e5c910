// Cuts a stream of bytes into lines: none lost, joined or dropped. Bytes that are not UTF-8 become U+FFFD.

import type { Readable } from 'node:stream';

/** Calls `take` for each line, without its newline. The last one counts also without a newline. */
export async function readLines(stream: Readable, take: (line: string) => void): Promise<void> {
  // A line may come in many pieces: they are joined once, at its end.
  let pieces: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const piece = chunk.subarray(from, at);
      take(text(pieces.length > 0 ? Buffer.concat([...pieces, piece]) : piece));
      pieces = [];
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) take(text(Buffer.concat(pieces)));
}

function text(bytes: Buffer): string {
  const end = bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end);
}
