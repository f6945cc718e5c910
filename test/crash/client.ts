// The API for somebody who is patient: while it is away, or says that something behind it is, it is asked again.

import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, callApi } from '../call-api.ts';

export interface Client {
  /** @throws when there is no answer in time. */
  call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** One try; null = it is away. */
  glance<T>(path: string): Promise<T | null>;
}

/** Longer than any part is away. */
const patienceMs = 120_000;
/** An answer takes milliseconds; one that hangs is asked for again. */
const answerMs = 15_000;

export function createClient(api: { url: string; home: string }): Client {
  const once = async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    callApi<T>(api, method, path, body, { headers, signal: AbortSignal.timeout(answerMs) });
  return {
    async call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
      const end = Date.now() + patienceMs;
      for (;;) {
        const answer = await once<T>(method, path, body, headers).catch((error: unknown) => error as Error);
        // 401: the token was read before a new start had written its own.
        if (!(answer instanceof Error) && answer.status < 500 && answer.status !== 401) return answer;
        const said = answer instanceof Error ? String(answer.cause ?? answer) : JSON.stringify(answer);
        if (Date.now() > end) throw new Error(`${method} ${path} gets no answer: ${said}`);
        await delay(200);
      }
    },
    async glance<T>(path: string) {
      const answer = await once<T>('GET', path).catch(() => null);
      return answer?.status === 200 ? answer.body : null;
    },
  };
}
