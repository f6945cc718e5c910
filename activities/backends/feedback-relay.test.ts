import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FeedbackRelay, startFeedbackRelay } from './feedback-relay.ts';
import { type RecordedReport, recordReport } from './test-run.ts';

let api: Server;
let received: { path: string; authorization: string; body: string }[];
let answerStatus: number;
let relay: FeedbackRelay;
let report: RecordedReport;

beforeEach(async () => {
  received = [];
  answerStatus = 200;
  api = createServer(async (request: IncomingMessage, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    received.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '', body });
    response.writeHead(answerStatus, { 'content-type': 'application/json' }).end('{"detail":"from the API"}');
  });
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve));
  report = recordReport();
  const { port } = api.address() as AddressInfo;
  relay = await startFeedbackRelay(
    { feedback: { url: `http://127.0.0.1:${port}/api/feedback/T1`, token: 'good' } },
    report,
  );
});

afterEach(async () => {
  await relay.close();
  await new Promise(resolve => api.close(resolve));
});

function post(verb: string, body: unknown, token = 'good'): Promise<Response> {
  return fetch(`${relay.url}/${verb}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

test('lines of a role go into the run’s own log, in order', async () => {
  expect((await post('log', { lines: ['one', '', 'two\nthree'] })).status).toBe(204);
  expect(report.lines).toEqual(['one', '', 'two', 'three']);
  expect(received).toEqual([]);
});

test('a batch that is posted again because its answer was lost is not doubled', async () => {
  await post('log', { lines: ['one', 'two'], stream: 's', from: 0 });
  await post('log', { lines: ['one', 'two'], stream: 's', from: 0 });
  await post('log', { lines: ['three'], stream: 's', from: 2 });
  await post('log', { lines: ['other'], stream: 't', from: 0 });
  expect(report.lines).toEqual(['one', 'two', 'three', 'other']);
});

test('without the token of this run nothing is taken', async () => {
  expect((await post('log', { lines: ['x'] }, 'bad')).status).toBe(401);
  expect((await post('fields', {}, 'bad')).status).toBe(401);
  expect(report.lines).toEqual([]);
  expect(received).toEqual([]);
});

test('everything else goes to the API with the token, and its answer comes back', async () => {
  answerStatus = 403;
  const response = await post('fields', { kind: 'environment' });
  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({ detail: 'from the API' });
  expect(received).toEqual([
    { path: '/api/feedback/T1/fields', authorization: 'Bearer good', body: '{"kind":"environment"}' },
  ]);
});

test('progress that the API accepts is marked in the log, refused progress is not', async () => {
  await post('progress', { percent: 40, label: 'half' });
  answerStatus = 400;
  await post('progress', { percent: 4000 });
  expect(report.marks).toEqual([{ kind: 'progress', percent: 40, name: 'half', line: 0 }]);
});

test('another path, another method and a body that is not lines are refused', async () => {
  const elsewhere = relay.url.replace('/T1', '/T2');
  const headers = { authorization: 'Bearer good' };
  expect((await fetch(`${elsewhere}/log`, { method: 'POST', headers, body: '{}' })).status).toBe(404);
  expect((await fetch(`${relay.url}/log`, { headers })).status).toBe(404);
  expect((await post('log', { lines: [1] })).status).toBe(400);
});

test('an API that is away is 502 for the role, and does not end the run', async () => {
  await new Promise(resolve => {
    api.closeAllConnections();
    api.close(resolve);
  });
  expect((await post('outputs', {})).status).toBe(502);
});

test('after the end nothing listens any more', async () => {
  await relay.close();
  await expect(post('log', { lines: ['late'] })).rejects.toThrow();
  expect(report.lines).toEqual([]);
});

test('a log without room is 429, of which nothing is taken; with room again it goes on', async () => {
  const room = Promise.withResolvers<void>();
  let isFull = true;
  await relay.close();
  const feedback = { url: 'http://127.0.0.1:9/api/feedback/T1', token: 'good' };
  relay = await startFeedbackRelay({ feedback }, { ...report, room: () => (isFull ? room.promise : undefined) }, 20);
  expect((await post('log', { lines: ['one'], stream: 's', from: 0 })).status).toBe(429);
  expect(report.lines).toEqual([]);
  const again = post('log', { lines: ['one'], stream: 's', from: 0 });
  isFull = false;
  room.resolve();
  expect((await again).status).toBe(204);
  expect(report.lines).toEqual(['one']);
});
