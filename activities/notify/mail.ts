// Messages by mail, through the SMTP server of this installation. Mail programs put those of one trouble together, and know a
// message that comes twice.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { AttemptEnd, Message } from '../../model/store/deliveries.ts';
import { mailText, subjectLine } from './message-words.ts';

export interface SmtpSettings {
  host: string;
  port: number;
  /** starttls: refused where the server does not offer it. tls: from the first byte. none: for relays of this machine or network. */
  security: 'starttls' | 'tls' | 'none';
  user: string;
  /** Read anew for each message: a changed file takes effect at once. */
  password: { value: string } | { file: string } | null;
  /** `Aegir <aegir@example.org>` */
  from: string;
}

/** As long as other receivers have for their answer; a loaded mail server looks at a message a little longer. */
const connectMs = 15_000;
const silenceMs = 30_000;

export async function sendMail(smtp: SmtpSettings | null, message: Message, publicUrl: string): Promise<AttemptEnd> {
  if (!smtp) {
    const answer = 'This installation has no SMTP server: set AEGIR_SMTP_HOST and AEGIR_SMTP_FROM for its workers.';
    return { isDelivered: false, isHopeless: false, answer };
  }
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.security === 'tls',
    requireTLS: smtp.security === 'starttls',
    ignoreTLS: smtp.security === 'none',
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(smtp.user ? { auth: { user: smtp.user, pass: await readPassword(smtp.password) } } : {}),
  });
  try {
    const { accepted, rejected, response } = await transport.sendMail(renderMail(message, smtp.from, publicUrl));
    const refused = rejected.length > 0 ? ` Refused: ${rejected.map(String).join(', ')}.` : '';
    return { isDelivered: accepted.length > 0, isHopeless: false, answer: `${response}${refused}` };
  } finally {
    transport.close();
  }
}

async function readPassword(password: SmtpSettings['password']): Promise<string> {
  if (!password) return '';
  return 'value' in password ? password.value : (await readFile(password.file, 'utf8')).trimEnd();
}

export function renderMail(message: Message, from: string, publicUrl: string): SendMailOptions {
  const { delivery, receiver, notices } = message;
  const domain = /@([^\s>]+)/.exec(from)?.[1] ?? 'localhost';
  const keys = new Set(notices.map(({ key }) => key));
  const [key] = keys;
  // Of one trouble: its failure, its repeats and its end are one conversation.
  const thread =
    keys.size === 1 && key ? `<${createHash('sha256').update(key).digest('hex').slice(0, 32)}@${domain}>` : '';
  return {
    from,
    to: receiver.addresses,
    subject: subjectLine(message),
    text: mailText(message, publicUrl),
    messageId: `<${delivery.id}@${domain}>`,
    ...(thread ? { references: thread, inReplyTo: thread } : {}),
    date: delivery.createdAt,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'List-Id': `Aegir ${receiver.name} <${receiver.name}.aegir.${domain}>`,
    },
  };
}
