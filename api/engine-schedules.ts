// The engine's clock: its Schedules as ours want them to be, and what of them is otherwise.

import {
  type Client,
  type Connection,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { callTimeoutMs } from '../dispatch/engine-start.ts';
import { engineUnavailable } from '../dispatch/engine-trouble.ts';
import { type Calendar, scheduledWorkflowType, scheduleIdOf, type Timing } from '../model/schedule.ts';

export interface EngineSchedule {
  entry: string;
  timing: Timing;
  catchUpMinutes: number;
  paused: boolean;
  /** Shown in the engine's console. */
  note: string;
}

export interface EngineSchedules {
  /** Answers what the engine has made of it, as text: the same as long as nobody changes it there. */
  write(schedule: EngineSchedule): Promise<string>;
  /** null: the engine has none. */
  read(entry: string): Promise<string | null>;
  remove(entry: string): Promise<void>;
  /** Entries of all of ours that the engine has. */
  list(): AsyncIterable<string>;
}

export interface SchedulesOptions {
  client: Client;
  connection: Pick<Connection, 'withDeadline'>;
  taskQueue: string;
}

export function createEngineSchedules({ client, connection, taskQueue }: SchedulesOptions): EngineSchedules {
  const soon = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + callTimeoutMs, call);
  const handleOf = (entry: string) => client.schedule.getHandle(scheduleIdOf(entry));
  const trying = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await soon(call);
    } catch (error) {
      if (error instanceof ScheduleNotFoundError || error instanceof ScheduleAlreadyRunning) throw error;
      throw engineUnavailable(error);
    }
  };
  const read = async (entry: string): Promise<string | null> => {
    try {
      return textOf(await trying(() => handleOf(entry).describe()));
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    }
  };
  return {
    read,
    async write(schedule) {
      const wanted = optionsOf(schedule, taskQueue);
      try {
        await trying(() => client.schedule.create(wanted));
      } catch (error) {
        if (!(error instanceof ScheduleAlreadyRunning)) throw error;
        const { paused = false, note = '' } = wanted.state ?? {};
        await trying(() => handleOf(schedule.entry).update(() => ({ ...wanted, state: { paused, note } })));
      }
      return (await read(schedule.entry)) ?? '';
    },
    async remove(entry) {
      await trying(() => handleOf(entry).delete()).catch(error => {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      });
    },
    async *list() {
      const start = scheduleIdOf('');
      for await (const { scheduleId } of client.schedule.list())
        if (scheduleId.startsWith(start)) yield scheduleId.slice(start.length);
    },
  };
}

function optionsOf({ entry, timing, catchUpMinutes, paused, note }: EngineSchedule, taskQueue: string) {
  const spec =
    'everySeconds' in timing
      ? { intervals: [{ every: timing.everySeconds * 1000, offset: timing.offsetSeconds * 1000 }] }
      : { calendars: timing.calendars.map(calendarOf), timezone: timing.zone };
  const id = scheduleIdOf(entry);
  return {
    scheduleId: id,
    spec,
    action: {
      type: 'startWorkflow',
      workflowType: scheduledWorkflowType,
      workflowId: id,
      taskQueue,
      args: [{ scheduleEntry: entry }],
      staticSummary: note,
    },
    policies: {
      // Each is over within seconds; what an Operation that still goes on means is decided where everybody sees it.
      overlap: ScheduleOverlapPolicy.ALLOW_ALL,
      // The engine takes no less than 10 s.
      catchupWindow: Math.max(catchUpMinutes * 60, 10) * 1000,
      pauseOnFailure: false,
    },
    state: { paused, note },
  } satisfies ScheduleOptions;
}

const months = [
  ...['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'],
  ...['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'],
] as const;
const days = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

type CalendarSpec = NonNullable<ScheduleOptions['spec']['calendars']>[number];

export function calendarOf(calendar: Calendar): CalendarSpec {
  return {
    minute: calendar.minutes,
    hour: calendar.hours,
    dayOfMonth: calendar.daysOfMonth,
    month: calendar.months.map(month => months[month - 1]) as (typeof months)[number][],
    dayOfWeek: calendar.daysOfWeek.map(day => days[day]) as (typeof days)[number][],
    ...(calendar.year ? { year: calendar.year } : {}),
  };
}

/** What decides when it begins what; not what it has done so far. */
function textOf({ spec, action, policies, state }: ScheduleDescription): string {
  const { type, workflowType, workflowId, taskQueue, args } = action;
  return JSON.stringify({
    spec,
    action: { type, workflowType, workflowId, taskQueue, args },
    policies,
    paused: state.paused,
    remaining: state.remainingActions ?? null,
  });
}
