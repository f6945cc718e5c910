import { describe, expect, test } from 'vitest';
import type { Message, ToldNotice } from '../../model/store/deliveries.ts';
import { renderMail } from './mail.ts';
import { chatText, mailText, subjectLine } from './message-words.ts';

const url = 'https://aegir.example.org';

function noticeOf(some: Partial<ToldNotice> = {}): ToldNotice {
  return {
    id: '1',
    event: 'operation_failed',
    key: 'operation:update:environment:e',
    subject: { kind: 'environment', id: 'e', name: 'blog' },
    project: { id: 'p', name: 'site' },
    environmentKind: 'production',
    operation: 'o1',
    path: '',
    title: 'Update',
    message: 'The database did not answer.',
    at: '2026-01-01T10:00:00.000Z',
    again: false,
    ...some,
  };
}

const messageOf = (notices: ToldNotice[], testBy = ''): Message =>
  ({
    delivery: { id: '01D', testBy, createdAt: new Date('2026-01-01T10:00:05Z') },
    receiver: { id: 'r', name: 'ops', addresses: ['ada@example.org', 'bob@example.org'] },
    notices,
  }) as unknown as Message;

describe('a mail', () => {
  test('says in its subject what happened to whom', () => {
    expect(subjectLine(messageOf([noticeOf()]))).toBe('[Aegir] Failed: Update of blog (production)');
    expect(subjectLine(messageOf([noticeOf({ again: true })]))).toBe(
      '[Aegir] Failed, still: Update of blog (production)',
    );
    const drift = noticeOf({ event: 'drift_found', title: '', environmentKind: null });
    expect(subjectLine(messageOf([drift]))).toBe('[Aegir] Drift found: blog');
    const several = [noticeOf(), noticeOf({ event: 'recovered' }), noticeOf()];
    expect(subjectLine(messageOf(several))).toBe('[Aegir] 2 × failed, 1 × recovered');
    expect(subjectLine(messageOf([], 'ada@example.org'))).toBe('[Aegir] Test');
  });

  test('lists what happened, with links', () => {
    const drift = noticeOf({ event: 'drift_found', title: '', operation: null, project: null, message: '' });
    expect(mailText(messageOf([noticeOf(), drift]), url)).toBe(`Failed: Update of blog (production)
The database did not answer.
2026-01-01 10:00 UTC, Project site
https://aegir.example.org/operations/o1

Drift found: blog (production)
2026-01-01 10:00 UTC
https://aegir.example.org/environments/e

-- 
The Receiver “ops” of Aegir: https://aegir.example.org/receivers/r`);
  });

  test('lists no more than a person reads', () => {
    const text = mailText(messageOf(Array.from({ length: 500 }, () => noticeOf())), url);
    expect(text.match(/^Failed:/gm)?.length).toBe(100);
    expect(text).toContain('And 400 more: https://aegir.example.org/operations');
    expect(mailText(messageOf([noticeOf({ message: 'x'.repeat(10_000) })]), url).length).toBeLessThan(1000);
  });

  test('has an id of its own and that of its trouble, which its end has too', () => {
    const from = 'Aegir <aegir@example.org>';
    const failed = renderMail(messageOf([noticeOf()]), from, url);
    const recovered = renderMail(messageOf([noticeOf({ event: 'recovered', id: '2' })]), from, url);
    expect(failed.messageId).toBe('<01D@example.org>');
    expect(failed.references).toMatch(/^<[0-9a-f]{32}@example\.org>$/);
    expect(recovered.references).toBe(failed.references);
    const mixed = renderMail(messageOf([noticeOf(), noticeOf({ key: 'another' })]), from, url);
    expect(mixed.references).toBeUndefined();
    expect(failed.headers).toMatchObject({ 'List-Id': 'Aegir ops <ops.aegir.example.org>' });
  });
});

test('a chat gets text, whatever stands in it', () => {
  const evil = noticeOf({ message: '<!channel> <https://evil.example|click> @all & more\nsecond' });
  expect(chatText(messageOf([evil]), url)).toBe(
    '<https://aegir.example.org/operations/o1|Failed: Update of blog (production)>\n' +
      '> &lt;!channel&gt; &lt;https://evil.example|click&gt; @\u200ball &amp; more\n> second',
  );
});
