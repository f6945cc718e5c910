import { expect, test } from 'vitest';
import type { FailedTaskView } from '../../api/contract.ts';
import { readChanges } from './field-changes.ts';

const task: FailedTaskView = {
  id: 't1',
  title: 'Deploy',
  fields: [
    { name: 'path', type: 'str', required: true, default: '/srv' },
    { name: 'port', type: 'int', default: 80 },
    { name: 'aliases', type: 'list', elements: 'str', default: ['a'] },
    { name: 'password', type: 'str', secret: true, default: { $secret: 's1' } },
  ],
};
const kept = { secret: 'keep', isSet: true, text: '' } as const;

test('a retry without changes sends nothing, also when a field was touched and put back', () => {
  expect(readChanges([task], {})).toEqual({ inputs: {}, problems: [] });
  const touched = { t1: { path: '/srv', port: '80', aliases: ['a'], password: kept } };
  expect(readChanges([task], touched)).toEqual({ inputs: {}, problems: [] });
});

test('only changed fields are sent, under their Task', () => {
  const other: FailedTaskView = { ...task, id: 't2' };
  const touched = {
    t1: { port: '8080', path: '/srv', password: { ...kept, secret: 'replace' as const, text: 'new' } },
    t2: { aliases: [] },
  };
  expect(readChanges([task, other], touched)).toEqual({
    inputs: { t1: { port: 8080, password: 'new' }, t2: { aliases: [] } },
    problems: [],
  });
});

test('what cannot be sent is named with its Task and field', () => {
  const { problems } = readChanges([task], { t1: { path: ' ', port: 'x' } });
  expect(problems.map(({ path }) => path)).toEqual(['t1.path', 't1.port']);
});
