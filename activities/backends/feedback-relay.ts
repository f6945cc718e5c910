// Where a run sends its feedback: a small server on the worker's loopback for the time of one run. Log lines go straight
// into the run's own log, so that they stand in order with the tool's lines and are masked where the secrets are known.
// Everything else goes on to the API. The target needs no certificate of the API and no route to it: it speaks plain HTTP
// through the run's SSH connection to here. On the same way it reaches the repository of backups that its run may use, and archives.

import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerRepository } from '../../repository/answer.ts';
import { relayArchive } from './archive-relay.ts';
import type { Run, RunReport } from './backend.ts';

export interface FeedbackRelay {
  port: number;
  /** `feedback_url` for a process on this machine. */
  url: string;
  close(): Promise<void>;
}

/** A batch of the streaming module is cut at about 1 MiB; more in one request is not from us. */
const longestBodyBytes = 16 * 1024 * 1024;

/** Below the 15 s after which the streaming module takes a post for lost. */
const defaultRoomWaitMs = 8000;

export async function startFeedbackRelay(
  { feedback, repository }: Pick<Run, 'feedback' | 'repository'>,
  report: RunReport,
  roomWaitMs = defaultRoomWaitMs,
): Promise<FeedbackRelay> {
  const taken = new Map<string, number>();
  const store = `${basePath(feedback.url)}/${repositoryWord}/`;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (repository && path.startsWith(store) && isAuthorised(request, basicOf(feedback.token)))
      return void answerRepository(repository, path.slice(store.length), request, response);
    const [plain, query] = path.split('?', 2);
    if (plain === `${basePath(feedback.url)}/archive` && isAuthorised(request, `Bearer ${feedback.token}`)) {
      const url = `${feedback.url.replace(/\/$/, '')}/archive${query ? `?${query}` : ''}`;
      return void relayArchive({ url, token: feedback.token }, request, response);
    }
    return answer(request, { feedback, report, taken, roomWaitMs })
      .catch((): Answer => ({ status: 502, body: { detail: 'The control plane does not answer.' } }))
      .then(({ status, body }) => send(response, status, body));
  });
  // A module posts over one connection while a long command is quiet; it says something every 5 seconds.
  server.keepAliveTimeout = 60_000;
  // An archive may come for hours.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: localFeedbackUrl(feedback.url, port),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

/** Below `feedback_url`, by the name `aegir` and the token. */
const repositoryWord = 'repository';

/** restic's client takes name and password only. */
const basicOf = (token: string) => `Basic ${Buffer.from(`aegir:${token}`).toString('base64')}`;

/** The same path on another port of the loopback: on the worker the relay's, on a target the forwarded one. */
export function localFeedbackUrl(url: string, port: number): string {
  return `http://127.0.0.1:${port}${basePath(url)}`;
}

function basePath(url: string): string {
  return new URL(url).pathname.replace(/\/$/, '');
}

interface Answer {
  status: number;
  /** null with 204. */
  body: unknown;
}

interface Relayed {
  feedback: Run['feedback'];
  report: RunReport;
  /** Lines of each stream. */
  taken: Map<string, number>;
  roomWaitMs: number;
}

async function answer(request: IncomingMessage, relayed: Relayed): Promise<Answer> {
  const { feedback, report } = relayed;
  if (!isAuthorised(request, `Bearer ${feedback.token}`))
    return { status: 401, body: { detail: 'The token is not valid.' } };
  const base = `${basePath(feedback.url)}/`;
  const path = request.url ?? '';
  if (request.method !== 'POST' || !path.startsWith(base)) return { status: 404, body: { detail: 'No such path.' } };
  const body = await readBody(request);
  if (body === null) return { status: 413, body: { detail: 'The request is larger than 16 MiB.' } };
  const verb = path.slice(base.length);
  if (verb === 'log') return takeLines(body, relayed);
  return passOn(feedback, verb, body, report);
}

/** `stream` and `from` let the module repeat a post whose answer was lost, without doubling lines. */
async function takeLines(body: string, { report, taken, roomWaitMs }: Relayed): Promise<Answer> {
  if (!(await hasRoom(report, roomWaitMs)))
    return { status: 429, body: { detail: 'The log has no room at present. Post it again.' } };
  const post = parseObject(body);
  const lines = post?.lines;
  if (!Array.isArray(lines) || !lines.every(line => typeof line === 'string')) {
    return { status: 400, body: { detail: 'Expected {"lines": ["…"]}.' } };
  }
  const stream = typeof post?.stream === 'string' ? post.stream : '';
  const from = typeof post?.from === 'number' ? post.from : null;
  const known = stream && from !== null ? Math.max(0, (taken.get(stream) ?? 0) - from) : 0;
  for (const text of lines.slice(known)) for (const line of text.split('\n')) report.line(line);
  if (stream && from !== null) taken.set(stream, Math.max(taken.get(stream) ?? 0, from + lines.length));
  return { status: 204, body: null };
}

/** Nothing is taken before there is, so that nothing piles up; whoever posts asks again. */
async function hasRoom(report: RunReport, waitMs: number): Promise<boolean> {
  const room = report.room();
  if (!room) return true;
  const patience = new AbortController();
  const late = delay(waitMs, false, { signal: patience.signal }).catch(() => false);
  const found = await Promise.race([room.then(() => true), late]);
  patience.abort();
  return found;
}

async function passOn(feedback: Run['feedback'], verb: string, body: string, report: RunReport): Promise<Answer> {
  const response = await fetch(`${feedback.url.replace(/\/$/, '')}/${verb}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${feedback.token}`, 'content-type': 'application/json' },
    body,
    redirect: 'error',
    // A role waits for the answer; the API answers such a post in milliseconds or is in trouble.
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  if (response.ok && verb === 'progress') markProgress(body, report);
  return { status: response.status, body: response.status === 204 ? null : (parseObject(text) ?? {}) };
}

function markProgress(body: string, report: RunReport): void {
  const post = parseObject(body);
  if (typeof post?.percent !== 'number') return;
  report.mark({
    kind: 'progress',
    percent: post.percent,
    ...(typeof post.label === 'string' ? { name: post.label } : {}),
  });
}

function isAuthorised(request: IncomingMessage, authorization: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(authorization);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > longestBodyBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (body === null) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
