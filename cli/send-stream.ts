// Sends what is read from a stream as the body of a request. fetch gives up on one that takes longer than five minutes.

import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** @throws when nobody answers. What was refused before all of it was sent is an answer. */
export async function sendStream(url: string, headers: Record<string, string>, body: Readable): Promise<Response> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const request = send(url, { method: 'POST', headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  pipeline(body, request).catch(() => undefined);
  const answer = await answered;
  const pieces: Buffer[] = [];
  for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece);
  return new Response(Buffer.concat(pieces), { status: answer.statusCode ?? 502 });
}
