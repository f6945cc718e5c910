// While Terraform works it writes its state after each thing that it has made. Each time it goes into the database at once, so
// that whatever is killed then, the next attempt knows of it.

import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../model/errors.ts';
import type { HeldState } from './store.ts';

/** A look at the file costs nothing; what is made within it, and lost with the machine, nobody knows of. */
const lookMs = 100;

/** Whoever has lost the state must not go on for long. */
const askMs = 2000;

export interface Mirror {
  /** After the last command: everything is in the database. @throws AppError conflict when somebody else has the state. */
  finish(): Promise<void>;
}

/** @param lost is called once when the state is somebody else's by now, or cannot be kept. */
export function mirrorState(file: string, held: HeldState, lost: (error: unknown) => void): Mirror {
  const over = new AbortController();
  let seen = '';
  const look = async () => {
    const stamp = await stampOf(file);
    if (stamp === seen) return;
    const text = await readFile(file, 'utf8').catch(() => '');
    // In the middle of a write it is no JSON: the next look finds it whole.
    if (!isWhole(text)) return;
    seen = stamp;
    if (text !== held.text) await held.write(text);
  };
  const follow = async () => {
    let askedAt = Date.now();
    while (!over.signal.aborted) {
      await look();
      if (Date.now() - askedAt > askMs) {
        askedAt = Date.now();
        // The database may be away: then nobody else can have taken it either.
        if (!(await held.isMine().catch(() => true)))
          throw new AppError('conflict', 'A later attempt, or another Task, works on this state by now.');
      }
      await delay(lookMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  const following = follow().then(
    () => null,
    (error: unknown) => {
      lost(error);
      return { error };
    },
  );
  return {
    async finish() {
      over.abort();
      const failed = await following;
      if (failed) throw failed.error;
      await look();
    },
  };
}

async function stampOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found ? `${found.mtimeNs} ${found.size}` : '';
}

function isWhole(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
