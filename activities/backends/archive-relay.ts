// An archive on its way between a target and the API: what comes on one side goes out on the other, as slowly as the slower
// of the two, and when one breaks off the other hears of it. What is allowed the API decides by the run's token.

import { type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';

/** Of what a target sends, and of what the API answers: what is not here is between two of the three only. */
const passed = ['content-length', 'content-type', 'range', 'content-range', 'x-archive-sha256', 'etag'];

const pick = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(passed.flatMap(name => (headers[name] === undefined ? [] : [[name, headers[name]]])));

/** The rest of what was refused. A connection that is cut at once takes the answer with it. */
function endLater(request: IncomingMessage): void {
  request.resume();
  setTimeout(() => request.destroy(), graceMs).unref();
}

/** Longer than an answer takes to be read. */
const graceMs = 2000;

/** @param url of the API; the token goes with it. */
export async function relayArchive(
  { url, token }: { url: string; token: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const headers = { ...pick(request.headers), authorization: `Bearer ${token}` };
  try {
    const upstream = send(url, { method: request.method ?? 'GET', headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.once('error', reject);
    });
    // It may answer, and refuse, before all has come.
    pipeline(request, upstream).catch(() => undefined);
    const answer = await answered;
    response.writeHead(answer.statusCode ?? 502, pick(answer.headers));
    await pipeline(answer, response);
    if (!request.complete) endLater(request);
  } catch {
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(502, { 'content-type': 'application/json' })
        .end(JSON.stringify({ detail: 'The control plane does not answer.' }));
  }
}
