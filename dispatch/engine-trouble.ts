// Why the engine did not do what it was asked for, in words that say where to look.

import { AppError } from '../model/errors.ts';

export function engineUnavailable(cause: unknown): AppError {
  // With a full disk it is silent until the deadline.
  const message = 'The engine (Temporal) does not answer. Look at ./aegir status, and whether its disk is full.';
  return new AppError('unavailable', message, { cause });
}
