import { expect, test } from 'vitest';
import { createAddressOf } from './client-address.ts';

const addressOf = createAddressOf(['127.0.0.1', '::1', '10.0.0.0/8']);

test.each([
  // Nobody of ours: what it says of others is not believed.
  ['192.0.2.7', '198.51.100.1', '192.0.2.7'],
  ['192.0.2.7', undefined, '192.0.2.7'],
  ['::ffff:192.0.2.7', undefined, '192.0.2.7'],
  ['127.0.0.1', undefined, '127.0.0.1'],
  ['127.0.0.1', '', '127.0.0.1'],
  ['127.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['::1', '2001:db8::5', '2001:db8::5'],
  // A chain of ours; the visitor has written something in front.
  ['127.0.0.1', '203.0.113.9, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
  ['127.0.0.1', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ['127.0.0.1', 'unknown', '127.0.0.1'],
  ['127.0.0.1', 'evil"><b>, 10.1.2.3', '10.1.2.3'],
  [undefined, undefined, ''],
])('asked by %s for %s: %s', (connection, forwarded, address) => {
  expect(addressOf(connection, forwarded)).toBe(address);
});
