// One request to the API as JSON, by whoever may read the data folder unless something else is said.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Answer<T = unknown> {
  status: number;
  body: T;
  headers: Headers;
}

export interface CallOptions {
  /** '' = nobody. */
  token?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Each start of the API makes another one. */
export const localAuthorization = (home: string) => `Local ${readFileSync(join(home, 'local-token'), 'utf8')}`;

export async function callApi<T = unknown>(
  { url, home }: { url: string; home: string },
  method: string,
  path: string,
  body?: unknown,
  { token, headers = {}, signal }: CallOptions = {},
): Promise<Answer<T>> {
  const authorization = token === undefined ? localAuthorization(home) : token && `Bearer ${token}`;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(authorization ? { authorization } : {}), 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, body: (isJson ? JSON.parse(text) : text) as T, headers: response.headers };
}
