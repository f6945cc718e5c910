// The closed set of errors that a person may see. The API maps `code` to a status, activities to retryable or not.

export type ErrorCode = 'not_found' | 'invalid' | 'conflict' | 'forbidden' | 'unavailable' | 'internal';

/** One mistake in an input. `path` is dotted (`fields.contact`, `steps.2.with.release`), '' for the whole. */
export interface Problem {
  path: string;
  message: string;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly problems: Problem[];

  /** `message` is safe to show and says what to do; detail goes to `cause`. */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; problems?: Problem[] } = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** An `invalid` error that lists every mistake. */
export function invalid(problems: Problem[], summary = 'The input has mistakes.'): AppError {
  const list = problems.map(p => (p.path ? `${p.path}: ${p.message}` : p.message)).join(' ');
  return new AppError('invalid', `${summary} ${list}`.trim(), { problems });
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
