// Whether a moment lies in a Blackout.

import type { Problem } from '../model/errors.ts';
import { nextTimes } from '../model/schedule.ts';
import type { BlackoutRow } from '../model/store/blackouts.ts';
import { readTiming } from './schedule-times.ts';

type Times = Pick<BlackoutRow, 'name' | 'note' | 'begins' | 'ends' | 'cron' | 'lasts_minutes' | 'time_zone'>;

/** The first of them that has this moment. */
export function blackoutAt<T extends Times>(blackouts: T[], time: Date): T | undefined {
  return blackouts.find(blackout => isWithin(blackout, time));
}

function isWithin({ name, begins, ends, cron, lasts_minutes, time_zone }: Times, time: Date): boolean {
  if (begins && time < new Date(begins)) return false;
  if (ends && time >= new Date(ends)) return false;
  if (!cron || !lasts_minutes) return true;
  const { timing } = readTiming({ cron, time_zone }, name, time);
  if (!timing) return false;
  // It lies in the one that began last, if at all.
  const from = new Date(time.getTime() - lasts_minutes * 60_000);
  const [begun] = nextTimes(timing, from, 1);
  return begun !== undefined && begun <= time;
}

/** A week: what is longer is a Blackout with an end, or for good. */
const longestMinutes = 7 * 24 * 60;

export function checkBlackout({ begins, ends, cron, lasts_minutes, time_zone }: Partial<Times>): Problem[] {
  const problems: Problem[] = [];
  if (begins && ends && new Date(begins) >= new Date(ends))
    problems.push({ path: 'ends', message: 'It ends before it begins.' });
  if (cron) problems.push(...readTiming({ cron, time_zone: time_zone ?? 'UTC' }, 'blackout').problems);
  if (typeof lasts_minutes === 'number' && (lasts_minutes < 1 || lasts_minutes > longestMinutes))
    problems.push({ path: 'lasts_minutes', message: `From 1 to ${longestMinutes}, which is a week.` });
  return problems;
}

/** "the Blackout freeze (no changes before Christmas)" */
export function blackoutWords({ name, note }: Pick<Times, 'name' | 'note'>): string {
  return `the Blackout ${name} (${note})`;
}
