// A real pipe and a real file for the descriptors of a command. Node's own are sockets: bash takes a socket as standard
// input for a remote shell and reads ~/.bashrc, and `> /dev/stderr` cannot open a socket.

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';

export interface Pipe {
  /** Ends when every process that holds the other end has gone. */
  reader: Readable;
  /** To be handed to the command, then closed here. */
  writer: number;
  closeWriter(): void;
}

/** @param folder private, because the pipe has a name there for a moment. */
export async function openPipe(folder: string): Promise<Pipe> {
  const path = join(folder, `pipe-${randomBytes(6).toString('hex')}`);
  await execa('mkfifo', ['-m', '600', path]);
  // Without O_NONBLOCK this would wait for a writer.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  rmSync(path);
  return {
    reader: new Socket({ fd: reader, readable: true, writable: false }),
    writer,
    closeWriter: () => closeSync(writer),
  };
}

/** A descriptor from which the text can be read; it has no name any more. */
export function openInput(folder: string, text: string): number {
  if (text === '') return openSync('/dev/null', 'r');
  const path = join(folder, `input-${randomBytes(6).toString('hex')}`);
  writeFileSync(path, text, { mode: 0o600 });
  const input = openSync(path, 'r');
  rmSync(path);
  return input;
}
