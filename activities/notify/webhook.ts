// Messages by HTTP: to programs as the specification of Standard Webhooks has it, to chats as Slack and Mattermost take them.

import { createHmac } from 'node:crypto';
import type { AttemptEnd, Message } from '../../model/store/deliveries.ts';
import { chatText, webhookBody } from './message-words.ts';
import { type PostAnswer, post } from './post.ts';

interface Opened {
  url: string;
  signingSecret: string;
}

export async function postWebhook(
  message: Message,
  publicUrl: string,
  { url, signingSecret }: Opened,
): Promise<AttemptEnd> {
  const body = JSON.stringify(webhookBody(message, publicUrl));
  const { id } = message.delivery;
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Aegir',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    ...(signingSecret ? { 'webhook-signature': sign(signingSecret, { id, timestamp, body }) } : {}),
  };
  return endOf(await post({ url, headers, body }));
}

export function sign(secret: string, { id, timestamp, body }: { id: string; timestamp: number; body: string }): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

export async function postChat(message: Message, publicUrl: string, { url }: Opened): Promise<AttemptEnd> {
  const headers = { 'content-type': 'application/json', 'user-agent': 'Aegir' };
  return endOf(await post({ url, headers, body: JSON.stringify({ text: chatText(message, publicUrl) }) }));
}

/** 410: the receiver says that it is gone for good. Anything else may be mended there while we wait. */
function endOf({ status, text }: PostAnswer): AttemptEnd {
  const isDelivered = status >= 200 && status < 300;
  const isRedirect = status >= 300 && status < 400;
  const words = isRedirect
    ? 'it leads elsewhere, which is not followed. Enter the address that it leads to.'
    : text.replace(/\s+/g, ' ').trim();
  return {
    isDelivered,
    isHopeless: status === 410,
    answer: `HTTP ${status}${!isDelivered && words ? `: ${words}` : ''}`,
  };
}
