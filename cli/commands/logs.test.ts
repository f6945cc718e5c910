import { expect, test } from 'vitest';
import type { LogHits, LogRange } from '../../api/contract.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const linesRoute = 'GET /api/operations/op1/log/lines';
const findRoute = 'GET /api/operations/op1/log/find';

function piece(from: number, lines: string[]): LogRange['pieces'][number] {
  return { attemptId: 'a1', taskId: 't1', from, firstLine: from, lines, marks: [] };
}

test('a range is shown with its numbers, over all answers that it takes', async () => {
  const pages: LogRange[] = [
    { pieces: [piece(100, ['one', '\u001b[2Jtwo'])], total: 900, next: 102 },
    { pieces: [piece(102, ['three'])], total: 900, next: null },
  ];
  setting.api.on(linesRoute, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(pages.shift()));
  });
  const result = await setting.run(['logs', 'op1', '--lines', '100-102', '--task', 't1']);
  expect(result).toEqual({ code: 0, stdout: '100: one\n101: two\n102: three\n', stderr: '' });
  expect(setting.api.requests(linesRoute).map(({ query }) => query)).toEqual([
    { from: '100', to: '102', task: 't1' },
    { from: '102', to: '102', task: 't1' },
  ]);
});

test('the last lines are asked for as such, and --raw shows them as they are kept', async () => {
  setting.api.answer<LogRange>(linesRoute, { pieces: [piece(9, ['a', 'b'])], total: 10, next: null });
  expect((await setting.run(['logs', 'op1', '--last', '2', '--raw'])).stdout).toBe('a\nb\n');
  expect(setting.api.requests(linesRoute)[0]?.query).toEqual({ last: '2' });
});

test('a search goes on until the whole log was looked at, also past answers without a hit', async () => {
  const hit = (at: number, text: string) => ({ attemptId: 'a1', taskId: 't1', at, line: at, text });
  const pages: LogHits[] = [
    { hits: [hit(3, 'no disk')], searched: 500, total: 900, next: 501 },
    { hits: [], searched: 800, total: 900, next: 801 },
    { hits: [hit(880, 'No Disk')], searched: 900, total: 900, next: null },
  ];
  setting.api.on(findRoute, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(pages.shift()));
  });
  const result = await setting.run(['logs', 'op1', '--find', 'no d.sk', '--regex', '-i']);
  expect(result).toEqual({ code: 0, stdout: '3: no disk\n880: No Disk\n', stderr: '' });
  const queries = setting.api.requests(findRoute).map(({ query }) => query);
  expect(queries[0]).toEqual({ text: 'no d.sk', regex: 'true', ignore_case: 'true' });
  expect(queries.map(({ from }) => from)).toEqual([undefined, '501', '801']);
});

test('nothing found is said, and mistakes are refused before anything is asked', async () => {
  setting.api.answer<LogHits>(findRoute, { hits: [], searched: 9, total: 9, next: null });
  expect(await setting.run(['logs', 'op1', '--find', 'x'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'No line has it.\n',
  });
  for (const range of ['0', '5-2', 'a', '-3']) {
    const { code, stderr } = await setting.run(['logs', 'op1', `--lines=${range}`]);
    expect(code).toBe(2);
    expect(stderr).toContain('It must be like 100-200');
  }
  expect((await setting.run(['logs', 'op1', '-f', '--find', 'x'])).stderr).toContain('leave it out');
  expect(setting.api.received.length).toBe(1);
});
