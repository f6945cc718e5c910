import { expect, test } from 'vitest';
import { ordinal } from './ordinal.ts';

test('a place in line reads as people say it', () => {
  const places = [1, 2, 3, 4, 11, 12, 13, 21, 102];
  expect(places.map(ordinal)).toEqual(['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd']);
});
