// What became of the periodic jobs (cron) of an Environment's site, run by a sweep over its Server or by its own Operation.

import type { FieldSpec } from './fields.ts';

export const cronStates = ['ok', 'failed', 'timed_out'] as const;
export type CronState = (typeof cronStates)[number];

/** What a sweep tells of one site. */
export interface CronRun {
  /** Id of the Environment. */
  environment: string;
  /** Begin, in seconds since 1970. */
  at: number;
  seconds: number;
  state: CronState | 'skipped';
  /** Why it was skipped, or the last that it said; without secrets. */
  words: string;
}

export const cronRunFields: FieldSpec[] = [
  { name: 'environment', type: 'str', required: true },
  { name: 'at', type: 'float', required: true },
  { name: 'seconds', type: 'float', required: true },
  { name: 'state', type: 'str', required: true, choices: [...cronStates, 'skipped'] },
  { name: 'words', type: 'str', default: '' },
];

export const busyWords = 'Another run was under way.';

/** A site of a Server, as a sweep is given it. */
export interface CronSite {
  environment: string;
  name: string;
  path: string;
  /** `https://shop.example.org` */
  address: string;
  /** Its last run took longer than it may: such sites have a lane of their own. */
  slow: boolean;
  /** Why it is left out; '' = it is not. */
  skip: string;
}

/** The last run that there was, and whether it was left out since. Times are ISO 8601. */
export interface CronView {
  at: string | null;
  seconds: number | null;
  state: CronState | null;
  words: string;
  /** How often in a row it did not go well. */
  failures: number;
  skippedAt: string | null;
  skippedBecause: string;
}

/** One failure may be a deployment or a moment without a database; a third in a row, half an hour later, is not. */
export const cronFailuresTold = 3;

export const cronStateWords: Record<CronState, string> = {
  ok: 'ok',
  failed: 'failed',
  timed_out: 'ended, as it took too long',
};

/** `ok`, `failed, 3 times in a row`. */
export function cronResultWords({ state, failures }: Pick<CronView, 'state' | 'failures'>): string {
  if (!state) return 'never';
  return failures > 1 ? `${cronStateWords[state]}, ${failures} times in a row` : cronStateWords[state];
}
