import { expect, test } from 'vitest';
import { nameStatesOf } from './certificates.ts';

test('each name is told until when it has a certificate, or why not', () => {
  const certificates = {
    'a.test': { state: 'valid', expires: '2026-12-01T10:00:00Z', message: '' },
    'b.test': { state: 'valid', expires: '2026-12-01T10:00:00Z', message: 'not renewed, as it does not point here' },
    'c.test': { state: 'elsewhere', expires: null, message: 'does not point here (10.0.0.1 answers 404)' },
    'd.test': { state: 'odd' },
    'e.test': 'no state',
  };
  expect(nameStatesOf({ certificates })).toEqual([
    { name: 'a.test', isValid: true, words: 'valid until 2026-12-01' },
    { name: 'b.test', isValid: true, words: 'valid until 2026-12-01; not renewed, as it does not point here' },
    { name: 'c.test', isValid: false, words: 'does not point here (10.0.0.1 answers 404)' },
    { name: 'd.test', isValid: false, words: 'odd' },
  ]);
  expect([nameStatesOf({}), nameStatesOf({ certificates: null }), nameStatesOf({ certificates: 'x' })]).toEqual([
    [],
    [],
    [],
  ]);
});
