// Archives between a target and the API, with the program that carries them on targets and an API that accepts, refuses and
// breaks off.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type FeedbackRelay, startFeedbackRelay } from './feedback-relay.ts';
import { python, recordReport } from './test-run.ts';

let api: Server;
let relay: FeedbackRelay;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const token = 't0ken';

beforeAll(async () => {
  api = createServer((request, response) => answer(request, response));
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/api/feedback/T`;
  relay = await startFeedbackRelay({ feedback: { url, token } }, recordReport());
});

afterAll(async () => {
  await relay?.close();
  api?.closeAllConnections();
  await new Promise<void>(resolve => api.close(() => resolve()));
});

const program = `
import json, sys
import ansible.module_utils
ansible.module_utils.__path__.append(${JSON.stringify(join(import.meta.dirname, 'ansible', 'module_utils'))})
from ansible.module_utils.aegir_archive import ArchiveFailure, pieces_of, survey_archive
from ansible.module_utils.aegir_archive_send import Courier
def many(output, pieces):
    for _ in range(pieces):
        output.write(b'x' * (1 << 20))
def fails(output):
    many(output, 3)
    raise ArchiveFailure('It cannot be read.')
courier = Courier({'feedback_url': sys.argv[1], 'feedback_token': sys.argv[2]})
try:
    print(json.dumps(eval(sys.argv[3])))
except ArchiveFailure as failure:
    print(json.dumps({'failure': str(failure)}))
`;

async function carry(call: string, by = token): Promise<Record<string, unknown>> {
  const env = { PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout } = await execa(python, ['-c', program, relay.url, by, call], { env });
  return JSON.parse(stdout);
}

/** All of a request, or what there was of it. */
const read = async (request: IncomingMessage) => {
  let bytes = 0;
  try {
    for await (const piece of request) bytes += (piece as Buffer).length;
  } catch {
    return { bytes, whole: false };
  }
  return { bytes, whole: request.complete };
};

test('one of unknown length goes through, with the token of the run', async () => {
  let seen: unknown;
  answer = async (request, response) => {
    seen = { ...(await read(request)), method: request.method, path: request.url, by: request.headers.authorization };
    response.writeHead(201).end('{"id": "A", "bytes": 41943040}');
  };
  expect(await carry('courier.bring(lambda output: many(output, 40))')).toEqual({
    id: 'A',
    bytes: 41943040,
  });
  expect(seen).toEqual({
    bytes: 41943040,
    whole: true,
    method: 'PUT',
    path: '/api/feedback/T/archive',
    by: `Bearer ${token}`,
  });
});

test('what the API refuses at its begin is told in its words', async () => {
  answer = (_request, response) => response.writeHead(422).end('{"detail": "It is too large."}');
  expect(await carry('courier.bring(lambda output: many(output, 60))')).toEqual({ failure: 'It is too large.' });
});

test('one that cannot be packed to its end never looks whole', async () => {
  let seen: unknown;
  answer = async request => {
    seen = await read(request);
  };
  expect(await carry('courier.bring(fails)')).toEqual({ failure: 'It cannot be read.' });
  await expect.poll(() => seen).toMatchObject({ whole: false });
});

test('one that is cut off on its way to the target is noticed', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]));
    setTimeout(() => response.destroy(), 100);
  };
  expect(await carry(`survey_archive(courier.fetch(), 1 << 30, 'a' * 64)`)).toEqual({
    failure: expect.stringContaining('cut off'),
  });
});

test('nobody without the token of the run is let through', async () => {
  answer = (_request, response) => response.writeHead(500).end();
  expect(await carry('courier.fetch()', 'wrong')).toEqual({ failure: 'The token is not valid.' });
});
