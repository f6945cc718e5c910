import { describe, expect, test } from 'vitest';
import { isDueAgain, isHeldBack, isQuiet, passesQuiet, type ReceiverRules, wants } from './notice-rules.ts';
import { isUrgent, type Notice, noticeEventNames, pauseAfter } from './notices.ts';

const everything: ReceiverRules = {
  project: null,
  events: [],
  environmentKinds: [],
  repeatHours: null,
  quietFrom: null,
  quietUntil: null,
  timeZone: 'UTC',
  urgentPasses: true,
};
const failed: Notice = {
  id: '1',
  event: 'operation_failed',
  key: 'operation:update:environment:e',
  subject: { kind: 'environment', id: 'e', name: 'blog' },
  project: { id: 'p', name: 'site' },
  environmentKind: 'staging',
  operation: 'o',
  path: '',
  title: 'Update',
  message: 'It failed.',
  at: '2026-01-01T00:00:00.000Z',
};
const rules = (some: Partial<ReceiverRules>): ReceiverRules => ({ ...everything, ...some });

describe('a receiver wants', () => {
  test.each<[boolean, string, Partial<ReceiverRules>, Partial<Notice>]>([
    [true, 'everything when it says nothing', {}, {}],
    [true, 'its Project', { project: 'p' }, {}],
    [false, 'no other Project', { project: 'q' }, {}],
    [false, 'nothing of no Project, when it has one', { project: 'p' }, { project: null }],
    [true, 'its events', { events: ['recovered', 'operation_failed'] }, {}],
    [false, 'no other events', { events: ['recovered'] }, {}],
    [true, 'its kinds', { environmentKinds: ['staging'] }, {}],
    [false, 'no other kinds', { environmentKinds: ['production'] }, {}],
    [true, 'what is of no Environment', { environmentKinds: ['production'] }, { environmentKind: null }],
  ])('%s: %s', (is, _words, some, notice) => {
    expect(wants(rules(some), { ...failed, ...notice })).toBe(is);
  });
});

describe('the same trouble', () => {
  const now = new Date('2026-01-02T12:00:00Z');
  const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);

  test.each<[boolean, string, number | null, Date | null, Notice['event']]>([
    [false, 'is told the first time', 4, null, 'operation_failed'],
    [true, 'is held back within the hours', 4, hoursAgo(3.9), 'operation_failed'],
    [false, 'is told when they are over', 4, hoursAgo(4), 'operation_failed'],
    [false, 'is told each time without a rule', null, hoursAgo(0.1), 'operation_failed'],
    [false, 'never holds back its end', 4, hoursAgo(0.1), 'recovered'],
  ])('%s: %s', (is, _words, repeatHours, toldAt, event) => {
    expect(isHeldBack(rules({ repeatHours }), { ...failed, event }, toldAt, now)).toBe(is);
  });

  test.each<[boolean, number | null, number]>([
    [false, 4, 3.9],
    [true, 4, 4],
    [false, null, 1000],
  ])('is told again: %s, with a rule of %s hours after %s', (is, repeatHours, hours) => {
    expect(isDueAgain(rules({ repeatHours }), hoursAgo(hours), now)).toBe(is);
  });
});

describe('quiet hours', () => {
  test.each<[boolean, string, string, string, string]>([
    [true, '22:00', '07:00', 'UTC', '2026-01-01T22:00:00Z'],
    [true, '22:00', '07:00', 'UTC', '2026-01-01T00:00:00Z'],
    [true, '22:00', '07:00', 'UTC', '2026-01-01T06:59:59Z'],
    [false, '22:00', '07:00', 'UTC', '2026-01-01T07:00:00Z'],
    [false, '22:00', '07:00', 'UTC', '2026-01-01T21:59:59Z'],
    [true, '12:00', '13:00', 'UTC', '2026-01-01T12:30:00Z'],
    [false, '12:00', '13:00', 'UTC', '2026-01-01T11:59:00Z'],
    [false, '12:00', '12:00', 'UTC', '2026-01-01T12:00:00Z'],
    [true, '22:00', '07:00', 'Europe/Vienna', '2026-01-01T05:30:00Z'],
    [false, '22:00', '07:00', 'Europe/Vienna', '2026-01-01T06:00:00Z'],
    // In summer an hour earlier.
    [false, '22:00', '07:00', 'Europe/Vienna', '2026-07-01T05:30:00Z'],
    [true, '22:00', '07:00', 'Europe/Vienna', '2026-07-01T20:00:00Z'],
    // From 02:00 to 03:00 there is no time on this day: what would end at 02:30 ends with the jump.
    [true, '22:00', '02:30', 'Europe/Vienna', '2026-03-29T00:59:00Z'],
    [false, '22:00', '02:30', 'Europe/Vienna', '2026-03-29T01:00:00Z'],
    // And on this one the hour comes twice.
    [true, '02:00', '03:00', 'Europe/Vienna', '2026-10-25T00:30:00Z'],
    [true, '02:00', '03:00', 'Europe/Vienna', '2026-10-25T01:30:00Z'],
    [false, '02:00', '03:00', 'Europe/Vienna', '2026-10-25T02:00:00Z'],
    [true, '22:00', '07:00', 'Pacific/Auckland', '2026-01-01T10:00:00Z'],
  ])('%s: from %s until %s in %s at %s', (is, quietFrom, quietUntil, timeZone, now) => {
    expect(isQuiet({ quietFrom, quietUntil, timeZone }, new Date(now))).toBe(is);
  });

  test('are none when none are given', () => {
    expect(isQuiet(everything, new Date('2026-01-01T03:00:00Z'))).toBe(false);
  });

  test.each<[boolean, boolean, Partial<Notice>]>([
    [false, true, {}],
    [true, true, { environmentKind: 'production' }],
    [true, true, { environmentKind: null }],
    [false, false, { environmentKind: 'production' }],
    [false, true, { event: 'recovered', environmentKind: 'production' }],
    [true, true, { event: 'rollout_paused' }],
  ])('%s: let through what is urgent, where that is wanted (%s), as %j', (is, urgentPasses, notice) => {
    expect(passesQuiet(rules({ urgentPasses }), { ...failed, ...notice })).toBe(is);
  });

  test('know of every event whether it is urgent', () => {
    for (const event of noticeEventNames) expect(typeof isUrgent({ event, environmentKind: null })).toBe('boolean');
  });
});

describe('a receiver that is away', () => {
  const first = new Date('2026-01-01T00:00:00Z');
  const later = (days: number) => new Date(first.getTime() + days * 24 * 3_600_000);

  test.each([
    [1, 5],
    [2, 10],
    [5, 80],
    [10, 2560],
    [11, 3600],
    [200, 3600],
  ])('is tried again: after %d attempts in %d s', (attempts, seconds) => {
    expect(pauseAfter(attempts, first, later(1))).toBe(seconds);
  });

  test('is given up after five days, and not before', () => {
    expect(pauseAfter(130, first, later(4.99))).toBe(3600);
    expect(pauseAfter(130, first, later(5.01))).toBeNull();
  });
});
