// Sends one message to its receiver, once: opens what is sealed, sends, writes down what came of it. When to try again is
// decided with the row; whoever dies in between sends it a second time, with the same id.

import { activityInfo, heartbeat } from '@temporalio/activity';
import { errorText } from '../../model/errors.ts';
import { deliveryWorkflowId } from '../../model/notices.ts';
import type { Database } from '../../model/store/database.ts';
import { type AttemptEnd, beginAttempt, endAttempt, type Message } from '../../model/store/deliveries.ts';
import { createMask } from '../../secrets/mask.ts';
import type { Vault } from '../../secrets/vault.ts';
import { refuse } from '../admission.ts';
import { type SmtpSettings, sendMail } from './mail.ts';
import { postChat, postWebhook } from './webhook.ts';

export interface MessengerDependencies {
  db: Database;
  vault: Vault;
  /** null = this installation sends no mail. */
  smtp: SmtpSettings | null;
  /** Where people reach Aegir: links lead there. */
  publicUrl: string;
}

export interface Messenger {
  /** Answers after how many seconds it is to be tried again; null = it is over. */
  send(delivery: string): Promise<{ pauseSeconds: number | null }>;
}

/** A third of the time after which a worker counts as lost. */
const beatMs = 5000;

/** What is kept of an answer: enough for a sentence of the receiver. */
const longestAnswer = 300;

export function createMessenger(deps: MessengerDependencies): Messenger {
  return {
    async send(delivery) {
      if (activityInfo().workflowExecution?.workflowId !== deliveryWorkflowId(delivery))
        refuse('This belongs to another message.');
      const beat = setInterval(heartbeat, beatMs);
      try {
        const message = await beginAttempt(deps.db, delivery);
        if (!message) return { pauseSeconds: null };
        return { pauseSeconds: await endAttempt(deps.db, message, await attempt(deps, message)) };
      } finally {
        clearInterval(beat);
      }
    },
  };
}

async function attempt(deps: MessengerDependencies, message: Message): Promise<AttemptEnd> {
  const { receiver } = message;
  if (receiver.state === 'deleted')
    return { isDelivered: false, isHopeless: true, answer: 'The receiver was deleted.' };
  const open = async (id: string | null) => (id === null ? '' : deps.vault.open(deps.db, id));
  let mask = (text: string) => text;
  try {
    const [url, signingSecret] = [await open(receiver.url), await open(receiver.signing_secret)];
    mask = createMask([url, ...secretPartsOf(url), signingSecret]);
    const end = await send(deps, message, { url, signingSecret });
    return { ...end, answer: mask(end.answer).slice(0, longestAnswer) };
  } catch (error) {
    return { isDelivered: false, isHopeless: false, answer: mask(errorText(error)).slice(0, longestAnswer) };
  }
}

/** Shorter parts of a path are words. */
const shortestPart = 12;

/** What is secret in an address, which answers like to repeat. */
function secretPartsOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { pathname, search, username, password } = new URL(url);
  const parts = `${pathname}/${search}`.split(/[/?&=]/).filter(part => part.length >= shortestPart);
  return [pathname, username, password, ...parts];
}

function send(
  { smtp, publicUrl }: MessengerDependencies,
  message: Message,
  opened: { url: string; signingSecret: string },
): Promise<AttemptEnd> {
  if (message.receiver.type === 'email') return sendMail(smtp, message, publicUrl);
  return message.receiver.type === 'chat'
    ? postChat(message, publicUrl, opened)
    : postWebhook(message, publicUrl, opened);
}
