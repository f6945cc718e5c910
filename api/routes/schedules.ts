// Schedules beyond what every entity has: what would come of one, its times on each subject, what became of them, run now.

import { z } from '@hono/zod-openapi';
import { visibleTo } from '../../dispatch/access.ts';
import { previewSchedule } from '../../dispatch/check-schedule.ts';
import { definitionOf, findReferences } from '../../dispatch/entity-input.ts';
import { startOperation } from '../../dispatch/start-operation.ts';
import { entities, entityKinds } from '../../model/entities.ts';
import { AppError, type Problem } from '../../model/errors.ts';
import { scheduledRunStates } from '../../model/schedule.ts';
import { findEntity } from '../../model/store/entities.ts';
import { countEntries, findSchedule, listEntries, listRuns } from '../../model/store/schedules.ts';
import { findSubjectName } from '../../model/store/subject-names.ts';
import { validateFields } from '../../model/validate.ts';
import type { ScheduledRunView, ScheduleEntryView } from '../contract-schedules.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { summaryOf } from '../views.ts';

const record = z.record(z.string(), z.unknown());

export function addScheduleRoutes(app: App, deps: ApiDependencies): void {
  addPreview(app, deps);
  addTimes(app, deps);
  addRunNow(app, deps);
}

function addPreview(app: App, deps: ApiDependencies): void {
  const preview = {
    method: 'post',
    path: '/api/schedules/preview',
    summary: 'What a Schedule of these values would do, and when: its next five times, its subjects, what is wrong',
    access: 'read',
    body: z.object({ id: z.string().max(64).default(''), values: record.default({}) }),
  } as const;
  defineRoute(app, deps, preview, async ({ body, principal }) => {
    const { fields: specs } = definitionOf('schedule', await deps.catalogue.current());
    // A name is not needed to see the times.
    const checked = validateFields(specs, { name: 'preview', ...body.values });
    const problems: Problem[] = [...checked.problems];
    await findReferences(deps, principal, { specs, values: checked.values, path: '' }, problems);
    const answer = await previewSchedule(deps, principal, { id: body.id, values: checked.values });
    return { ...answer, problems: unique([...problems, ...answer.problems]) };
  });
}

const unique = (problems: Problem[]) =>
  problems.filter(({ path }, index) => problems.findIndex(other => other.path === path) === index);

function addTimes(app: App, deps: ApiDependencies): void {
  const entries = {
    method: 'get',
    path: '/api/schedule-entries',
    summary: 'Times of Schedules on their subjects: those of one Schedule, of one subject, or what comes next at all',
    access: 'read',
    query: pageQuery.extend({ schedule: z.string().max(255).optional(), subject: z.string().max(64).optional() }),
  } as const;
  defineRoute(app, deps, entries, async ({ query, principal }) => {
    const { organisation } = visibleTo(principal);
    const { limit, after } = query;
    const schedule = query.schedule ? (await findEntity(deps.db, 'schedule', query.schedule, organisation)).id : null;
    const rows = await listEntries(deps.db, {
      organisation,
      limit: limit + 1,
      upcoming: !schedule,
      ...(schedule ? { schedule } : {}),
      ...(query.subject ? { subjectId: query.subject } : {}),
      ...(schedule && after ? { after } : {}),
    });
    const page = rows.slice(0, limit);
    const items = await Promise.all(page.map(row => entryViewOf(deps, row)));
    return {
      items,
      next: schedule && rows.length > limit ? (page.at(-1)?.entry.id ?? null) : null,
      total: schedule ? await countEntries(deps.db, schedule) : null,
    };
  });

  const runs = {
    method: 'get',
    path: '/api/scheduled-runs',
    summary: 'What became of the times of Schedules, newest first',
    access: 'read',
    query: pageQuery.extend({
      schedule: z.string().max(255).optional(),
      subject: z.string().max(64).optional(),
      state: z.enum(scheduledRunStates).optional(),
    }),
  } as const;
  defineRoute(app, deps, runs, async ({ query, principal }) => {
    const { organisation } = visibleTo(principal);
    const { limit, after, state } = query;
    const schedule = query.schedule ? (await findEntity(deps.db, 'schedule', query.schedule, organisation)).id : null;
    const rows = await listRuns(deps.db, {
      organisation,
      limit: limit + 1,
      ...(schedule ? { schedule } : {}),
      ...(query.subject ? { subjectId: query.subject } : {}),
      ...(state ? { state } : {}),
      ...(after ? { after } : {}),
    });
    const page = rows.slice(0, limit);
    return { items: page.map(runViewOf), next: rows.length > limit ? (page.at(-1)?.run.id ?? null) : null };
  });
}

type EntryRow = Awaited<ReturnType<typeof listEntries>>[number];

async function entryViewOf(
  deps: ApiDependencies,
  { entry, schedule, operationState }: EntryRow,
): Promise<ScheduleEntryView> {
  const { id, subjectKind, subjectId, timing, lastDueAt, lastState } = entry;
  return {
    id,
    schedule: { id: schedule.id, name: schedule.name, operationType: schedule.operation_type, paused: schedule.paused },
    subject: { kind: subjectKind, id: subjectId, name: await findSubjectName(deps.db, subjectKind, subjectId) },
    expression: timing && 'expression' in timing ? timing.expression : null,
    zone: timing && 'zone' in timing ? schedule.time_zone : null,
    every: schedule.every,
    nextAt: entry.nextAt?.toISOString() ?? null,
    last:
      lastDueAt && lastState
        ? {
            dueAt: lastDueAt.toISOString(),
            state: lastState,
            reason: entry.lastReason,
            operation: entry.lastOperation,
            operationState,
          }
        : null,
    mended: entry.mended && entry.mendedAt ? { what: entry.mended, at: entry.mendedAt.toISOString() } : null,
  };
}

function runViewOf({ run, scheduleName, operationState }: Awaited<ReturnType<typeof listRuns>>[number]) {
  const { id, schedule, subjectKind, subjectId, subjectName, dueAt, at, state, reason, operation } = run;
  return {
    id,
    schedule: { id: schedule, name: scheduleName },
    subject: { kind: subjectKind, id: subjectId, name: subjectName },
    ...{ dueAt: dueAt.toISOString(), at: at.toISOString(), state, reason, operation, operationState },
  } satisfies ScheduledRunView;
}

/** What is more goes in waves. */
const mostAtOnce = 100;

function addRunNow(app: App, deps: ApiDependencies): void {
  const runNow = {
    method: 'post',
    path: '/api/schedules/{id}/run',
    summary: 'Starts now what a Schedule starts, on one of its subjects or on all: by whoever asks, whatever the time',
    // The role that the Operation type asks for is checked with each start.
    access: 'read',
    body: z.object({
      subject: z.object({ kind: z.enum(entityKinds), id: z.string().max(255) }).optional(),
      reason: z.string().max(1000).default(''),
    }),
    status: 202,
  } as const;
  defineRoute(app, deps, runNow, async ({ params, body, principal, c }) => {
    const { organisation } = visibleTo(principal);
    const { id } = await findEntity(deps.db, 'schedule', params.id ?? '', organisation);
    const schedule = await findSchedule(deps.db, id);
    if (!schedule || schedule.state === 'deleted') throw new AppError('conflict', 'This Schedule is deleted.');
    const { subject } = body;
    const chosen = subject ? (await findEntity(deps.db, subject.kind, subject.id, organisation)).id : null;
    const query = { organisation, schedule: id, limit: mostAtOnce + 1, ...(chosen ? { subjectId: chosen } : {}) };
    const rows = await listEntries(deps.db, query);
    if (rows.length === 0) {
      const what = subject ? `on the ${entities[subject.kind].title} ${subject.id}` : 'on anything at present';
      throw new AppError('conflict', `This Schedule does not run ${what}.`);
    }
    if (rows.length > mostAtOnce)
      throw new AppError('conflict', `It runs on more than ${mostAtOnce}: run it on one of them at a time.`);
    const key = c.req.header('idempotency-key');
    const started = [];
    const refused = [];
    for (const { entry } of rows) {
      const { subjectKind: kind, subjectId } = entry;
      try {
        const row = await startOperation(deps, principal, {
          ...{ kind, id: subjectId, type: schedule.operation_type, input: schedule.input },
          reason: body.reason || `Schedule ${schedule.name}, run now`,
          idempotencyKey: key ? `${key} ${entry.id}` : null,
        });
        started.push(summaryOf(row));
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'forbidden') throw error;
        const name = await findSubjectName(deps.db, kind, subjectId);
        refused.push({ subject: { kind, id: subjectId, name }, message: error.message });
      }
    }
    return { started, refused };
  });
}
