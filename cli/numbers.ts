// Numbers given as flags of the program itself.

import { InvalidArgumentError } from 'commander';

export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
}
