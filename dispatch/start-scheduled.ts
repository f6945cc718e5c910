// What happens at a time of a Schedule on one subject: its Operation is started, or it is written down why not. Whatever is
// done twice has the same outcome.

import { AppError } from '../model/errors.ts';
import type { OperationState } from '../model/run.ts';
import { nextTimes, type ScheduledRunState, type Timing, wordsOfSeconds } from '../model/schedule.ts';
import { listBlackouts } from '../model/store/blackouts.ts';
import {
  findEntry,
  findOpenRun,
  findRun,
  findSchedule,
  noteRun,
  type ScheduleEntry,
  type ScheduleRow,
} from '../model/store/schedules.ts';
import { findSelected } from '../model/store/selection.ts';
import type { Principal } from './access.ts';
import { blackoutAt, blackoutWords } from './blackouts.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { startOperation } from './start-operation.ts';

interface Outcome {
  state: ScheduledRunState;
  reason: string;
  operation: string | null;
}

/** A start takes a second; after this a worker that was killed is known to be gone. Who looks for missed ones waits as long. */
export const startGraceSeconds = 15;

/** @throws AppError unavailable where trying again helps. */
export async function startScheduled(deps: DispatchDependencies, entryId: string, dueAt: Date): Promise<void> {
  const entry = await findEntry(deps.db, entryId);
  const schedule = entry ? await findSchedule(deps.db, entry.schedule) : undefined;
  // It was given up a moment ago.
  if (!entry?.timing || !schedule || schedule.state === 'deleted') return;
  if (await findRun(deps.db, entry.id, dueAt)) return;
  const subject = await findSelected(deps.db, selectionOf(schedule, entry), entry.subjectId);
  if (!subject) return;
  const outcome = await decide(deps, { schedule, entry, dueAt, project: subject.project });
  const nextAt = schedule.paused ? null : (nextTimes(entry.timing, dueAt, 1)[0] ?? null);
  const { organisation } = schedule;
  await noteRun(deps.db, entry, { organisation, dueAt, subjectName: subject.name, nextAt, ...outcome });
}

export function selectionOf(schedule: ScheduleRow, { subjectKind }: Pick<ScheduleEntry, 'subjectKind'>) {
  return { organisation: schedule.organisation, kind: subjectKind, selection: selectionFieldsOf(schedule) };
}

export function selectionFieldsOf(schedule: ScheduleRow) {
  const { project, release, cluster, server, environment, environment_kind, where } = schedule;
  return { project, release, cluster, server, environment, environment_kind, where };
}

interface Due {
  schedule: ScheduleRow;
  entry: ScheduleEntry;
  dueAt: Date;
  project: string | null;
}

async function decide(deps: DispatchDependencies, due: Due): Promise<Outcome> {
  const { schedule, entry, dueAt, project } = due;
  if (!isTimeOf(entry.timing, dueAt))
    return refused('This is none of the times of this Schedule: it was begun in the engine, by whomever.');
  const lateMinutes = Math.floor((Date.now() - dueAt.getTime()) / 60_000 - startGraceSeconds / 60);
  if (lateMinutes > schedule.catch_up_minutes)
    return { state: 'missed', reason: tooLate(lateMinutes), operation: null };
  if (schedule.paused)
    return skipped(`The Schedule is paused${schedule.pause_note ? `: ${schedule.pause_note}` : '.'}`);
  const blackout = blackoutAt(await listBlackouts(deps.db, schedule.organisation, project), dueAt);
  if (blackout) return skipped(`It lies in ${blackoutWords(blackout)}.`);
  const open = schedule.overlap === 'skip' ? await findOpenRun(deps.db, entry.id) : undefined;
  if (open) return skipped(`The run of ${open.dueAt.toISOString()} ${openWords(open.state)}: Operation ${open.id}.`);
  try {
    const { id } = await startOperation(deps, principalOf(schedule), {
      kind: entry.subjectKind,
      id: entry.subjectId,
      type: schedule.operation_type,
      input: schedule.input,
      reason: `Schedule ${schedule.name}`,
      idempotencyKey: `schedule ${entry.id} ${dueAt.toISOString()}`,
    });
    return { state: 'started', reason: '', operation: id };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable' || error.code === 'internal') throw error;
    // The subject is in no state for it at present, which is nobody's mistake.
    return error.code === 'conflict' ? skipped(error.message) : refused(error.message);
  }
}

const skipped = (reason: string): Outcome => ({ state: 'skipped', reason, operation: null });
const refused = (reason: string): Outcome => ({ state: 'refused', reason, operation: null });

function openWords(state: OperationState): string {
  if (state === 'needs_attention') return 'waits for somebody';
  return state === 'queued' ? 'still waits in line' : 'still goes on';
}

function tooLate(seconds: number): string {
  return `It could be started only ${wordsOfSeconds(seconds)} later: no worker, the engine or the database was away.`;
}

/** A Schedule acts by itself: it does not end with whoever has saved it. What it may is what that person could then. */
export function principalOf({
  name,
  organisation,
  role,
  saved_by,
}: Pick<ScheduleRow, 'name' | 'organisation' | 'role' | 'saved_by'>): Principal {
  const actor = `Schedule ${name}`;
  const known = role as Principal['role'] | null;
  return {
    userId: '',
    name: actor,
    email: actor,
    ...(saved_by ? { behind: saved_by } : {}),
    role: known ?? 'viewer',
    organisation: { id: organisation, name: 'the Organisation' },
  };
}

/** Whoever reaches the engine's port could make it begin at any time. */
function isTimeOf(timing: Timing | null, dueAt: Date): boolean {
  if (!timing) return false;
  // In an hour that comes twice the engine may take either, or the one beside it.
  const toleranceMs = 'everySeconds' in timing || timing.zone === 'UTC' ? 0 : hourMs;
  const [next] = nextTimes(timing, new Date(dueAt.getTime() - toleranceMs - 1000), 1);
  return next !== undefined && next.getTime() <= dueAt.getTime() + toleranceMs;
}

const hourMs = 3_600_000;
