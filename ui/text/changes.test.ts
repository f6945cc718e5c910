import { expect, test } from 'vitest';
import { changedFields } from './changes.ts';

test('only what differs is a change, nested values included', () => {
  const before = { state: 'new', values: { name: 'a', port: 22 }, fields: {} };
  const after = { state: 'verified', values: { name: 'a', port: 80 }, fields: { contact: 'x' } };
  expect(changedFields(before, after)).toEqual([
    { path: 'state', before: 'new', after: 'verified' },
    { path: 'values.port', before: '22', after: '80' },
    { path: 'fields.contact', before: undefined, after: 'x' },
  ]);
});

test('all fields of a new object are changes, and what is empty is nothing', () => {
  expect(changedFields(null, { name: 'a', key: null, message: '' })).toEqual([
    { path: 'name', before: undefined, after: 'a' },
  ]);
});
