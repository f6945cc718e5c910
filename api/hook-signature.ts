// Whether a request comes from the git server that knows the Project's secret. Nothing of it is believed before.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { GitProvider } from '../model/pushes.ts';

export interface HookHead {
  provider: GitProvider;
  event: string;
  /** By which a repetition is known; '' where the server gives none. */
  delivery: string;
}

type Header = (name: string) => string | undefined;

/** null: no git server that we know. Gitea sends GitHub's headers as well, so it is asked for first. */
export function readHookHead(header: Header): HookHead | null {
  const read = (provider: GitProvider, event: string, ...delivery: string[]): HookHead | null => {
    const name = header(event);
    if (name === undefined) return null;
    return { provider, event: name, delivery: delivery.map(header).find(Boolean)?.slice(0, 200) ?? '' };
  };
  return (
    read('gitea', 'x-gitea-event', 'x-gitea-delivery') ??
    read('gitea', 'x-forgejo-event', 'x-forgejo-delivery') ??
    read('github', 'x-github-event', 'x-github-delivery') ??
    // Stays the same when GitLab tries again; older ones send the other only.
    read('gitlab', 'x-gitlab-event', 'idempotency-key', 'x-gitlab-event-uuid')
  );
}

export function isSigned(provider: GitProvider, header: Header, body: Buffer, secret: string): boolean {
  if (provider === 'gitlab') return isEqual(header('x-gitlab-token') ?? '', secret);
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  if (provider === 'github') return isEqual(header('x-hub-signature-256') ?? '', `sha256=${expected}`);
  return isEqual(header('x-gitea-signature') ?? header('x-forgejo-signature') ?? '', expected);
}

/** Takes as long for every pair, whatever their lengths. */
function isEqual(one: string, other: string): boolean {
  const [left, right] = [one, other].map(text => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right) && one !== '';
}
