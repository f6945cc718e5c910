import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { OperationView, StreamEvent } from '../api/contract.ts';
import type { OperationState } from '../model/run.ts';
import { attemptView, attentionView, claimView, logChunk, operationView, taskView } from './testing/fixtures.ts';
import { resultOf } from './testing/run-cli.ts';
import { useFakeApi } from './testing/setup.ts';

const setting = useFakeApi();
const events = 'GET /api/operations/op1/events';
const ended = { endedAt: '2026-11-21T08:00:03.000Z' };

type Sent = StreamEvent & { id: string };

function send(response: ServerResponse, sent: Sent[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const { event, data, id } of sent)
    response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function end(state: OperationState): Sent {
  return { event: 'end', data: { state }, id: 'end' };
}

/** The Operation with its one step over, as GET answers it. */
function over(state: OperationState, lines: number, changes: Partial<OperationView> = {}): OperationView {
  const task = taskView('a', {
    state: state === 'succeeded' ? state : 'failed',
    attempts: [attemptView('a-1', lines)],
    changed: true,
    ...ended,
  });
  return operationView({ state, tasks: [task], ...ended, ...changes });
}

test('a stream that is cut twice goes on behind the last event, with every line once', async () => {
  const { api } = setting;
  const running = operationView({ tasks: [taskView('a')] });
  const log = (first: number, lines: string[]): Sent => ({
    event: 'log',
    data: logChunk('a', first, lines),
    id: `l${first}`,
  });
  api.answer('GET /api/operations/op1', over('succeeded', 6));
  api.on(events, (request, response) => {
    const from = request.headers['last-event-id'];
    if (from === undefined) {
      send(response, [{ event: 'operation', data: running, id: 'o1' }, log(1, ['one', 'two'])]);
      // Cut in the middle of an event.
      response.write('id: l3\nevent: log\ndata: {"attem', () => response.destroy());
    } else if (from === 'l1') {
      // The second connection repeats a line that was there already.
      send(response, [log(2, ['two', 'three', '']), log(5, ['five'])]);
      response.end();
    } else
      send(response, [log(6, ['six']), { event: 'operation', data: over('succeeded', 6), id: 'o2' }, end('succeeded')]);
  });
  const result = await setting.run(['logs', '-f', 'op1']);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toBe(
    [
      '==> [1/1] Step a (web1)',
      ...['one', 'two', 'three', '', 'five', 'six'],
      '<== Step a: succeeded after 3.0 s, changed',
      'Install on environment blog: succeeded after 3.0 s\n',
    ].join('\n'),
  );
  expect(api.requests(events).map(request => request.headers['last-event-id'])).toEqual([undefined, 'l1', 'l5']);
});

test.each([
  ['succeeded', 0],
  ['failed', 1],
  ['cancelled', 130],
] as const)('an Operation that %s ends with exit code %i', async (state, code) => {
  setting.api.answer('GET /api/operations/op1', over(state, 0, { message: 'It was so.', exitCode: code }));
  setting.api.on(events, (_request, response) => send(response, [end(state)]));
  const result = await setting.run(['logs', '--follow', 'op1']);
  expect(result.code).toBe(code);
  expect(result.stdout).toContain(`Install on environment blog: ${state} after 3.0 s`);
});

test('one that waits says behind whom, once for each place', async () => {
  const queued = (position: number) => {
    const behind = [claimView('op0', 0), claimView('op9', 1)].slice(0, position);
    return operationView({ state: 'queued', tasks: [], claims: [{ ...claimView('op1', position), behind }] });
  };
  const sent = [queued(2), queued(2), queued(1)].map((data, index) => ({
    ...{ event: 'operation' as const, data, id: `o${index}` },
  }));
  setting.api.answer('GET /api/operations/op1', over('succeeded', 0));
  setting.api.on(events, (_request, response) => send(response, [...sent, end('succeeded')]));
  const lines = (await setting.run(['logs', '-f', 'op1'])).stdout.split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'Waits for the environment blog: 2nd in line, behind Install op0 (by Bob), Install op9 (by Bob).',
    'Waits for the environment blog: 1st in line, behind Install op0 (by Bob).',
  ]);
});

test('one that needs attention ends with its whole log, each answer as a command, and exit code 1', async () => {
  const failed = taskView('a', {
    state: 'failed',
    attempts: [attemptView('a-1', 2)],
    message: 'It did not work.',
    ...ended,
  });
  const decided = attentionView({ id: '1.0', operation: 'op0', isDecided: true });
  const parked = operationView({
    state: 'needs_attention',
    tasks: [failed],
    attentions: [decided, attentionView({ policy: { choice: 'undo', at: ended.endedAt } })],
  });
  setting.api.on(events, (_request, response) =>
    send(response, [
      { event: 'operation', data: { ...parked, attentions: [decided] }, id: 'o1' },
      { event: 'operation', data: parked, id: 'o2' },
      { event: 'log', data: logChunk('a', 1, ['one', 'two']), id: 'l2' },
    ]),
  );
  const result = await setting.run(['logs', '-f', 'op1']);
  expect(result).toMatchObject({ code: 1, stderr: '' });
  const lines = result.stdout.trimEnd().split('\n');
  expect(lines.slice(0, 4)).toEqual([
    '==> [1/1] Step a (web1)',
    'one',
    'two',
    expect.stringMatching(/^<== Step a: failed/),
  ]);
  expect(lines).toContain('  ./aegir decide op1 retry  Runs Step a again.');
  expect(lines).toContain('  ./aegir decide op1 undo   Takes back: Step b.');
  expect(result.stdout).toContain('A retry takes new values of: http_port');
  expect(result.stdout).toMatch(/When nobody decides, it ends, and what is done is undone: 2026-/);
  expect(lines.at(-1)).toBe('Install on environment blog: needs attention: It did not work.');
});

test('one whose nested Operation asks ends with exit code 1, also while its own state is said to be another', async () => {
  const asking = operationView({ state: 'running', attentions: [attentionView({ operation: 'op0' })] });
  setting.api.on(events, (_request, response) => send(response, [{ event: 'operation', data: asking, id: 'o1' }]));
  expect((await setting.run(['logs', '-f', 'op1'])).code).toBe(1);
});

test('the steps of an Operation that is over come in order, each header before its lines and its result behind', async () => {
  const done = (id: string, lines: number) =>
    taskView(id, { state: 'succeeded', attempts: [attemptView(`${id}-1`, lines)], ...ended });
  const operation = operationView({ state: 'succeeded', tasks: [done('a', 1), done('b', 1)], ...ended });
  setting.api.answer('GET /api/operations/op1', operation);
  setting.api.on(events, (_request, response) =>
    send(response, [
      { event: 'operation', data: operation, id: '1' },
      { event: 'log', data: logChunk('a', 1, ['of a']), id: '2' },
      { event: 'log', data: logChunk('b', 1, ['of b']), id: '3' },
      end('succeeded'),
    ]),
  );
  const lines = (await setting.run(['logs', '-f', 'op1'])).stdout.split('\n');
  expect(lines.slice(0, 6).map(line => line.split(':')[0])).toEqual([
    '==> [1/2] Step a (web1)',
    'of a',
    '<== Step a',
    '==> [2/2] Step b (web1)',
    'of b',
    '<== Step b',
  ]);
});

test('a pipe gets no colours, --raw gets the lines alone as they are', async () => {
  const line = '\u001b[32mok\u001b[0m\u001b]0;title\u0007 done';
  setting.api.answer('GET /api/operations/op1', over('succeeded', 1));
  setting.api.on(events, (_request, response) =>
    send(response, [{ event: 'log', data: logChunk('a', 1, [line]), id: '1' }, end('succeeded')]),
  );
  expect((await setting.run(['logs', '-f', 'op1'])).stdout).toContain('\nok done\n');
  expect((await setting.run(['logs', '-f', 'op1', '--raw'])).stdout).toBe(`${line}\n`);
});

test('with --json standard output is one document and the log goes to standard error', async () => {
  setting.api.answer('GET /api/operations/op1', over('failed', 1, { exitCode: 2 }));
  setting.api.on(events, (_request, response) =>
    send(response, [{ event: 'log', data: logChunk('a', 1, ['a line']), id: '1' }, end('failed')]),
  );
  const result = await setting.run(['logs', '-f', 'op1', '--json']);
  expect(result.code).toBe(1);
  expect((JSON.parse(result.stdout) as OperationView).state).toBe('failed');
  expect(result.stderr).toContain('a line\n');
});

test('Ctrl-C detaches, says that the Operation goes on and how to cancel it', async () => {
  setting.api.on(events, (_request, response) =>
    send(response, [{ event: 'operation', data: operationView({ tasks: [taskView('a')] }), id: '1' }]),
  );
  const child = setting.sandbox.start(['logs', '-f', 'op1']);
  child.stdout.once('data', () => child.kill('SIGINT'));
  const result = await resultOf(child);
  expect(result.code).toBe(130);
  expect(result.stderr).toContain('Cancel it: ./aegir cancel op1');
  expect(setting.api.requests('POST /api/operations/op1/cancel')).toEqual([]);
});

test('an Operation that does not exist is not waited for', async () => {
  setting.api.refuse(events, { status: 404, title: 'Not found', detail: 'There is no Operation op1.' });
  expect(await setting.run(['logs', '-f', 'op1'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error: There is no Operation op1.\n',
  });
});

test('without -f the whole log so far is printed, page by page', async () => {
  const { api } = setting;
  api.answer('GET /api/operations/op1', over('succeeded', 2));
  api.on('GET /api/operations/op1/log', (request, response) => {
    const isFirst = request.query.after === undefined;
    const chunks = [logChunk('a', isFirst ? 1 : 2, [isFirst ? 'one' : 'two'])];
    response.end(JSON.stringify({ chunks, next: isFirst ? 'n2' : null }));
  });
  const { stdout } = await setting.run(['logs', 'op1']);
  expect(stdout).toContain('==> [1/1] Step a (web1)\none\ntwo\n<== Step a: succeeded');
});
