// Asks the API. Every failure becomes an ApiError with words that can be shown; "not signed in" is told to one listener.

import type { ProblemJson } from '../../api/contract.ts';
import type { Problem } from '../../model/errors.ts';

export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly problems: Problem[];
  readonly requestId: string;

  constructor(status: number, problem: Partial<ProblemJson>) {
    super(problem.detail || problem.title || `The answer was ${status}.`);
    this.name = 'ApiError';
    this.status = status;
    this.title = problem.title ?? '';
    this.problems = problem.problems ?? [];
    this.requestId = problem.requestId ?? '';
  }
}

interface CallOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let whenSignedOut = () => {};

export function onSignedOut(listener: () => void): void {
  whenSignedOut = listener;
}

/** `path` is below /api. The caller names the answer's shape, as api/contract.ts promises it. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await ask(path, options);
  const text = await response.text();
  const body = parseBody(text);
  if (response.ok) return body as T;
  if (response.status === 401 && !path.startsWith('/auth/')) whenSignedOut();
  throw new ApiError(response.status, problemOf(body, response.status));
}

async function ask(path: string, { method = 'GET', body, headers = {}, signal }: CallOptions): Promise<Response> {
  const init: RequestInit = { method, headers: { accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  if (signal) init.signal = signal;
  try {
    return await fetch(`/api${path}`, init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, {
      title: 'Aegir does not answer',
      detail: 'Aegir does not answer. Is it running, and is the network up?',
    });
  }
}

function parseBody(text: string): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** better-auth answers {code, message}; ours are problem+json. */
function problemOf(body: unknown, status: number): Partial<ProblemJson> {
  if (typeof body !== 'object' || body === null) return { detail: `Aegir answered with an error (${status}).` };
  const found = body as Partial<ProblemJson> & { message?: string };
  return found.detail || !found.message ? found : { ...found, detail: found.message };
}

export function queryString(params: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

/** crypto.randomUUID exists only on secure origins; an operator may use plain http in a private network. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
}
