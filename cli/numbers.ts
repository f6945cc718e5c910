// Numbers given as flags of the program itself.

import { InvalidArgumentError } from 'commander';

export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
}

/** As the API takes it. */
export function readPriority(text: string): number {
  const priority = Number(text);
  if (!Number.isInteger(priority) || Math.abs(priority) > 10)
    throw new InvalidArgumentError('It must be a whole number from -10 to 10.');
  return priority;
}
