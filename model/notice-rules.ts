// What a receiver wants to hear, and when: its filter, its repeats, its quiet hours. Pure, so that every hour of the year can
// be tried.

import { isUrgent, type Notice, noticeLasts } from './notices.ts';

export interface ReceiverRules {
  /** Only what belongs to it; null = everything. */
  project: string | null;
  /** Empty = all. */
  events: string[];
  /** Only of such Environments, and what is of none; empty = all. */
  environmentKinds: string[];
  /** The same trouble at most this often, and again this often while it lasts; null = whenever it happens, and never again. */
  repeatHours: number | null;
  /** `22:00`; null = none. */
  quietFrom: string | null;
  quietUntil: string | null;
  timeZone: string;
  urgentPasses: boolean;
}

export function wants(rules: ReceiverRules, notice: Notice): boolean {
  const { project, events, environmentKinds } = rules;
  if (project !== null && notice.project?.id !== project) return false;
  if (events.length > 0 && !events.includes(notice.event)) return false;
  return (
    environmentKinds.length === 0 ||
    notice.environmentKind === null ||
    environmentKinds.includes(notice.environmentKind)
  );
}

/** @param toldAt when it was last told of the trouble, which goes on since; null = never. */
export function isHeldBack(rules: ReceiverRules, notice: Notice, toldAt: Date | null, now: Date): boolean {
  return noticeLasts(notice.event) && toldAt !== null && rules.repeatHours !== null && !isPast(rules, toldAt, now);
}

export function isDueAgain(rules: ReceiverRules, toldAt: Date, now: Date): boolean {
  return rules.repeatHours !== null && isPast(rules, toldAt, now);
}

function isPast({ repeatHours }: ReceiverRules, toldAt: Date, now: Date): boolean {
  return now.getTime() - toldAt.getTime() >= (repeatHours ?? 0) * 3_600_000;
}

/** Whether it is to come in quiet hours, too. */
export function passesQuiet(rules: ReceiverRules, notice: Notice): boolean {
  return rules.urgentPasses && isUrgent(notice);
}

/** Hours may go over midnight. By the clock of the place: on days that are longer or shorter, too. */
export function isQuiet(
  { quietFrom, quietUntil, timeZone }: Pick<ReceiverRules, 'quietFrom' | 'quietUntil' | 'timeZone'>,
  now: Date,
): boolean {
  if (quietFrom === null || quietUntil === null) return false;
  const time = clockAt(now, timeZone);
  return quietFrom <= quietUntil ? time >= quietFrom && time < quietUntil : time >= quietFrom || time < quietUntil;
}

/** `09:05`, where that zone is in force. */
function clockAt(now: Date, timeZone: string): string {
  const options = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en-GB', options).format(now);
}
