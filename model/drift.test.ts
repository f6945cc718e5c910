import { expect, test } from 'vitest';
import { driftWords, gatherDifferences, kindOfLine, longestText, mostDifferences } from './drift.ts';

const found = (text: string, more = {}) => ({ task: 'Write', resource: '/etc/x', text, left: 0, ...more });

test('those of one thing become one, without headers that name temporary files', () => {
  const content = '--- before: /etc/x\n+++ after: /tmp/ansible-local-1/tmp2\n@@ -1 +1 @@\n-a\n+b\n';
  const mode = '--- before\n+++ after\n@@ -1 +1 @@\n-0644\n+0600\n';
  expect(gatherDifferences([found(content), found(mode), found('', { resource: '/etc/y' })])).toEqual({
    differences: [found('@@ -1 +1 @@\n-a\n+b\n@@ -1 +1 @@\n-0644\n+0600'), found('', { resource: '/etc/y' })],
    more: 0,
  });
});

test('lines of a file that look like headers stay', () => {
  const text = '@@ -1,2 +1,1 @@\n--- rule\n-b\n+++ c';
  expect(gatherDifferences([found(text)]).differences).toEqual([found(text)]);
});

test('a long one is cut at the end of a line, and what is left out is counted', () => {
  const text = Array.from({ length: 10_000 }, (_, at) => `-line ${at}`).join('\n');
  const [cut] = gatherDifferences([found(text, { left: 7 })]).differences;
  expect(cut?.text.length).toBeLessThanOrEqual(longestText);
  expect(text.startsWith(`${cut?.text}\n`)).toBe(true);
  expect(cut?.left).toBe(7 + text.length - (cut?.text.length ?? 0));
});

test('more than are kept are counted, and names are no longer than an index takes', () => {
  const many = Array.from({ length: mostDifferences + 3 }, (_, at) => found('', { resource: `/etc/${at}` }));
  expect(gatherDifferences(many)).toMatchObject({ more: 3, differences: { length: mostDifferences } });
  const [long] = gatherDifferences([found('', { resource: 'package '.repeat(1000) })]).differences;
  expect(long?.resource.length).toBe(300);
});

test('numbers in words', () => {
  const words = (open: number, accepted: number, checkedAt: string | null = '2026-01-01T00:00:00Z') =>
    driftWords({ open, accepted, notCompared: 0, checkedAt });
  expect([words(0, 0, null), words(0, 0), words(1, 0), words(3, 2), words(0, 2)]).toEqual([
    'never checked',
    'as it should be',
    '1 difference',
    '3 differences, 2 accepted',
    '2 accepted',
  ]);
  expect(['+a', '-a', '@@ -1 +1 @@', ' a', ''].map(kindOfLine)).toEqual(['added', 'removed', 'place', 'same', 'same']);
});
