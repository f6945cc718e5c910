// When something runs by itself, resolved: what the engine's clock is given, and what pages show. Reading what people write
// is in dispatch/schedule-times.ts.

/** Wall-clock times in the zone of their timing; each list holds whole numbers, as cron has them (Sunday is 0). */
export interface Calendar {
  minutes: number[];
  hours: number[];
  daysOfMonth: number[];
  /** From 1. */
  months: number[];
  daysOfWeek: number[];
  /** Only in this year; none = in each. */
  year?: number;
}

/** The times of all calendars together, or a moment that repeats. */
export type Timing =
  | {
      zone: string;
      calendars: Calendar[];
      /** The expression with every H in its place. */
      expression: string;
    }
  | {
      /** It runs at `offsetSeconds` behind each multiple of `everySeconds` since 1970. */
      everySeconds: number;
      offsetSeconds: number;
    };

/** What became of one time of a Schedule on one subject. `missed`: nobody was there to start it while it still counted. */
export const scheduledRunStates = ['started', 'skipped', 'refused', 'missed'] as const;
export type ScheduledRunState = (typeof scheduledRunStates)[number];

/** What is done when the run before of the same subject still goes on. */
export const overlaps = ['skip', 'queue'] as const;
export type Overlap = (typeof overlaps)[number];

/** After an outage it is better to do at once what was due an hour ago; the backup of yesterday noon nobody needs. */
export const defaultCatchUpMinutes = 120;

/** How a Schedule treats what comes in its way, in a sentence or two. */
export function describePolicy({ overlap, catchUpMinutes }: { overlap: Overlap; catchUpMinutes: number }): string {
  const behind =
    overlap === 'skip'
      ? 'A run is left out while the one before on the same subject still goes on, or waits for somebody.'
      : 'A run waits in line behind the one before on the same subject.';
  const late =
    catchUpMinutes === 0
      ? 'What could not be started in time is missed.'
      : `What could not be started in time is made up for within ${wordsOfMinutes(catchUpMinutes)}, else it is missed.`;
  return `${behind} ${late}`;
}

export function wordsOfMinutes(minutes: number): string {
  const parts: [number, string][] = [
    [Math.floor(minutes / 1440), 'day'],
    [Math.floor((minutes % 1440) / 60), 'hour'],
    [minutes % 60, 'minute'],
  ];
  const said = parts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}${count === 1 ? '' : 's'}`] : []));
  return said.join(' ') || '0 minutes';
}

export function wordsOfSeconds(seconds: number): string {
  return seconds < 60 ? `${Math.round(seconds)} seconds` : wordsOfMinutes(Math.floor(seconds / 60));
}

/** Of the engine's Schedule. */
export const scheduleIdOf = (entry: string): string => `schedule-${entry}`;

/** Name under which its runs are seen in the engine's console. */
export const scheduledWorkflowType = 'scheduled start';

/** The engine appends the time to the id of a Schedule: `schedule-<entry>-2027-01-31T03:00:00Z`. null: another's. */
export function dueTimeOf(workflowId: string, entry: string): string | null {
  const start = `${scheduleIdOf(entry)}-`;
  const time = workflowId.startsWith(start) ? workflowId.slice(start.length) : '';
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time) && !Number.isNaN(Date.parse(time));
  return isTime ? new Date(time).toISOString() : null;
}

/** The next `count` times behind a moment; fewer where there are none for years. */
export function nextTimes(timing: Timing, after: Date, count: number): Date[] {
  if ('everySeconds' in timing) {
    const { everySeconds, offsetSeconds } = timing;
    const passed = Math.floor((after.getTime() / 1000 - offsetSeconds) / everySeconds);
    return Array.from({ length: count }, (_, index) => {
      return new Date((offsetSeconds + (passed + 1 + index) * everySeconds) * 1000);
    });
  }
  const found: Date[] = [];
  // A day before: the wall clock of the zone may show another date.
  const firstDay = Math.floor(after.getTime() / dayMs) - 1;
  for (let day = firstDay; found.length < count && day < firstDay + longestSearchDays; day += 1) {
    for (const wall of wallTimesOn(timing.calendars, day)) {
      const time = instantOf(timing.zone, wall);
      if (time !== null && time > after.getTime()) found.push(new Date(time));
    }
    found.sort((left, right) => left.getTime() - right.getTime());
  }
  return found.slice(0, count);
}

const dayMs = 86_400_000;
/** 29 February comes within eight years. */
const longestSearchDays = 8 * 366 + 1;

/** As if the wall clock showed UTC: ms, each once, in order. @param day since 1970. */
export function wallTimesOn(calendars: Calendar[], day: number): number[] {
  const date = new Date(day * dayMs);
  const fitting = calendars.filter(
    ({ year, months, daysOfMonth, daysOfWeek }) =>
      (year === undefined || year === date.getUTCFullYear()) &&
      months.includes(date.getUTCMonth() + 1) &&
      daysOfMonth.includes(date.getUTCDate()) &&
      daysOfWeek.includes(date.getUTCDay()),
  );
  const times = fitting.flatMap(({ hours, minutes }) =>
    hours.flatMap(hour => minutes.map(minute => day * dayMs + (hour * 60 + minute) * 60_000)),
  );
  return [...new Set(times)].sort((left, right) => left - right);
}

/** Of a wall-clock time; the later one where it comes twice, null where clocks leave it out. */
export function instantOf(zone: string, wall: number): number | null {
  const offsets = new Set([offsetAt(zone, wall - dayMs), offsetAt(zone, wall + dayMs)]);
  const instants = [...offsets].map(offset => wall - offset).filter(time => offsetAt(zone, time) === wall - time);
  return instants.length === 0 ? null : Math.max(...instants);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What a zone's clocks are ahead of UTC at a moment, in ms. @throws RangeError for what is no zone. */
export function offsetAt(zone: string, time: number): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const name = format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes, seconds] = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name) ?? [];
  const size = ((Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0)) * 1000;
  return sign === '-' ? -size : size;
}

export interface Gap {
  /** Wall-clock time, as if it were UTC, from which clocks leave out `lengthMs`. */
  from: number;
  lengthMs: number;
}

/** Where the clocks of a zone go forward in a year. */
export function gapsOf(zone: string, year: number): Gap[] {
  const gaps: Gap[] = [];
  const end = Date.UTC(year + 1, 0, 1);
  for (let time = Date.UTC(year, 0, 1); time < end; time += dayMs) {
    const lengthMs = offsetAt(zone, time + dayMs) - offsetAt(zone, time);
    if (lengthMs <= 0) continue;
    const moment = changeBetween(zone, time, time + dayMs);
    gaps.push({ from: moment + offsetAt(zone, moment - 1), lengthMs });
  }
  return gaps;
}

/** The first moment with the offset of the end. */
function changeBetween(zone: string, from: number, to: number): number {
  const after = offsetAt(zone, to);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle) === after) high = middle;
    else low = middle;
  }
  return high;
}
