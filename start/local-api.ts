// Calls to the API of this machine as its owner: with the token that the API has put into the data folder.

import { readFileSync } from 'node:fs';
import type { ProblemJson } from '../api/contract.ts';
import { AppError } from '../model/errors.ts';

export interface LocalApi {
  get<T>(path: string): Promise<T>;
  /** Undefined where there is none. */
  find<T>(path: string): Promise<T | undefined>;
  post<T>(path: string, body: unknown, idempotencyKey?: string): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
}

export function createLocalApi(url: string, tokenFile: string, signal: AbortSignal): LocalApi {
  const call = async (method: string, path: string, body?: unknown, idempotencyKey?: string) => {
    // Read at each call: the API makes a new one when it starts.
    const token = readFileSync(tokenFile, 'utf8').trim();
    return fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Local ${token}`,
        'content-type': 'application/json',
        ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // 30 s: starting an Operation reads the catalogue and runs no tool.
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    });
  };
  return {
    get: async path => readAnswer(await call('GET', path), `GET ${path}`),
    find: async path => {
      const response = await call('GET', path);
      if (response.status !== 404) return readAnswer(response, `GET ${path}`);
      await response.body?.cancel();
      return undefined;
    },
    post: async (path, body, key) => readAnswer(await call('POST', path, body, key), `POST ${path}`),
    patch: async (path, body) => readAnswer(await call('PATCH', path, body), `PATCH ${path}`),
  };
}

/** The caller names the shape that api/contract.ts promises for the route. */
async function readAnswer<T>(response: Response, what: string): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  throw new AppError('unavailable', `${what} answered ${response.status}: ${readDetail(text)}`);
}

function readDetail(text: string): string {
  try {
    const { detail, title, problems } = JSON.parse(text) as Partial<ProblemJson>;
    const list = (problems ?? []).map(problem => `${problem.path}: ${problem.message}`);
    return [detail ?? title ?? '', ...list].filter(Boolean).join(' ');
  } catch {
    return text.slice(0, 300);
  }
}
