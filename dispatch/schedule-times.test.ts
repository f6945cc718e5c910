import { describe, expect, test } from 'vitest';
import { nextTimes } from '../model/schedule.ts';
import { readTiming, resolveTiming, type TimingText } from './schedule-times.ts';

const times = (text: TimingText, from: string, count: number) => {
  const now = new Date(from);
  return nextTimes(resolveTiming(text, 'seed', now), now, count).map(time =>
    time.toISOString().replace(/:00\.000Z$/, 'Z'),
  );
};

describe('times on days when clocks are changed', () => {
  test.each<[what: string, cron: string, zone: string, from: string, expected: string[]]>([
    [
      'a time that is left out runs as much later, once',
      '30 2 * * *',
      'Europe/Berlin',
      '2027-03-27T00:00Z',
      ['2027-03-27T01:30Z', '2027-03-28T01:30Z', '2027-03-29T00:30Z'],
    ],
    [
      'a time that comes twice runs once',
      '30 2 * * *',
      'Europe/Berlin',
      '2027-10-30T00:00Z',
      ['2027-10-30T00:30Z', '2027-10-31T01:30Z', '2027-11-01T01:30Z'],
    ],
    [
      'what is left out and there already is not run twice',
      '30 2,3 * * *',
      'Europe/Berlin',
      '2027-03-28T00:00Z',
      ['2027-03-28T01:30Z', '2027-03-29T00:30Z', '2027-03-29T01:30Z'],
    ],
    [
      'every hour stays every hour when clocks go back',
      '30 * * * *',
      'Europe/Berlin',
      '2027-10-30T23:45Z',
      ['2027-10-31T00:30Z', '2027-10-31T01:30Z', '2027-10-31T02:30Z', '2027-10-31T03:30Z'],
    ],
    [
      'every quarter of an hour, too, in a zone that changes by half an hour',
      '*/15 * * * *',
      'Australia/Lord_Howe',
      '2027-04-03T14:40Z',
      ['2027-04-03T14:45Z', '2027-04-03T15:00Z', '2027-04-03T15:15Z', '2027-04-03T15:30Z', '2027-04-03T15:45Z'],
    ],
    [
      'half an hour that is left out',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2027-10-01T20:00Z',
      ['2027-10-02T15:45Z', '2027-10-03T15:15Z'],
    ],
    [
      'the other side of the world changes in the other direction',
      '30 2 * * *',
      'America/New_York',
      '2027-03-13T12:00Z',
      ['2027-03-14T07:30Z', '2027-03-15T06:30Z'],
    ],
    [
      'a zone without changes, half an hour off',
      '0 9 * * *',
      'Asia/Kolkata',
      '2027-03-27T00:00Z',
      ['2027-03-27T03:30Z', '2027-03-28T03:30Z'],
    ],
    [
      'every hour in a zone that is half an hour off',
      '0 * * * *',
      'Asia/Kolkata',
      '2027-03-27T00:00Z',
      ['2027-03-27T00:30Z', '2027-03-27T01:30Z'],
    ],
    ['29 February', '0 0 29 2 *', 'UTC', '2025-01-01T00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    [
      'the first of the month or a Monday: either is enough',
      '0 3 1 * 1',
      'UTC',
      '2027-02-25T00:00Z',
      ['2027-03-01T03:00Z', '2027-03-08T03:00Z', '2027-03-15T03:00Z'],
    ],
    ['names of days', '0 0 * * SUN', 'UTC', '2027-03-01T00:00Z', ['2027-03-07T00:00Z', '2027-03-14T00:00Z']],
    ['names of expressions', '@weekly', 'UTC', '2027-03-01T00:00Z', ['2027-03-07T00:00Z', '2027-03-14T00:00Z']],
  ])('%s', (_what, cron, time_zone, from, expected) => {
    expect(times({ cron, time_zone }, from, expected.length)).toEqual(expected);
  });
});

describe('H', () => {
  const minutesOf = (cron: string, count: number) =>
    Array.from({ length: count }, (_, index) => {
      const timing = resolveTiming({ cron }, `01SCHEDULE 01SUBJECT${index}`);
      if (!('calendars' in timing)) throw new Error('no calendar');
      const [{ hours: [hour = 0] = [], minutes: [minute = 0] = [] } = {}] = timing.calendars;
      return hour * 60 + minute;
    });

  test('spreads a thousand sites over the hours of a night, and none over others', () => {
    const found = minutesOf('H H(1-4) * * *', 1000);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...found)).toBeLessThan(300);
    const perQuarter = new Map<number, number>();
    for (const minute of found)
      perQuarter.set(Math.floor(minute / 15), (perQuarter.get(Math.floor(minute / 15)) ?? 0) + 1);
    // 62 on average; a fair hash is below twice that in each quarter of an hour.
    expect(perQuarter.size).toBe(16);
    expect(Math.max(...perQuarter.values())).toBeLessThan(125);
  });

  test('stays where it is for the same Schedule and subject', () => {
    expect(minutesOf('H H * * *', 50)).toEqual(minutesOf('H H * * *', 50));
  });

  test('intervals are spread as well', () => {
    const offsets = Array.from({ length: 1000 }, (_, index) => {
      const timing = resolveTiming({ every: '15m' }, `01SCHEDULE 01SUBJECT${index}`);
      return 'offsetSeconds' in timing ? timing.offsetSeconds : -1;
    });
    const perMinute = Array.from({ length: 15 }, (_, minute) => offsets.filter(at => Math.floor(at / 60) === minute));
    expect(Math.max(...perMinute.map(({ length }) => length))).toBeLessThan(134);
    expect(Math.min(...perMinute.map(({ length }) => length))).toBeGreaterThan(33);
  });
});

test.each<[text: TimingText, path: string, words: RegExp]>([
  [{}, 'cron', /Give a cron expression/],
  [{ cron: '', every: '' }, 'cron', /Give a cron expression/],
  [{ cron: '* * * * *', every: '5m' }, 'every', /not both/],
  [{ cron: '61 * * * *' }, 'cron', /0-59/],
  [{ cron: '0 0 31 2 *' }, 'cron', /day of month/],
  [{ cron: '* * * *' }, 'cron', /It has 4 parts; write five/],
  [{ cron: '0 * * * * *' }, 'cron', /It has 6 parts/],
  [{ cron: '0 2 L * *' }, 'cron', /not known: "L"/],
  [{ cron: '0 0 * * 1#2' }, 'cron', /not known: "1#2"/],
  [{ cron: '0 0 15W * *' }, 'cron', /not known/],
  [{ cron: '@reboot' }, 'cron', /cannot be read/],
  [{ cron: '0 0 * * *', time_zone: 'Europe/Atlantis' }, 'time_zone', /no time zone/],
  [{ every: '4s' }, 'every', /At least 5 seconds/],
  [{ every: '5' }, 'every', /number and s, m, h or d/],
  [{ every: '1h later' }, 'every', /number and s, m, h or d/],
  [{ every: '400d' }, 'every', /At most 366 days/],
])('%o is refused', (text, path, words) => {
  const { timing, problems } = readTiming(text, 'seed');
  expect(timing).toBeNull();
  expect(problems).toEqual([{ path, message: expect.stringMatching(words) as string }]);
});

test('month names are no L, W or #', () => {
  expect(readTiming({ cron: '0 0 1 JUL WED' }, 'seed').problems).toEqual([]);
});
