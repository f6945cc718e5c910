import { expect, test } from 'vitest';
import { sizeWords } from './size-words.ts';

test('sizes are short, in the unit that fits', () => {
  expect([0, 512, 1024, 3_670_016, 79_721_299_968].map(sizeWords)).toEqual([
    '0 B',
    '512 B',
    '1 KiB',
    '3.5 MiB',
    '74 GiB',
  ]);
});
