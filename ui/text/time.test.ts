import { expect, test } from 'vitest';
import { durationWords, elapsedMs, relativeTime } from './time.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const before = (ms: number) => new Date(now - ms).toISOString();

test('a time says how long ago it was, in one unit', () => {
  expect(relativeTime(before(1000), now)).toBe('just now');
  expect(relativeTime(before(59_000), now)).toBe('59 s ago');
  expect(relativeTime(before(61_000), now)).toBe('1 min ago');
  expect(relativeTime(before(3 * 3_600_000), now)).toBe('3 h ago');
  expect(relativeTime(before(49 * 3_600_000), now)).toBe('2 d ago');
  expect(relativeTime(before(-300_000), now)).toBe('in 5 min');
});

test('a time of long ago is a date and a wrong one is a dash', () => {
  expect(relativeTime('2025-01-02T03:04:05Z', now)).toBe('2025-01-02');
  expect(relativeTime('never', now)).toBe('–');
});

test('a duration shows at most two units and no zeros', () => {
  expect(durationWords(340)).toBe('340 ms');
  expect(durationWords(2449)).toBe('2.4 s');
  expect(durationWords(48_900)).toBe('48 s');
  expect(durationWords(125_000)).toBe('2 min 5 s');
  expect(durationWords(120_000)).toBe('2 min');
  expect(durationWords(3_780_000)).toBe('1 h 3 min');
});

test('what has not begun has no duration, what has not ended counts until now', () => {
  expect(elapsedMs(null, null, now)).toBeNull();
  expect(elapsedMs(before(5000), null, now)).toBe(5000);
  expect(elapsedMs(before(5000), before(2000), now)).toBe(3000);
});
