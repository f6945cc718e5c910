import { expect, test } from 'vitest';
import { toneOf } from './words.ts';

test('what waits for a person looks like nothing else', () => {
  expect(toneOf('needs_attention')).toBe('ask');
  expect(['queued', 'running', 'succeeded', 'failed', 'cancelled', 'undoing', 'undone'].map(toneOf)).not.toContain(
    'ask',
  );
});
