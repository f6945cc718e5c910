// Reports pushes as GitHub, Gitea and GitLab do, signed.

import { createHmac, randomUUID } from 'node:crypto';
import type { GitProvider } from '../model/pushes.ts';

export interface HookAnswer {
  status: number;
  body: { id: string; state: string; message: string; detail?: string };
}

export interface HookOptions {
  provider?: GitProvider;
  event?: string;
  delivery?: string;
  /** Of what the signature is to be, when not of the secret. */
  signature?: string;
  body?: string;
}

export interface HookSender {
  url: string;
  secret: string;
  /** Address of the repository, as the git server knows it. */
  repository: string;
}

export function pushOf(repository: string, branch: string, after: string): Record<string, unknown> {
  return { ref: `refs/heads/${branch}`, after, repository: { clone_url: repository }, pusher: { name: 'ada' } };
}

export async function sendHook(
  { url, secret }: HookSender,
  document: unknown,
  { provider = 'github', event = 'push', delivery = randomUUID(), signature, body: raw }: HookOptions = {},
): Promise<HookAnswer> {
  const body = raw ?? JSON.stringify(document);
  const hmac = signature ?? createHmac('sha256', secret).update(body).digest('hex');
  const headers: Record<GitProvider, Record<string, string>> = {
    github: { 'x-github-event': event, 'x-github-delivery': delivery, 'x-hub-signature-256': `sha256=${hmac}` },
    gitea: {
      ...{ 'x-gitea-event': event, 'x-gitea-delivery': delivery, 'x-gitea-signature': hmac },
      ...{ 'x-github-event': event, 'x-github-delivery': delivery, 'x-hub-signature-256': `sha256=${hmac}` },
    },
    gitlab: { 'x-gitlab-event': event, 'idempotency-key': delivery, 'x-gitlab-token': signature ?? secret },
  };
  const answer = await fetch(url, {
    method: 'POST',
    // What is too large is answered before it was read, and its connection ends then.
    headers: { 'content-type': 'application/json', connection: 'close', ...headers[provider] },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as HookAnswer['body'] };
}
