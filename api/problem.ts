// Errors as problem+json (RFC 9457), mapped in this one place.

import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, type ErrorCode } from '../model/errors.ts';
import { databaseTrouble } from '../model/store/database-away.ts';
import type { ProblemJson } from './contract.ts';

const statuses: Record<ErrorCode, ContentfulStatusCode> = {
  not_found: 404,
  invalid: 422,
  conflict: 409,
  forbidden: 403,
  unavailable: 503,
  internal: 500,
};

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  422: 'Mistakes in the input',
  500: 'Internal error',
  503: 'Not available now',
};

export class NotSignedIn extends HTTPException {
  constructor(message = 'Sign in, or send an API token as "Authorization: Bearer …".') {
    super(401, { message });
  }
}

export function toProblem(thrown: unknown, c: Context, log: (line: string, detail?: unknown) => void): Response {
  const trouble = isTold(thrown) ? null : databaseTrouble(thrown);
  const error = trouble ? new AppError('unavailable', trouble, { cause: thrown }) : thrown;
  const requestId = c.get('requestId') as string;
  const status = statusOf(error);
  if (status === 500 || trouble) log(`${c.req.method} ${c.req.path} failed (request ${requestId})`, error);
  const body: ProblemJson = {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    detail:
      isTold(error) && status !== 500
        ? error.message
        : `Something failed here. The log has the detail under ${requestId}.`,
    code:
      error instanceof AppError
        ? error.code
        : status === 401
          ? 'not_signed_in'
          : status === 500
            ? 'internal'
            : 'invalid',
    requestId,
    problems: error instanceof AppError ? error.problems : [],
  };
  return c.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' });
}

/** It says by itself what it means, whatever was its cause. */
function isTold(error: unknown): error is AppError | HTTPException {
  return error instanceof AppError || error instanceof HTTPException;
}

function statusOf(error: unknown): ContentfulStatusCode {
  if (error instanceof AppError) return statuses[error.code];
  return error instanceof HTTPException ? (error.status as ContentfulStatusCode) : 500;
}
