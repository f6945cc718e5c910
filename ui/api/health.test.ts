import { expect, test } from 'vitest';
import { awayOf, nextAway } from './health.ts';

test('each part that does not answer is named, whatever parts there are', () => {
  expect(awayOf({ ok: true, parts: { database: true, engine: true } })).toEqual([]);
  expect(awayOf({ ok: false, parts: { database: true, engine: false, workers: false } })).toEqual([
    'engine',
    'workers',
  ]);
});

test('an answer of somebody else is none of Aegir', () => {
  expect(awayOf({ message: 'Bad gateway' })).toEqual(['api']);
  expect(awayOf(null)).toEqual(['api']);
});

test('an outage keeps its begin, and is forgotten when it is over', () => {
  const first = nextAway([], ['engine'], '1');
  expect(nextAway(first, ['engine', 'database'], '2')).toEqual([
    { name: 'engine', since: '1' },
    { name: 'database', since: '2' },
  ]);
  expect(nextAway(first, [], '2')).toEqual([]);
});
