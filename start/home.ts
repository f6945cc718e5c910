// The data folder: made on first use, held by one start at a time, with the password of the embedded database.

import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, errorText } from '../model/errors.ts';
import { readFileOrNothing } from './launch.ts';
import { isAlive, readProcess } from './process-tree.ts';

export function openHome(home: string): void {
  try {
    // Keys and the database lie in it. One that existed keeps its mode: it may be shared on purpose.
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `The data folder ${home} cannot be written (${errorText(cause)}): make it yours, or set AEGIR_HOME to a folder that is.`,
      { cause },
    );
  }
}

/** There while an archive is being restored into the folder, and after one was stopped in the middle. */
export const restoringFile = (home: string) => join(home, 'restoring');

export function refuseHalfRestored(home: string): void {
  if (!existsSync(restoringFile(home))) return;
  throw new AppError(
    'conflict',
    `A restore into ${home} was stopped before its end, so the data there is not whole: run ./aegir restore again.`,
  );
}

/** Generated on first use and kept 0600. */
export function keepPassword(home: string): string {
  const file = join(home, 'database-password');
  const kept = readFileOrNothing(file).trim();
  if (kept) return kept;
  const password = randomBytes(24).toString('base64url');
  writeFileSync(`${file}.new`, `${password}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return password;
}

/**
 * Holds the folder until the returned function is called. A process that has died holds nothing, also when its id is
 * somebody else's now. The port of the API, which two copies cannot share, is the second line of defence.
 */
export function holdHome(home: string, address: string): () => void {
  const file = join(home, 'aegir.pid');
  const own = readProcess(process.pid);
  const text = `${process.pid} ${own?.started ?? ''}\n`;
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(file, text, { flag: 'wx', mode: 0o644 });
      return () => {
        if (readFileOrNothing(file) === text) rmSync(file, { force: true });
      };
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!isTaken || tries > 2) throw error;
      refuseSecond(file, home, address);
      rmSync(file, { force: true });
    }
  }
}

function refuseSecond(file: string, home: string, address: string): void {
  const [pid, ...started] = readFileOrNothing(file).trim().split(' ');
  const holder = { pid: Number(pid), started: started.join(' '), parent: 0, session: 0 };
  if (!holder.pid || !isAlive(holder)) return;
  throw new AppError(
    'conflict',
    `Aegir is running already with the data of ${home} (process ${holder.pid}, ${address}): stop that one, or set AEGIR_HOME and the ports for a second copy.`,
  );
}
