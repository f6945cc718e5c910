import { expect, test } from 'vitest';
import { recordReport } from '../test-run.ts';
import { createEventReader } from './events.ts';
import { resultOf } from './result.ts';

function read(...events: (object | string)[]) {
  const report = recordReport();
  const reader = createEventReader(report);
  for (const event of events) reader.event(typeof event === 'string' ? event : JSON.stringify(event));
  return { report, collected: reader.collected };
}

const result = (values: object) => ({
  event: 'result',
  name: 'Do it',
  uuid: 'u',
  host: 'web1',
  action: 'command',
  status: 'ok',
  durationMs: 3,
  reachedTarget: true,
  reason: '',
  ...values,
});
const lost = result({ status: 'unreachable', reachedTarget: false, reason: 'Connection refused' });
const ended = (exitCode: number) => ({ exitCode, aborted: false });

test('a lost connection may be tried again, and the message tells whether it was there before', () => {
  const local = result({ action: 'validate_argument_spec', reachedTarget: false });
  expect(resultOf(ended(4), read(local, lost).collected)).toMatchObject({
    status: 'unreachable',
    message: 'The connection to web1 failed at task “Do it”: Connection refused.',
  });
  expect(resultOf(ended(4), read(result({}), lost).collected)).toMatchObject({
    status: 'unreachable',
    message: 'The connection to web1 was lost at task “Do it”: Connection refused.',
  });
});

test('the exit code decides, not an earlier failure that was rescued', () => {
  const failed = result({ status: 'failed', reason: 'broken' });
  expect(resultOf(ended(0), read(failed).collected)).toMatchObject({ status: 'succeeded', message: '' });
  expect(resultOf(ended(2), read(failed).collected)).toMatchObject({
    status: 'failed',
    message: 'Task “Do it” failed on web1: broken.',
  });
});

test('without any result the error of Ansible is quoted', () => {
  const said = { event: 'lines', lines: ['\u001b[0;31m[ERROR]: the role is not there\u001b[0m'] };
  expect(resultOf(ended(1), read(said).collected).message).toBe('Ansible ended with code 1: the role is not there.');
  expect(resultOf({ exitCode: null, aborted: false }, read().collected).message).toBe('Ansible ended with a signal.');
});

test('the difference of a task stands in the mark of its result', () => {
  const { report } = read({ event: 'diff', text: '-a\n+b' }, result({ status: 'changed' }), result({}));
  expect(report.marks.map(mark => mark.data?.diff)).toEqual(['-a\n+b', undefined]);
});

test('an event that was cut off by a kill is no error, and what is not an event is a line', () => {
  const { report } = read('{"event": "lines", "lines": ["a', 'printed by a role');
  expect(report.lines).toEqual(['printed by a role']);
});
