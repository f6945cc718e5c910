// Keeps the engine's clock as the database wants it: an entry for each subject of each Schedule, each written to the engine,
// compared from time to time, put right when somebody has changed it there. And it notices what was missed.

import { readTiming, seedOf } from '../dispatch/schedule-times.ts';
import { selectionFieldsOf, startGraceSeconds } from '../dispatch/start-scheduled.ts';
import { entities } from '../model/entities.ts';
import { errorText } from '../model/errors.ts';
import { nextTimes, type Timing, wordsOfSeconds } from '../model/schedule.ts';
import { isSelectable } from '../model/selection.ts';
import { recordChange } from '../model/store/audit.ts';
import { notify } from '../model/store/events.ts';
import {
  findSchedule,
  forgetRunsBefore,
  knownEntries,
  leaveDeleted,
  listLeaving,
  listLiveSchedules,
  listOverdue,
  listToCheck,
  listUnwritten,
  noteChecked,
  noteMended,
  noteRun,
  noteWritten,
  removeEntry,
  type ScheduleEntry,
  type ScheduleRow,
  syncEntries,
} from '../model/store/schedules.ts';
import type { SelectionQuery } from '../model/store/selection.ts';
import { findSubjectName } from '../model/store/subject-names.ts';
import type { ApiDependencies } from './dependencies.ts';

type ReconcilerDependencies = Pick<ApiDependencies, 'db' | 'catalogue' | 'engine' | 'log'>;

/** A Schedule that was saved is in the engine within seconds; the queries of one round take some ms. */
const intervalMs = 3000;
/** Writes of one round: each takes the engine some 10 ms, so 10,000 sites are there within minutes and nothing else waits. */
const writesAtOnce = 300;
/** Looks of one round: each takes the engine 3 ms; all of 10,000 are looked at every ten minutes. */
const looksAtOnce = 50;
/** What the engine has and we do not know comes of a database that was put back: rare, and listed as a whole. */
const strayRounds = 200;
/** What became of each time is kept for a quarter: who asks why a backup of last month is missing finds it. */
const keptDays = 92;

/** Answers how it is stopped. */
export function startScheduleReconciler(deps: ReconcilerDependencies): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let lastTrouble = '';
  let rounds = 0;
  const go = async () => {
    try {
      await reconcile(deps, rounds);
      rounds += 1;
      if (lastTrouble) deps.log('The Schedules are compared with the engine again');
      lastTrouble = '';
    } catch (error) {
      // What is closed under its feet then is no trouble.
      if (stopped) return;
      // An outage of hours is one line.
      const trouble = errorText(error);
      if (trouble !== lastTrouble) deps.log('The Schedules cannot be compared with the engine', error);
      lastTrouble = trouble;
    }
    if (!stopped) timer = setTimeout(go, intervalMs);
  };
  timer = setTimeout(go, 0);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function reconcile(deps: ReconcilerDependencies, round: number): Promise<void> {
  const { db } = deps;
  const live = await listLiveSchedules(db);
  await leaveDeleted(db);
  const { operationTypes } = await deps.catalogue.current();
  for (const schedule of live) {
    const kind = operationTypes.get(schedule.operation_type)?.on;
    await syncEntries(db, schedule.id, kind ? queryOf(schedule, kind) : null);
  }
  // What was missed is said also while the engine is away.
  await noteMissed(deps);
  for (const schedule of live) await writeEntries(deps, schedule);
  await removeLeaving(deps);
  await compare(deps);
  if (round % strayRounds === 0) {
    await removeStrays(deps);
    await forgetRunsBefore(db, keptDays);
  }
}

function queryOf(schedule: ScheduleRow, kind: string): SelectionQuery | null {
  if (!(kind in entities) || !isSelectable(kind as keyof typeof entities)) return null;
  return {
    organisation: schedule.organisation,
    kind: kind as SelectionQuery['kind'],
    selection: selectionFieldsOf(schedule),
  };
}

/** Everything of a Schedule that the engine has to know. Hours that clocks leave out are written for this year and the next. */
function versionOf(schedule: ScheduleRow): string {
  const { name, cron, every, time_zone, catch_up_minutes, paused, pause_note } = schedule;
  const parts = [name, cron, every, time_zone, catch_up_minutes, paused, pause_note, new Date().getUTCFullYear()];
  return JSON.stringify(parts);
}

async function writeEntries(deps: ReconcilerDependencies, schedule: ScheduleRow): Promise<void> {
  const version = versionOf(schedule);
  const unwritten = await listUnwritten(deps.db, schedule.id, version, writesAtOnce);
  await someAtOnce(unwritten, async entry => {
    const { timing } = readTiming(schedule, seedOf(schedule.id, entry.subjectId));
    // It was checked when it was saved; a zone may go with an update of the machine.
    if (!timing) return;
    const written = await deps.engine.schedules.write({
      entry: entry.id,
      timing,
      catchUpMinutes: schedule.catch_up_minutes,
      paused: schedule.paused,
      note: await noteOf(deps, schedule, entry),
    });
    const nextAt = schedule.paused ? null : firstOf(timing, entry);
    await noteWritten(deps.db, entry.id, { version, written, timing, nextAt });
  });
  const { id, organisation } = schedule;
  if (unwritten.length > 0) await notify(deps.db, { kind: 'entity', entityKind: 'schedule', id, organisation });
}

/** The engine writes each to its disk; more of them at a time are no faster. */
const atOnce = 8;

async function someAtOnce<T>(all: T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += atOnce) await Promise.all(all.slice(from, from + atOnce).map(work));
}

/** What was due before it is written once more stays due; other times begin from now on. */
function firstOf(timing: Timing, { nextAt, timing: before }: ScheduleEntry): Date | null {
  const isSame = JSON.stringify(timing) === JSON.stringify(before);
  return isSame && nextAt ? nextAt : (nextTimes(timing, new Date(), 1)[0] ?? null);
}

async function noteOf(deps: ReconcilerDependencies, schedule: ScheduleRow, entry: ScheduleEntry): Promise<string> {
  const subject = await findSubjectName(deps.db, entry.subjectKind, entry.subjectId);
  const paused = schedule.paused ? `, paused${schedule.pause_note ? `: ${schedule.pause_note}` : ''}` : '';
  return `${schedule.name}: ${schedule.operation_type} on ${subject}${paused}`;
}

async function removeLeaving(deps: ReconcilerDependencies): Promise<void> {
  await someAtOnce(await listLeaving(deps.db, writesAtOnce), async ({ id }) => {
    await deps.engine.schedules.remove(id);
    await removeEntry(deps.db, id);
  });
}

/** The database is the wish: what is otherwise in the engine is written again, and said. */
async function compare(deps: ReconcilerDependencies): Promise<void> {
  const looked = await listToCheck(deps.db, looksAtOnce);
  await someAtOnce(looked, async entry => {
    const found = await deps.engine.schedules.read(entry.id);
    if (found !== entry.written) await mend(deps, entry, differenceOf(entry.written ?? '', found));
  });
  await noteChecked(
    deps.db,
    looked.map(({ id }) => id),
  );
}

async function mend(deps: ReconcilerDependencies, entry: ScheduleEntry, difference: string): Promise<void> {
  const schedule = await findSchedule(deps.db, entry.schedule);
  if (!schedule) return;
  const subject = await findSubjectName(deps.db, entry.subjectKind, entry.subjectId);
  await deps.db.transaction(async tx => {
    await noteMended(tx, entry.id, difference);
    const actor = { name: 'reconciler', organisation: schedule.organisation };
    const object = { kind: 'schedule' as const, id: schedule.id, name: schedule.name };
    await recordChange(tx, actor, { verb: 'mend', object, after: { subject, difference } });
  });
}

/** In words for people: what somebody has done in the engine's console. */
function differenceOf(written: string, found: string | null): string {
  if (found === null) return 'It was deleted in the engine.';
  const [before, now] = [JSON.parse(written), JSON.parse(found)] as Record<string, unknown>[];
  const changed = (part: string) => JSON.stringify(before?.[part]) !== JSON.stringify(now?.[part]);
  const said = [
    changed('paused') && (now?.paused ? 'It was paused in the engine.' : 'It was resumed in the engine.'),
    changed('spec') && 'Its times were changed in the engine.',
    changed('action') && 'What it begins was changed in the engine.',
    (changed('policies') || changed('remaining')) && 'Its policy was changed in the engine.',
  ];
  return said.filter(Boolean).join(' ');
}

async function removeStrays(deps: ReconcilerDependencies): Promise<void> {
  const ids: string[] = [];
  for await (const id of deps.engine.schedules.list()) ids.push(id);
  const known = await knownEntries(deps.db, ids);
  for (const id of ids) if (!known.has(id)) await deps.engine.schedules.remove(id);
}

/** Nobody has said a word about these times, and nothing is made up for any more. One word is said for a row of them. */
async function noteMissed(deps: ReconcilerDependencies): Promise<void> {
  for (const { entry, schedule } of await listOverdue(deps.db, startGraceSeconds, writesAtOnce)) {
    if (!entry.nextAt || !entry.timing) continue;
    const stillMs = schedule.catch_up_minutes * 60_000 + startGraceSeconds * 1000;
    const nextAt = nextTimes(entry.timing, new Date(Date.now() - stillMs), 1)[0] ?? null;
    const seconds = (Date.now() - entry.nextAt.getTime()) / 1000;
    const [second] = nextTimes(entry.timing, entry.nextAt, 1);
    const further = nextAt && second && second < nextAt ? ` So were all times until ${nextAt.toISOString()}.` : '';
    await noteRun(deps.db, entry, {
      organisation: schedule.organisation,
      dueAt: entry.nextAt,
      subjectName: await findSubjectName(deps.db, entry.subjectKind, entry.subjectId),
      state: 'missed',
      reason: `Nobody could start it for ${wordsOfSeconds(seconds)}: the engine, the database or every worker was away.${further}`,
      operation: null,
      nextAt,
    });
  }
}
