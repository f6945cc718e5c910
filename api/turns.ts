// Lets only so many requests of a kind work at the same time; the others wait their turn, and too many are refused.

import { AppError } from '../model/errors.ts';

export function createTurns({ atOnce, waiting }: { atOnce: number; waiting: number }) {
  let working = 0;
  const queue: (() => void)[] = [];
  return {
    /** @throws AppError unavailable when too many wait already. */
    async take<T>(work: () => Promise<T>): Promise<T> {
      if (working < atOnce) working += 1;
      else if (queue.length >= waiting) {
        throw new AppError('unavailable', 'Too many people search at the same time. Try again in a moment.');
      } else {
        // Its turn is handed over by whoever has finished.
        await new Promise<void>(resolve => queue.push(resolve));
      }
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next) next();
        else working -= 1;
      }
    },
  };
}
