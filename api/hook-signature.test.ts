import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSigned, readHookHead } from './hook-signature.ts';

const body = Buffer.from('{"ref": "refs/heads/main"}');
const secret = 'a secret of the Project';
const hmac = createHmac('sha256', secret).update(body).digest('hex');
const from = (headers: Record<string, string>) => (name: string) => headers[name];

describe('a git server is known', () => {
  test.each([
    [
      { 'x-github-event': 'push', 'x-github-delivery': '1' },
      { provider: 'github', event: 'push', delivery: '1' },
    ],
    [
      { 'x-gitea-event': 'push', 'x-gitea-delivery': '2', 'x-github-event': 'push', 'x-github-delivery': '2' },
      { provider: 'gitea', event: 'push', delivery: '2' },
    ],
    [{ 'x-forgejo-event': 'push' }, { provider: 'gitea', event: 'push', delivery: '' }],
    [
      { 'x-gitlab-event': 'Push Hook', 'idempotency-key': '3', 'x-gitlab-event-uuid': '4' },
      { provider: 'gitlab', event: 'Push Hook', delivery: '3' },
    ],
    [{ 'x-other': 'push' }, null],
  ])('by %j', (headers, head) => {
    expect(readHookHead(from(headers as Record<string, string>))).toEqual(head);
  });
});

describe('a signature', () => {
  test.each<[boolean, 'github' | 'gitlab' | 'gitea', Record<string, string>]>([
    [true, 'github', { 'x-hub-signature-256': `sha256=${hmac}` }],
    [false, 'github', { 'x-hub-signature-256': hmac }],
    [false, 'github', { 'x-hub-signature-256': `sha256=${hmac.replace(/^./, '0')}0` }],
    [false, 'github', { 'x-hub-signature': createHmac('sha1', secret).update(body).digest('hex') }],
    [false, 'github', {}],
    [true, 'gitea', { 'x-gitea-signature': hmac }],
    [false, 'gitea', { 'x-gitea-signature': '' }],
    [false, 'gitea', { 'x-hub-signature-256': `sha256=${hmac}` }],
    [true, 'gitlab', { 'x-gitlab-token': secret }],
    [false, 'gitlab', { 'x-gitlab-token': `${secret} ` }],
    [false, 'gitlab', { 'x-gitlab-token': '' }],
    [false, 'gitlab', { 'x-hub-signature-256': `sha256=${hmac}` }],
  ])('is good: %s, of %s with %j', (is, provider, headers) => {
    expect(isSigned(provider, from(headers), body, secret)).toBe(is);
  });

  test('is of this body and of this secret', () => {
    const header = from({ 'x-hub-signature-256': `sha256=${hmac}` });
    expect(isSigned('github', header, Buffer.from(`${body} `), secret)).toBe(false);
    expect(isSigned('github', header, body, 'another')).toBe(false);
  });
});
