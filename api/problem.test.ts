import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { expect, test } from 'vitest';
import { AppError } from '../model/errors.ts';
import type { ProblemJson } from './contract.ts';
import { toProblem } from './problem.ts';

async function answerTo(thrown: unknown): Promise<[number, string]> {
  const context = {
    req: { method: 'GET', path: '/api' },
    get: () => 'request-1',
    body: (text: string, status: number) => new Response(text, { status }),
  } as unknown as Context;
  const response = toProblem(thrown, context, () => undefined);
  return [response.status, ((await response.json()) as ProblemJson).detail];
}

const withCode = (code: string) => Object.assign(new Error('it failed'), { code });

test('a database that is away or full is told as such', async () => {
  expect(await answerTo(withCode('ECONNREFUSED'))).toEqual([503, expect.stringContaining('The database does not')]);
  const query = new Error('Failed query', { cause: withCode('53100') });
  expect(await answerTo(query)).toEqual([503, expect.stringContaining('The disk of the database is full')]);
  expect(await answerTo(withCode('23505'))).toEqual([500, expect.stringContaining('request-1')]);
});

test('what says by itself what it means is not taken for the database, whatever was its cause', async () => {
  const engine = new AppError('unavailable', 'The engine does not answer.', { cause: withCode('ECONNREFUSED') });
  expect(await answerTo(engine)).toEqual([503, 'The engine does not answer.']);
  const large = new HTTPException(413, { message: 'Too large.', cause: withCode('EPIPE') });
  expect(await answerTo(large)).toEqual([413, 'Too large.']);
});
