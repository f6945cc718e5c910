// Which errors are worth another try: the database or a host that is away, not a mistake in an input.

import { AppError } from '../model/errors.ts';

export function isAppErrorNotRetryable(error: unknown): boolean {
  return error instanceof AppError && error.code !== 'unavailable' && error.code !== 'internal';
}
