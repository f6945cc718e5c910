import { expect, test } from 'vitest';
import { createMask } from './mask.ts';
import { hideReplaced } from './mask-beside.ts';

const mask = createMask(['correct-horse-battery']);
const hide = (diff: string) => hideReplaced(mask(diff));

test('what a secret replaces is hidden, whatever its length, with all that follows on its line', () => {
  expect(hide("-  'password' => 'before', // old\n+  'password' => 'correct-horse-battery',")).toBe(
    "-  'password' => '********\n+  'password' => '********',",
  );
});

test('a line that begins otherwise, or is not taken away, is shown', () => {
  const diff = ' host = a\n-user = b\n+password = correct-horse-battery\n+user = c';
  expect(hide(diff)).toBe(' host = a\n-user = b\n+password = ********\n+user = c');
});

test('a begin too short to mean anything hides nothing', () => {
  expect(hide('-a b\n+a correct-horse-battery')).toBe('-a b\n+a ********');
});

test('a diff without a secret stays as it is, but for private keys', () => {
  expect(hide('-one\n+two')).toBe('-one\n+two');
  const key = ['-----BEGIN EC PRIVATE KEY-----', 'MHcCAQEEIIrYSSNQ', '-----END EC PRIVATE KEY-----', 'after'];
  expect(hide(key.map(line => `-${line}`).join('\n'))).toBe(
    '------BEGIN EC PRIVATE KEY-----\n-********\n------END EC PRIVATE KEY-----\n-after',
  );
});
