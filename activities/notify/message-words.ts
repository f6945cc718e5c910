// What a message says: a subject, a text, a document. Pure; the same for every attempt, so that a receiver may compare.

import { entities } from '../../model/entities.ts';
import { noticeEvents } from '../../model/notices.ts';
import type { Message, ToldNotice } from '../../model/store/deliveries.ts';

/** Of one message; a person reads no more, and links lead to the rest. */
const mostInMail = 100;
const mostInChat = 20;
/** Of each, in texts: the first lines say what it is, the page has all of it. */
const longestWords = 600;

export function linkOf({ operation, path, subject }: ToldNotice, publicUrl: string): string {
  const own = operation ? `operations/${operation}` : `${entities[subject.kind].plural}/${subject.id}`;
  return `${publicUrl}/${path || own}`;
}

/** `Failed: Update of shop (production)` */
export function headOf(notice: ToldNotice): string {
  const { event, title, subject, environmentKind, again } = notice;
  const what = title && title !== noticeEvents[event].title ? `${title} of ${subject.name}` : subject.name;
  const where = environmentKind ? ` (${environmentKind})` : '';
  return `${noticeEvents[event].title}${again ? ', still' : ''}: ${what}${where}`;
}

export function subjectLine({ delivery, notices }: Message): string {
  const [only] = notices;
  if (delivery.testBy || !only) return '[Aegir] Test';
  if (notices.length === 1) return `[Aegir] ${headOf(only)}`;
  return `[Aegir] ${countsOf(notices)}`;
}

/** `3 failed, 1 recovered` */
function countsOf(notices: ToldNotice[]): string {
  const counts = new Map<string, number>();
  for (const { event } of notices) {
    const words = noticeEvents[event].title.toLowerCase();
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  return [...counts].map(([words, count]) => `${count} × ${words}`).join(', ');
}

export function mailText(message: Message, publicUrl: string): string {
  const { receiver, delivery, notices } = message;
  if (delivery.testBy) return `${testWords(message)}\n\n${footOf(receiver.id, receiver.name, publicUrl)}`;
  const parts = notices.slice(0, mostInMail).map(notice => {
    const { message: words, at, project } = notice;
    return [
      headOf(notice),
      ...(words ? [cut(words)] : []),
      `${at.slice(0, 16).replace('T', ' ')} UTC${project ? `, Project ${project.name}` : ''}`,
      linkOf(notice, publicUrl),
    ].join('\n');
  });
  return [...parts, ...moreOf(notices, mostInMail, publicUrl), footOf(receiver.id, receiver.name, publicUrl)].join(
    '\n\n',
  );
}

function footOf(id: string, name: string, publicUrl: string): string {
  // By "-- " mail programs know the end.
  return `-- \nThe Receiver “${name}” of Aegir: ${publicUrl}/receivers/${id}`;
}

const testWords = ({ delivery, receiver }: Message) =>
  `This is a test of the Receiver “${receiver.name}”, asked for by ${delivery.testBy}. Nothing has happened.`;

function moreOf(notices: ToldNotice[], most: number, publicUrl: string): string[] {
  return notices.length > most ? [`And ${notices.length - most} more: ${publicUrl}/operations`] : [];
}

function cut(words: string): string {
  return words.length > longestWords ? `${words.slice(0, longestWords)} …` : words;
}

/** Markdown of both kinds of chat: `<url|text>` is Slack's, and Mattermost's, for a link. */
export function chatText(message: Message, publicUrl: string): string {
  const { delivery, notices } = message;
  if (delivery.testBy) return plain(testWords(message));
  const lines = notices.slice(0, mostInChat).map(notice => {
    const words = notice.message ? `\n> ${plain(cut(notice.message)).replaceAll('\n', '\n> ')}` : '';
    return `<${linkOf(notice, publicUrl)}|${plain(headOf(notice)).replaceAll('|', '¦')}>${words}`;
  });
  const head = notices.length > 1 ? [`*${plain(countsOf(notices))}*`] : [];
  return [...head, ...lines, ...moreOf(notices, mostInChat, publicUrl)].join('\n');
}

/** What would be a mention or a link is text. */
function plain(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('@', '@\u200b');
}

export function webhookBody(message: Message, publicUrl: string): Record<string, unknown> {
  const { delivery, receiver, notices } = message;
  const data = notices.map(notice => ({
    id: notice.id,
    event: notice.event,
    title: headOf(notice),
    message: notice.message,
    at: notice.at,
    again: notice.again,
    subject: notice.subject,
    project: notice.project,
    environment_kind: notice.environmentKind,
    operation: notice.operation,
    url: linkOf(notice, publicUrl),
  }));
  return {
    type: delivery.testBy ? 'aegir.test' : 'aegir.notices',
    timestamp: delivery.createdAt.toISOString(),
    data: { receiver: receiver.name, notices: data },
  };
}
