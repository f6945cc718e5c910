// Reads what people write about when something is to run: cron expressions with H, intervals, time zones.

import { CronExpressionParser, type CronFieldCollection } from 'cron-parser';
import type { Problem } from '../model/errors.ts';
import { type Calendar, type Gap, gapsOf, offsetAt, type Timing, wallTimesOn } from '../model/schedule.ts';

export interface TimingText {
  cron?: string | null;
  every?: string | null;
  time_zone?: string | null;
}

/** Shorter than the shortest Operation takes. */
const leastSeconds = 5;
/** Longer ones are what cron expressions are for. */
const mostSeconds = 366 * 86_400;

/** @param seed decides where H stands: the same for the same Schedule and subject. */
export function resolveTiming(text: TimingText, seed: string, now = new Date()): Timing {
  const { timing, problems } = readTiming(text, seed, now);
  if (!timing) throw new TypeError(problems.map(({ message }) => message).join(' '));
  return timing;
}

/** All that is wrong with it, each with the name of its field. */
export function readTiming(
  text: TimingText,
  seed: string,
  now = new Date(),
): { timing: Timing | null; problems: Problem[] } {
  const problems: Problem[] = [];
  const zone = text.time_zone || 'UTC';
  if (!isZone(zone)) problems.push({ path: 'time_zone', message: noZone(zone) });
  if (text.cron && text.every)
    problems.push({ path: 'every', message: 'Give either a cron expression or an interval, not both.' });
  else if (text.every) {
    const seconds = parseInterval(text.every);
    if (typeof seconds === 'string') problems.push({ path: 'every', message: seconds });
    else if (problems.length === 0)
      return { timing: { everySeconds: seconds, offsetSeconds: hashOf(seed) % seconds }, problems };
  } else if (text.cron) {
    const fields = parseCron(text.cron, seed);
    if (typeof fields === 'string') problems.push({ path: 'cron', message: fields });
    else if (problems.length === 0) return { timing: timingOf(fields, zone, now), problems };
  } else problems.push({ path: 'cron', message: 'Give a cron expression, such as "H 3 * * *", or an interval.' });
  return { timing: null, problems };
}

function isZone(zone: string): boolean {
  try {
    offsetAt(zone, 0);
    return true;
  } catch {
    return false;
  }
}

const noZone = (zone: string) => `"${zone}" is no time zone. Give a name such as Europe/Berlin or UTC.`;

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds, or what is wrong. */
function parseInterval(text: string): number | string {
  const parts = [...text.trim().matchAll(/(\d{1,9})\s*([smhd])\s*/gi)];
  const example = 'Write a number and s, m, h or d, such as 15m or 1h30m.';
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.trim()) return example;
  const seconds = parts.reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (units[unit.toLowerCase()] ?? 0),
    0,
  );
  if (seconds < leastSeconds) return `At least ${leastSeconds} seconds.`;
  return seconds > mostSeconds ? 'At most 366 days.' : seconds;
}

/** Fields, or what is wrong. */
function parseCron(text: string, seed: string): CronFieldCollection | string {
  const expression = text.trim();
  const isNamed = expression.startsWith('@');
  const parts = expression.split(/\s+/);
  const order = 'minute, hour, day of the month, month, day of the week';
  if (!isNamed && parts.length !== 5) return `It has ${parts.length} parts; write five: ${order}. H stands for any.`;
  const odd = isNamed ? undefined : parts.find(part => /[LW#]/.test(part.replace(/[A-Za-z]{2,}/g, '')));
  if (odd) return `L, W and # are not known: "${odd}".`;
  try {
    return CronExpressionParser.parse(expression, { hashSeed: seed }).fields;
  } catch (error) {
    return `It cannot be read: ${(error as Error).message}. Write five parts: ${order}.`;
  }
}

type Field = { values: readonly unknown[]; isWildcard: boolean };

function timingOf(fields: CronFieldCollection, zone: string, now: Date): Timing {
  const numbers = ({ values }: Field) => values.map(Number);
  const { minute, hour, dayOfMonth, month, dayOfWeek } = fields as unknown as Record<string, Field>;
  const each: Calendar = {
    minutes: numbers(minute as Field),
    hours: numbers(hour as Field),
    daysOfMonth: numbers(dayOfMonth as Field),
    months: numbers(month as Field),
    // 7 is Sunday, too.
    daysOfWeek: [...new Set(numbers(dayOfWeek as Field).map(day => day % 7))].sort(),
  };
  const expression = fields.stringify();
  const isHourly = each.hours.length === 24;
  const isDaily = each.daysOfMonth.length === 31 && each.daysOfWeek.length === 7 && each.months.length === 12;
  if (isHourly && isDaily) return { zone: 'UTC', calendars: [inUtc(each, zone, now)], expression };
  const eitherDay = !(dayOfMonth as Field).isWildcard && !(dayOfWeek as Field).isWildcard;
  // As in every cron: where both are restricted, either is enough.
  const calendars = eitherDay
    ? [
        { ...each, daysOfWeek: allDays },
        { ...each, daysOfMonth: allDates },
      ]
    : [each];
  const extra = isHourly ? [] : leftOut(calendars, zone, now);
  return { zone, calendars: [...calendars, ...extra], expression };
}

const allDays = [0, 1, 2, 3, 4, 5, 6];
const allDates = Array.from({ length: 31 }, (_, index) => index + 1);

/** Every hour of every day is the same in each zone but for minutes; in UTC no hour is left out when clocks are changed. */
function inUtc(calendar: Calendar, zone: string, now: Date): Calendar {
  const ahead = Math.round(offsetAt(zone, now.getTime()) / 60_000);
  const minutes = calendar.minutes.map(minute => (((minute - ahead) % 60) + 60) % 60).sort((a, b) => a - b);
  return { ...calendar, minutes };
}

/** What falls into the hour that clocks leave out runs as much later: this year and the next, which come to be as time goes. */
function leftOut(calendars: Calendar[], zone: string, now: Date): Calendar[] {
  const year = now.getUTCFullYear();
  return [year, year + 1].flatMap(each => gapsOf(zone, each)).flatMap(gap => madeUp(calendars, gap));
}

function madeUp(calendars: Calendar[], { from, lengthMs }: Gap): Calendar[] {
  const dayMs = 86_400_000;
  const days = [Math.floor(from / dayMs), Math.floor((from + lengthMs - 1) / dayMs)];
  const lost = [...new Set(days)].flatMap(day => wallTimesOn(calendars, day));
  return lost
    .filter(wall => wall >= from && wall < from + lengthMs)
    .map(wall => {
      const date = new Date(wall + lengthMs);
      return {
        minutes: [date.getUTCMinutes()],
        hours: [date.getUTCHours()],
        daysOfMonth: [date.getUTCDate()],
        months: [date.getUTCMonth() + 1],
        daysOfWeek: allDays,
        year: date.getUTCFullYear(),
      };
    });
}

/** Where H stands, for each subject of each Schedule. */
export const seedOf = (schedule: string, subject: string): string => `${schedule} ${subject}`;

/** FNV-1a: any even spread does, as long as it stays. */
function hashOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
