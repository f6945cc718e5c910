// Who is told what happens, for the table in entities.ts.

import type { EntityDefinition } from './entities.ts';
import { nameField, organisationField } from './entity-fields.ts';
import type { Problem } from './errors.ts';
import { environmentKinds, noticeEventNames } from './notices.ts';

export const receiver: EntityDefinition = {
  kind: 'receiver',
  plural: 'receivers',
  title: 'Receiver',
  titlePlural: 'Receivers',
  hasDeliveries: true,
  nameField: 'name',
  listed: ['type', 'project', 'trouble'],
  states: ['new', 'deleted'],
  rules: {
    required_if: [
      ['type', 'webhook', ['url']],
      ['type', 'chat', ['url']],
      ['type', 'email', ['addresses']],
    ],
    required_together: [['quiet_from', 'quiet_until']],
  },
  check: checkReceiver,
  fields: [
    nameField('Who is told what happens.'),
    organisationField,
    {
      name: 'type',
      type: 'str',
      label: 'Type',
      required: true,
      choices: ['webhook', 'email', 'chat'],
      default: 'webhook',
      help: 'webhook: JSON, signed, to a program. email: by the SMTP server of this installation. chat: an incoming webhook of Slack, Mattermost or what takes the same.',
    },
    {
      name: 'url',
      type: 'str',
      label: 'Address',
      secret: true,
      help: 'webhook and chat: where it is posted to. Sealed, as whoever has it can post there.',
    },
    {
      name: 'signing_secret',
      type: 'str',
      label: 'Signing secret',
      secret: true,
      handedOut: true,
      help: 'webhook: the receiver checks with it that a message is ours (Standard Webhooks). Empty: messages are not signed.',
    },
    {
      name: 'addresses',
      type: 'list',
      elements: 'str',
      label: 'Mail addresses',
      format: 'mail_address',
      default: [],
      help: 'email: one message goes to all of them.',
    },
    {
      name: 'project',
      type: 'reference',
      to: 'project',
      label: 'Project',
      help: 'Only what belongs to it. Empty: everything.',
    },
    {
      name: 'events',
      type: 'list',
      elements: 'str',
      label: 'Only these events',
      choices: [...noticeEventNames],
      default: [],
      help: 'None chosen: all of them.',
    },
    {
      name: 'environment_kinds',
      type: 'list',
      elements: 'str',
      label: 'Only these kinds of Environments',
      choices: [...environmentKinds],
      default: [],
      help: 'None chosen: all of them. What is about no Environment is told in any case.',
    },
    {
      name: 'repeat_hours',
      group: 'Repeat and quiet hours',
      type: 'int',
      label: 'Repeat after hours',
      help: 'The same trouble at most this often, and again this often while it lasts. Empty: each time that it happens, and not again.',
    },
    {
      name: 'quiet_from',
      group: 'Repeat and quiet hours',
      type: 'str',
      label: 'Quiet from',
      help: 'Such as 22:00. What happens then comes at the end of the quiet hours, in one message.',
    },
    { name: 'quiet_until', group: 'Repeat and quiet hours', type: 'str', label: 'Quiet until', help: 'Such as 07:00.' },
    {
      name: 'time_zone',
      group: 'Repeat and quiet hours',
      type: 'str',
      label: 'Time zone',
      default: 'UTC',
      help: 'Such as Europe/Vienna.',
    },
    {
      name: 'urgent_passes',
      group: 'Repeat and quiet hours',
      type: 'bool',
      label: 'Urgent messages come in quiet hours, too',
      default: true,
      help: 'Urgent: a failure, a question or a certificate of a production Environment or of what all depend on, and a Rollout that was paused.',
    },
  ],
  resultFields: [{ name: 'trouble', type: 'str', label: 'Trouble', help: 'Why messages do not arrive at present.' }],
};

function checkReceiver(values: Record<string, unknown>): Problem[] {
  const problems: Problem[] = [];
  const { url, signing_secret, addresses, type, time_zone, repeat_hours } = values;
  // A secret that stays was checked when it was entered.
  if (typeof url === 'string' && url !== '' && !isWebAddress(url))
    problems.push({ path: 'url', message: 'is no address such as https://hooks.example.org/services/abc.' });
  if (typeof signing_secret === 'string' && signing_secret !== '' && !isSigningSecret(signing_secret))
    problems.push({
      path: 'signing_secret',
      message:
        'must be base64 of 24 to 64 bytes, with or without “whsec_” in front: openssl rand -base64 32 makes one.',
    });
  if (type === 'email' && Array.isArray(addresses) && addresses.length === 0)
    problems.push({ path: 'addresses', message: 'is required when type is email.' });
  for (const path of ['quiet_from', 'quiet_until']) {
    const value = values[path];
    if (typeof value === 'string' && value !== '' && !/^([01]\d|2[0-3]):[0-5]\d$/.test(value))
      problems.push({ path, message: 'is no time such as 07:30.' });
  }
  if (typeof time_zone === 'string' && time_zone !== '' && !isTimeZone(time_zone))
    problems.push({ path: 'time_zone', message: 'is no time zone such as Europe/Vienna or UTC.' });
  // A year: who wants to hear of it later than that does not want to hear of it.
  if (typeof repeat_hours === 'number' && (repeat_hours < 1 || repeat_hours > 8760))
    problems.push({ path: 'repeat_hours', message: 'must be from 1 to 8760.' });
  return problems;
}

function isWebAddress(value: string): boolean {
  return /^https?:\/\/[^\s\\]+$/.test(value) && URL.canParse(value);
}

/** As the specification of Standard Webhooks asks for it. */
function isSigningSecret(value: string): boolean {
  const text = value.replace(/^whsec_/, '');
  const bytes = (text.replace(/=+$/, '').length * 3) / 4;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && bytes >= 24 && bytes <= 64.9;
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
