import { describe, expect, test } from 'vitest';
import { checkKeepRule, type Fate, fatesOf, type KeepRule, type KeptBackup, parseKeepRule } from './retention.ts';

const none: KeepRule = { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const now = new Date('2026-11-22T12:00:00Z');
const goers = (fates: Fate[]) => fates.filter(({ reasons }) => reasons.length === 0).map(({ id }) => id);

test.each([
  ['last 3', { last: 3 }],
  ['daily 7,weekly  5 , monthly 12, yearly 2, last 0', { daily: 7, weekly: 5, monthly: 12, yearly: 2 }],
])('%s is a rule', (text, rule) => {
  expect(parseKeepRule(text)).toEqual({ rule: { ...none, ...rule }, problem: null });
});

test.each([
  ['', '“” is none'],
  ['hourly 3', '“hourly 3” is none'],
  ['daily', '“daily” is none'],
  ['daily -1', '“daily -1” is none'],
  ['daily 3, daily 4', 'twice'],
  ['last 99999', 'more than 3660'],
  ['last 0', 'must keep something'],
])('“%s” is none, and it says why', (text, words) => {
  expect(checkKeepRule(text)).toContain(words);
});

/** One each day at 03:00, the newest today; ids d0 (today), d1 (yesterday), … */
const daily = (days: number, more: Record<number, Partial<KeptBackup>> = {}): KeptBackup[] =>
  Array.from({ length: days }, (_, age) => ({
    id: `d${age}`,
    madeAt: new Date(Date.UTC(2026, 10, 22, 3) - age * 86_400_000).toISOString(),
    state: 'unproven',
    pinned: false,
    ...more[age],
  }));

test('each rule keeps the newest of its periods, and each that stays says why', () => {
  const rule = { ...none, last: 2, daily: 3, weekly: 2, monthly: 2, yearly: 1 };
  const fates = fatesOf(daily(60), { rule, safetyDays: 0, now });
  expect(fates.filter(({ reasons }) => reasons.length > 0)).toEqual([
    {
      id: 'd0',
      reasons: [
        'the newest',
        'one of the last 2',
        'daily: 2026-11-22',
        'weekly: 2026-W47',
        'monthly: 2026-11',
        'yearly: 2026',
      ],
    },
    { id: 'd1', reasons: ['one of the last 2', 'daily: 2026-11-21'] },
    { id: 'd2', reasons: ['daily: 2026-11-20'] },
    { id: 'd7', reasons: ['weekly: 2026-W46'] },
    { id: 'd22', reasons: ['monthly: 2026-10'] },
  ]);
  expect(goers(fates)).toHaveLength(55);
});

test('the last proven one, pinned ones, young ones and the way back stay whatever the rule says', () => {
  const backups = daily(30, { 20: { state: 'proven' }, 25: { state: 'proven' }, 28: { pinned: true } });
  const fates = fatesOf(backups, { rule: { ...none, last: 1 }, safetyDays: 2, now, wayBack: 'd10' });
  expect(fates.filter(({ reasons }) => reasons.length > 0)).toEqual([
    { id: 'd0', reasons: ['the newest', 'younger than 2 days', 'one of the last 1'] },
    { id: 'd1', reasons: ['younger than 2 days'] },
    { id: 'd10', reasons: ['“Roll back” returns to it'] },
    { id: 'd20', reasons: ['the last proven one'] },
    { id: 'd28', reasons: ['pinned'] },
  ]);
});

test('one that has failed fills no place, and goes unless it is all that there is', () => {
  const backups = daily(4, { 0: { state: 'failed' } });
  expect(goers(fatesOf(backups, { rule: { ...none, last: 2 }, safetyDays: 0, now }))).toEqual(['d0', 'd3']);
  const failed = daily(2, { 0: { state: 'failed' }, 1: { state: 'failed' } });
  expect(goers(fatesOf(failed, { rule: { ...none, last: 2 }, safetyDays: 0, now }))).toEqual(['d1']);
});

test('weeks are those of ISO 8601, also where the year changes', () => {
  const at = (madeAt: string): KeptBackup => ({ id: madeAt, madeAt, state: 'unproven', pinned: false });
  const backups = ['2027-01-04T00:00:00Z', '2027-01-03T23:00:00Z', '2026-12-28T00:00:00Z', '2026-12-27T23:59:00Z'].map(
    at,
  );
  const later = new Date('2028-01-01T00:00:00Z');
  const fates = fatesOf(backups, { rule: { ...none, weekly: 9 }, safetyDays: 0, now: later });
  expect(fates.map(({ reasons }) => reasons.at(-1) ?? 'goes')).toEqual([
    'weekly: 2027-W01',
    'weekly: 2026-W53',
    'goes',
    'weekly: 2026-W52',
  ]);
});

/** Numbers that look random and are the same in each run (mulberry32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function history(next: (below: number) => number): KeptBackup[] {
  const span = [3, 40, 1200][next(3)] ?? 3;
  return Array.from({ length: next(60) }, (_, index) => ({
    id: `b${String(index).padStart(3, '0')}`,
    madeAt: new Date(now.getTime() - next(span * 24 * 60) * 60_000).toISOString(),
    state: ['unproven', 'unproven', 'proven', 'failed'][next(4)] ?? 'unproven',
    pinned: next(12) === 0,
  }));
}

function ruleFrom(next: (below: number) => number): KeepRule {
  const rule = { last: next(4), daily: next(9), weekly: next(6), monthly: next(14), yearly: next(3) };
  return Object.values(rule).some(Boolean) ? rule : { ...rule, last: 1 };
}

describe('whatever the history and the rule', () => {
  const cases = Array.from({ length: 2000 }, (_, seed) => {
    const next = numbersFrom(seed + 1);
    const backups = history(next);
    const policy = { rule: ruleFrom(next), safetyDays: next(10), now, wayBack: backups[next(60)]?.id ?? null };
    const gone = new Set(goers(fatesOf(backups, policy)));
    return { seed, backups, policy, gone, stays: backups.filter(({ id }) => !gone.has(id)) };
  });
  const newestFirst = (backups: KeptBackup[]) =>
    [...backups].sort((one, other) => (one.madeAt + one.id < other.madeAt + other.id ? 1 : -1));
  const broken = (holds: (each: (typeof cases)[number]) => boolean) =>
    cases.filter(each => !holds(each)).map(({ seed }) => seed);

  test('the histories are not all alike: some lose much, some nothing', () => {
    expect(cases.filter(({ gone }) => gone.size > 20).length).toBeGreaterThan(50);
    expect(cases.filter(({ gone, backups }) => gone.size === 0 && backups.length > 5).length).toBeGreaterThan(50);
  });

  test('the last proven one never goes', () => {
    const proven = (backups: KeptBackup[]) => newestFirst(backups).find(({ state }) => state === 'proven')?.id;
    expect(broken(({ backups, stays }) => proven(backups) === proven(stays))).toEqual([]);
  });

  test('nothing pinned, nothing young, and not the way back goes', () => {
    const isSafe = ({ id, pinned, madeAt }: KeptBackup, { safetyDays, wayBack }: (typeof cases)[number]['policy']) =>
      pinned || id === wayBack || now.getTime() - Date.parse(madeAt) < safetyDays * 86_400_000;
    expect(
      broken(({ backups, gone, policy }) => backups.every(each => !(isSafe(each, policy) && gone.has(each.id)))),
    ).toEqual([]);
  });

  test('the last one at all never goes, nor the newest that has not failed', () => {
    expect(broken(({ backups, stays }) => backups.length === 0 || stays.length > 0)).toEqual([]);
    const usable = (backups: KeptBackup[]) => newestFirst(backups).find(({ state }) => state !== 'failed')?.id;
    expect(broken(({ backups, stays }) => usable(backups) === usable(stays))).toEqual([]);
  });

  test('applied again at once, nothing more goes', () => {
    expect(broken(({ stays, policy }) => goers(fatesOf(stays, policy)).length === 0)).toEqual([]);
  });

  test('the order in which they are given does not matter', () => {
    expect(
      broken(({ backups, policy, gone }) => {
        const again = goers(fatesOf([...backups].reverse(), policy));
        return again.length === gone.size && again.every(id => gone.has(id));
      }),
    ).toEqual([]);
  });
});
