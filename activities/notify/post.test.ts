// Receivers of every kind, as real servers on the loopback.

import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '../../model/store/deliveries.ts';
import { type Listening, listen } from '../../test/listen.ts';
import { isRefused, post } from './post.ts';
import { postWebhook, sign } from './webhook.ts';

const running: Listening[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = await listen(createServer(listener), '127.0.0.1');
  running.push(server);
  return server.url;
}

const send = (url: string) => post({ url: `${url}/hook`, headers: {}, body: '{}' });

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('a POST', () => {
  test('follows no redirect, wherever it leads', async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect((await send(url)).status).toBe(307);
    expect(asked).toEqual(['/hook']);
  });

  test('reads no more than a little of an endless answer', async () => {
    let written = 0;
    const url = await serve((_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (written < 10 * 1024 * 1024) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536, 'x'))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const { status, text } = await send(url);
    expect(status).toBe(200);
    expect(text.length).toBe(4096);
    expect(written).toBeLessThan(10 * 1024 * 1024);
  });

  test('does not wait for ever', async () => {
    const url = await serve(() => undefined);
    const begun = Date.now();
    await expect(send(url)).rejects.toThrow('It did not answer within 15 s.');
    expect(Date.now() - begun).toBeLessThan(20_000);
  }, 30_000);

  test('nor for an answer that drips', async () => {
    const timers: NodeJS.Timeout[] = [];
    const url = await serve((_request, response) => {
      response.writeHead(200);
      timers.push(setInterval(() => response.write('.'), 500));
    });
    await expect(send(url)).rejects.toThrow('It did not answer within 15 s.');
    timers.forEach(clearInterval);
  }, 30_000);

  test('says in words why nobody is there', async () => {
    const url = await serve(() => undefined);
    await running.pop()?.stop();
    await expect(send(url)).rejects.toThrow('Nothing takes connections there.');
    await expect(send('http://no-such-host.invalid')).rejects.toThrow(/name is not known|cannot be looked up/);
  });

  test.each(['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254'])('is not sent to %s', address => {
    expect(isRefused(address)).toBe(true);
    expect(() => send(`http://${address.includes(':') ? `[${address}]` : address}`)).toThrow('link-local');
  });

  test.each(['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', '203.0.113.1'])('may be sent to %s', address => {
    expect(isRefused(address)).toBe(false);
  });
});

describe('a webhook', () => {
  const at = new Date('2026-01-01T10:00:00Z');
  const message = {
    delivery: { id: '01DELIVERY', createdAt: at, testBy: '' },
    receiver: { name: 'ops' },
    notices: [
      {
        ...{ id: '01N', event: 'operation_failed', key: 'k', title: 'Update', message: 'It failed.', again: false },
        ...{ subject: { kind: 'environment', id: 'e', name: 'blog' }, project: { id: 'p', name: 'site' } },
        ...{ environmentKind: 'production', operation: 'o', path: '', at: at.toISOString() },
      },
    ],
  } as unknown as Message;
  const signingSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  test('is signed as the specification has it', () => {
    // The example that its libraries are tested with.
    const signed = sign(signingSecret, {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1614265330,
      body: '{"test": 2432232314}',
    });
    expect(signed).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('carries what happened, its id and its time', async () => {
    const got: { headers: IncomingMessage['headers']; body: string }[] = [];
    const url = await serve(async (request, response) => {
      got.push({ headers: request.headers, body: await bodyOf(request) });
      response.writeHead(204).end();
    });
    const end = await postWebhook(message, 'https://aegir.example.org', { url, signingSecret });
    expect(end).toEqual({ isDelivered: true, isHopeless: false, answer: 'HTTP 204' });
    const [{ headers, body } = { headers: {}, body: '' }] = got;
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
    expect(id).toBe('01DELIVERY');
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(10);
    expect(signature).toBe(sign(signingSecret, { id: '01DELIVERY', timestamp: Number(timestamp), body }));
    expect(JSON.parse(body)).toEqual({
      type: 'aegir.notices',
      timestamp: '2026-01-01T10:00:00.000Z',
      data: {
        receiver: 'ops',
        notices: [
          {
            ...{ id: '01N', event: 'operation_failed', title: 'Failed: Update of blog (production)', again: false },
            ...{
              message: 'It failed.',
              at: '2026-01-01T10:00:00.000Z',
              environment_kind: 'production',
              operation: 'o',
            },
            ...{ subject: { kind: 'environment', id: 'e', name: 'blog' }, project: { id: 'p', name: 'site' } },
            url: 'https://aegir.example.org/operations/o',
          },
        ],
      },
    });
  });

  test.each<[number, boolean]>([
    [500, false],
    [404, false],
    [429, false],
    [410, true],
  ])('that is answered with %d is tried again unless that says never', async (status, isHopeless) => {
    const url = await serve((_request, response) => response.writeHead(status).end('no,\n not  now'));
    expect(await postWebhook(message, 'http://x', { url, signingSecret: '' })).toEqual({
      isDelivered: false,
      isHopeless,
      answer: `HTTP ${status}: no, not now`,
    });
  });
});
