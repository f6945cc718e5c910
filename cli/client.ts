// Requests to the API: one way to send them, to try again, and to turn problem+json into errors.

import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page, ProblemJson } from '../api/contract.ts';
import type { Problem } from '../model/errors.ts';
import type { Credentials } from './credentials.ts';
import { CliError, type ExitCode, exitCodes } from './exit.ts';
import { sendStream } from './send-stream.ts';

/** Longer than any answer of the API takes; streams have a limit of their own. */
const answerTimeoutMs = 30_000;
/** Outlives a dropped connection and a proxy that changes over, and still tells soon that nothing is running. */
const retryDelaysMs = [200, 600, 1500];

/** The API refuses to give more at once. */
const largestPage = 500;

export type Query = Record<string, string | number | undefined>;

export interface SendOptions {
  query?: Query;
  body?: unknown;
  /** Makes a POST safe to repeat: the same key is sent with every try. */
  idempotent?: boolean;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** False for streams and Actions: they last. */
  limited?: boolean;
}

export class Client {
  readonly url: string;
  readonly #authorization: () => string | null;

  constructor(credentials: Credentials) {
    this.url = credentials.url;
    this.#authorization = credentials.authorization;
    if (!URL.canParse(this.url)) throw new CliError(exitCodes.usage, `"${this.url}" is not an address.`);
  }

  get<T>(path: string, query?: Query): Promise<T> {
    return this.#json<T>('GET', path, query === undefined ? {} : { query });
  }

  post<T>(
    path: string,
    body: unknown,
    options: Pick<SendOptions, 'idempotent' | 'limited' | 'query'> = {},
  ): Promise<T> {
    return this.#json<T>('POST', path, { ...options, body });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>('PATCH', path, { body });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>('PUT', path, { body });
  }

  async delete(path: string): Promise<void> {
    await this.send('DELETE', path);
  }

  /** A body that is too large for the memory, once: it cannot be sent again by itself. */
  async upload<T>(
    path: string,
    body: Readable,
    { query, headers = {} }: Pick<SendOptions, 'query' | 'headers'>,
  ): Promise<T> {
    const { url, headers: own } = this.#request('POST', path, { headers, ...(query ? { query } : {}) });
    const outcome = await sendStream(url, Object.fromEntries(own), body).catch((error: Error) => error);
    if (outcome instanceof Error || !outcome.ok) throw await this.#failure(outcome);
    return (await outcome.json()) as T;
  }

  /** Follows `next` to the end, or until there are `limit`. */
  async all<T>(path: string, query: Query = {}, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const items: T[] = [];
    let after: string | undefined;
    do {
      const size = Number.isFinite(limit) ? { limit: Math.min(limit - items.length, largestPage) } : {};
      const page = await this.get<Page<T>>(path, { ...query, ...size, after });
      items.push(...page.items);
      after = page.next ?? undefined;
    } while (after !== undefined && items.length < limit);
    return items.slice(0, limit);
  }

  /** Answers of 2xx only; everything else is thrown as a CliError. */
  async send(method: string, path: string, options: SendOptions = {}): Promise<Response> {
    const key = options.idempotent ? { 'idempotency-key': randomUUID() } : {};
    const repeatable = method === 'GET' || options.idempotent === true;
    for (const wait of [...(repeatable ? retryDelaysMs : []), null]) {
      const outcome = await attempt(
        this.#request(method, path, { ...options, headers: { ...options.headers, ...key } }),
        options,
      );
      if (outcome instanceof Response && outcome.ok) return outcome;
      if (wait === null || !mayPass(outcome) || options.signal?.aborted) throw await this.#failure(outcome);
      await delay(wait);
    }
    throw new CliError(exitCodes.unreachable, `No answer from ${this.url}.`);
  }

  async #json<T>(method: string, path: string, options: SendOptions): Promise<T> {
    const response = await this.send(method, path, options);
    const text = await response.text();
    try {
      // The shapes are those of api/contract.ts: the API's own tests hold them.
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch {
      throw new CliError(exitCodes.unreachable, `${this.url} does not answer like Aegir. Check the address.`);
    }
  }

  #request(method: string, path: string, options: SendOptions): Request {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers({ accept: 'application/json', ...options.headers });
    const authorization = this.#authorization();
    if (authorization !== null) headers.set('authorization', authorization);
    if (options.body === undefined) return new Request(url, { method, headers });
    headers.set('content-type', 'application/json');
    return new Request(url, { method, headers, body: JSON.stringify(options.body) });
  }

  async #failure(outcome: Response | Error): Promise<CliError> {
    if (outcome instanceof Error) {
      return new CliError(exitCodes.unreachable, `Cannot reach Aegir at ${this.url} (${reasonOf(outcome)}).`);
    }
    return errorOf(outcome, this.url, this.#authorization() !== null);
  }
}

export function pathOf(...parts: string[]): string {
  return `/api/${parts.map(encodeURIComponent).join('/')}`;
}

async function attempt(request: Request, options: SendOptions): Promise<Response | Error> {
  const signals = [
    ...(options.limited === false ? [] : [AbortSignal.timeout(answerTimeoutMs)]),
    ...(options.signal === undefined ? [] : [options.signal]),
  ];
  try {
    return await fetch(request, { signal: AbortSignal.any(signals) });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Trouble that may be over in a second: no connection, or a proxy that has nobody behind it. */
function mayPass(outcome: Response | Error): boolean {
  return outcome instanceof Error || [502, 503, 504].includes(outcome.status);
}

function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer for ${answerTimeoutMs / 1000} s`;
  const cause = error.cause as (Error & { code?: string }) | undefined;
  const words: Record<string, string> = {
    ECONNREFUSED: 'connection refused: is it running?',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'its name cannot be looked up',
    ECONNRESET: 'connection cut',
    UND_ERR_SOCKET: 'connection cut',
  };
  return words[cause?.code ?? ''] ?? cause?.message ?? error.message;
}

async function errorOf(response: Response, url: string, sentCredentials: boolean): Promise<CliError> {
  const problem = await readProblem(response);
  const problems = problem.problems ?? [];
  const code = codeOf(response.status);
  const said = withoutList(problem.detail ?? '', problems) || problem.title;
  if (response.status === 401) {
    const advice = sentCredentials ? 'The token is not valid (any more)' : `You are not signed in to ${url}`;
    return new CliError(code, `${advice}: use ./aegir sign-in, or ./aegir token create on Aegir's own machine.`);
  }
  const isNamed = !problem.requestId || said?.includes(problem.requestId);
  const where = response.status < 500 || isNamed ? '' : ` (request ${problem.requestId})`;
  return new CliError(code, `${said || `${url} answered ${response.status}.`}${where}`, problems);
}

/** A detail lists the mistakes as well: they are said once, each on a line of its own. */
function withoutList(detail: string, [first]: Problem[]): string {
  if (first === undefined) return detail;
  const listed = detail.indexOf(first.path ? `${first.path}: ${first.message}` : first.message);
  return listed < 0 ? detail : detail.slice(0, listed).trim();
}

async function readProblem(response: Response): Promise<Partial<ProblemJson>> {
  try {
    const body: unknown = JSON.parse(await response.text());
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

function codeOf(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.signedOut;
  if ([502, 503, 504].includes(status)) return exitCodes.unreachable;
  return status >= 500 ? exitCodes.failed : exitCodes.usage;
}
