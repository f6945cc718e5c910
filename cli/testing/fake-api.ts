// An HTTP server that answers as the tests tell it, in the shapes of api/contract.ts, and keeps what it was asked.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ProblemJson } from '../../api/contract.ts';
import type { Problem } from '../../model/errors.ts';

export interface Received {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: unknown;
}

type Handler = (request: Received, response: ServerResponse) => void;

export interface FakeApi {
  url: string;
  received: Received[];
  /** Requests to one route, as `POST /api/servers`. */
  requests(route: string): Received[];
  on(route: string, handler: Handler): void;
  /** Type parameter: the shape that the contract says. */
  answer<T>(route: string, body: T, status?: number): void;
  refuse(route: string, problem: Pick<ProblemJson, 'status' | 'title' | 'detail'> & { problems?: Problem[] }): void;
  close(): Promise<void>;
}

export async function startFakeApi(): Promise<FakeApi> {
  const routes = new Map<string, Handler>();
  const received: Received[] = [];
  const server = createServer(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://api');
    const body = await text(incoming);
    const request: Received = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: incoming.headers,
      body: body === '' ? undefined : JSON.parse(body),
    };
    received.push(request);
    const handler = routes.get(`${request.method} ${request.path}`);
    if (handler === undefined)
      sendProblem(response, { status: 404, title: 'Not found', detail: `No ${request.path}.` });
    else handler(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    requests: route => received.filter(request => `${request.method} ${request.path}` === route),
    on: (route, handler) => routes.set(route, handler),
    answer: (route, body, status = 200) => routes.set(route, (_request, response) => sendJson(response, body, status)),
    refuse: (route, problem) => routes.set(route, (_request, response) => sendProblem(response, problem)),
    close: () => {
      server.closeAllConnections();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

function sendProblem(response: ServerResponse, problem: Partial<ProblemJson> & { status: number }): void {
  const body: ProblemJson = {
    type: 'about:blank',
    title: '',
    detail: '',
    code: 'invalid',
    requestId: 'r1',
    problems: [],
    ...problem,
  };
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify(body));
}
