import { expect, test } from 'vitest';
import { noTimeLeft } from './time-limit.ts';

test('what comes too late says so; without a limit nothing does', () => {
  expect(noTimeLeft('1000', 999_999)).toBeNull();
  expect(noTimeLeft('1000', 1_000_000)).toContain('AEGIR_TEST_UNTIL');
  expect(noTimeLeft('', 1_000_000)).toBeNull();
});
