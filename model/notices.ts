// What people are told of: the events that there are. A further one is a line here, and a call of `raiseNotice`
// (store/notices.ts) in the transaction in which it happens. Who is told, and when, is in notice-rules.ts.

import type { EntityKind } from './entities.ts';
import type { SubjectReference } from './plan.ts';

interface EventDefinition {
  title: string;
  /** It goes on until it is said to be over: it may be told again, and its end is news. */
  lasts: boolean;
  /** What may come in quiet hours: always, of a production Environment (or of none at all), or never. */
  urgent: 'always' | 'production' | 'never';
}

export const noticeEvents = {
  operation_failed: { title: 'Failed', lasts: true, urgent: 'production' },
  needs_attention: { title: 'Needs attention', lasts: true, urgent: 'production' },
  recovered: { title: 'Recovered', lasts: false, urgent: 'never' },
  schedule_missed: { title: 'Not started by its Schedule', lasts: true, urgent: 'production' },
  drill_failed: { title: 'Restore drill failed', lasts: true, urgent: 'production' },
  backup_unproven: { title: 'No proven backup', lasts: true, urgent: 'never' },
  cron_failing: { title: 'Cron fails', lasts: true, urgent: 'never' },
  certificate_expiring: { title: 'Certificate expiring', lasts: true, urgent: 'production' },
  drift_found: { title: 'Drift found', lasts: true, urgent: 'never' },
  rollout_paused: { title: 'Rollout paused', lasts: true, urgent: 'always' },
  approval_wanted: { title: 'Approval wanted', lasts: true, urgent: 'never' },
} as const satisfies Record<string, EventDefinition>;

export type NoticeEvent = keyof typeof noticeEvents;
export const noticeEventNames = Object.keys(noticeEvents) as NoticeEvent[];

export const environmentKinds = ['production', 'staging', 'development'] as const;

/** Something that happened, as it is told. */
export interface Notice {
  id: string;
  event: NoticeEvent;
  /** What it is about: a later one of the same key is the same trouble, and its end is the end of this one. */
  key: string;
  subject: SubjectReference;
  project: { id: string; name: string } | null;
  /** Of the Environment that it is about; null = it is about none. */
  environmentKind: string | null;
  operation: string | null;
  /** Page that says more; '' = that of the Operation or the subject. */
  path: string;
  /** `Update` for an Operation of that type; '' = the event alone says it. */
  title: string;
  message: string;
  at: string;
}

export const isUrgent = ({ event, environmentKind }: Pick<Notice, 'event' | 'environmentKind'>): boolean => {
  const { urgent }: EventDefinition = noticeEvents[event];
  return urgent === 'always' || (urgent === 'production' && (environmentKind ?? 'production') === 'production');
};

export const noticeLasts = (event: NoticeEvent): boolean => noticeEvents[event].lasts;

/** The trouble that Operations of one type have with one subject: the next success is its end. */
export function operationKey(type: string, subject: { kind: EntityKind; id: string }): string {
  return `operation:${type}:${subject.kind}:${subject.id}`;
}

export const deliveryStates = ['collecting', 'sending', 'delivered', 'given_up'] as const;
/** `collecting`: it waits a little for more of the same moment, or for the end of quiet hours. */
export type DeliveryState = (typeof deliveryStates)[number];

export const deliveryWorkflowType = 'deliver_notices';
export const deliveryWorkflowId = (delivery: string) => `delivery-${delivery}`;
export const sendNowSignal = 'send_now';

/** A receiver that is away gets everything when it is back; one that is away for longer than a long weekend is gone. */
const patienceDays = 5;

/** Seconds until the next attempt; null = it is given up. */
export function pauseAfter(attempts: number, firstAt: Date, now: Date): number | null {
  const day = 24 * 3600 * 1000;
  if (now.getTime() - firstAt.getTime() > patienceDays * day) return null;
  // 5 s, 10 s, 20 s … : soon after a restart, hourly while it lasts.
  return Math.min(5 * 2 ** Math.min(attempts - 1, 20), 3600);
}
