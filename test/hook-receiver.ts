// A receiver of webhooks that does what a test tells it to.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { listen } from './listen.ts';

export interface ReceivedHook {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HookReceiver {
  url: string;
  got: ReceivedHook[];
  /** What comes after it is told in `got`. Default: 204. */
  answer(how: (response: ServerResponse, hook: ReceivedHook) => void): void;
  stop(): Promise<void>;
}

export async function startHookReceiver(): Promise<HookReceiver> {
  const got: ReceivedHook[] = [];
  let how = (response: ServerResponse, _hook: ReceivedHook): void => void response.writeHead(204).end();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const hook = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
    got.push(hook);
    how(response, hook);
  });
  const { url, stop } = await listen(server, '127.0.0.1');
  return {
    ...{ url, got, stop },
    answer(next) {
      how = next;
    },
  };
}
