import { expect, test } from 'vitest';
import type { OperationView, ResumeView } from '../../api/contract.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { attemptView, attentionView, logChunk, operationView, taskView } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const look = 'GET /api/operations/op1';
const decisions = 'POST /api/operations/op1/decisions';
const parked = (...attentions: OperationView['attentions']) =>
  operationView({ state: 'needs_attention', attentions, tasks: [taskView('a', { state: 'failed' })] });

test('a decision answers the question that is open', async () => {
  setting.api.answer(look, parked(attentionView({ id: '1.1', isDecided: true }), attentionView({ id: '1.2' })));
  setting.api.answer(decisions, operationView(), 202);
  const result = await setting.run(['decide', 'op1', 'undo']);
  expect(result).toEqual({
    code: 0,
    stdout: `Operation op1 goes on: undo.\n${setting.api.url}/operations/op1\n`,
    stderr: '',
  });
  expect(setting.api.requests(decisions)[0]?.body).toEqual({ attention: '1.2', choice: 'undo', inputs: {} });
});

test('the fields of failed steps are flags; a value goes to every one that has such a field, or to the one that is named', async () => {
  const port: FieldSpec = { name: 'http_port', type: 'int', default: 80 };
  const failed = [
    { id: 'a', title: 'Step a', fields: [port, { name: 'key', type: 'str', secret: true } satisfies FieldSpec] },
    { id: 'b', title: 'Step b', fields: [port] },
  ];
  setting.api.answer(look, parked(attentionView({ tasks: ['a', 'b'], failed })));
  setting.api.answer(decisions, operationView(), 202);
  await setting.run(['decide', 'op1', 'retry', '--http-port', '81', '--key', '-'], { stdin: 's3cret\n' });
  await setting.run(['decide', 'op1', 'retry', '--http-port', '82', '--task', 'b']);
  expect(setting.api.requests(decisions).map(({ body }) => (body as { inputs: unknown }).inputs)).toEqual([
    { a: { http_port: 81, key: 's3cret' }, b: { http_port: 81 } },
    { b: { http_port: 82 } },
  ]);
  const unknown = await setting.run(['decide', 'op1', 'retry', '--task', 'c']);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('  b: Step b') });
});

test('following after a decision says nothing again that was over before', async () => {
  const first = attemptView('a-1', 1, { state: 'failed' });
  const before = { ...parked(attentionView()), tasks: [taskView('a', { state: 'failed', attempts: [first] })] };
  const second = attemptView('a-2', 1, { number: 2 });
  const tasks = [taskView('a', { state: 'succeeded', attempts: [first, second], endedAt: second.endedAt })];
  const after = operationView({ state: 'succeeded', tasks, endedAt: second.endedAt });
  setting.api.answer(look, before);
  setting.api.answer(decisions, operationView(), 202);
  setting.api.on('GET /api/operations/op1/events', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const events = [
      ['operation', after],
      ['log', logChunk('a', 1, ['of the first'])],
      ['log', logChunk('a', 1, ['of the second'], 'a-2')],
      ['end', { state: 'succeeded' }],
    ] as const;
    for (const [name, data] of events) response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  });
  const { stdout } = await setting.run(['decide', 'op1', 'retry', '--follow']);
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    '--- Step a, attempt 2',
    'of the second',
    expect.stringMatching(/^<== Step a: succeeded/),
  ]);
});

test('--help says what each answer does and what the fields are now', async () => {
  setting.api.answer(look, parked(attentionView()));
  const { code, stdout } = await setting.run(['decide', 'op1', 'retry', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('./aegir decide op1 leave  Ends it.');
  expect(stdout).toContain('--http-port <number>');
  expect(stdout).toContain('  http_port: 80');
});

test('where nothing is asked nothing is sent, and the answer says why', async () => {
  setting.api.answer(look, operationView({ state: 'running' }));
  const idle = await setting.run(['decide', 'op1', 'retry']);
  expect(idle).toMatchObject({ code: 2, stderr: 'error: Operation op1 asks nothing: it is running.\n' });
  setting.api.answer(look, parked(attentionView({ isDecided: true })));
  expect((await setting.run(['decide', 'op1', 'retry'])).stderr).toContain('It is decided already');
  expect((await setting.run(['decide', 'op1', 'perhaps'])).code).toBe(2);
  expect(setting.api.requests(decisions)).toEqual([]);
});

test('where several nested Operations ask, each is decided by its own id', async () => {
  const asking = ['in1', 'in2'].map(operation => attentionView({ operation, message: `${operation} failed.` }));
  setting.api.answer(look, parked(...asking));
  const result = await setting.run(['decide', 'op1', 'retry']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('  ./aegir decide in1 …: in1 failed.\n  ./aegir decide in2 …: in2 failed.\n');
});

test('a resume says what will run, sends changed fields, and a refusal sends nothing', async () => {
  const view: ResumeView = {
    refusal: '',
    steps: [
      { id: 'a', title: 'Step a', target: 'web1', runs: false },
      { id: 'b', title: 'Step b', target: 'web1', runs: true },
    ],
    tasks: [{ id: 'b', title: 'Step b', fields: [{ name: 'http_port', type: 'int', default: 80 }] }],
    since: [operationView({ id: 'op2', title: 'Update', state: 'succeeded' })],
  };
  setting.api.answer<ResumeView>('GET /api/operations/op1/resume', view);
  setting.api.answer('POST /api/operations/op1/resume', operationView({ state: 'queued', attempt: 2 }), 202);
  const result = await setting.run(['resume', 'op1', '--http-port', '81']);
  expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('Operation op1 is queued, attempt 2.') });
  expect(result.stderr).toContain('Will run:\n  Step b (web1)\nFinished, will not run again:\n  Step a (web1)\n');
  expect(result.stderr).toContain('  Update: succeeded, by Ada at ');
  expect(setting.api.requests('POST /api/operations/op1/resume')[0]?.body).toEqual({
    inputs: { b: { http_port: 81 } },
  });
  setting.api.answer<ResumeView>('GET /api/operations/op1/resume', { ...view, refusal: 'It is not over yet.' });
  expect(await setting.run(['resume', 'op1'])).toMatchObject({ code: 2, stderr: 'error: It is not over yet.\n' });
  expect(setting.api.requests('POST /api/operations/op1/resume')).toHaveLength(1);
});
