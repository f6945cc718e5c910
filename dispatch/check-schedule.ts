// Whether a Schedule can be what it is asked to be, and what would come of it: said while it is written, and before it is saved.

import { checkSelection } from '../model/check-selection.ts';
import { entities } from '../model/entities.ts';
import { type AppError, invalid, type Problem } from '../model/errors.ts';
import type { FormGroup } from '../model/form.ts';
import type { OperationType } from '../model/operation-type.ts';
import { schedulableTypes } from '../model/schedulable.ts';
import { describePolicy, nextTimes, type Overlap, type Timing } from '../model/schedule.ts';
import { type SelectableKind, type Selection, selectionFields } from '../model/selection.ts';
import { listBlackouts } from '../model/store/blackouts.ts';
import type { Completion } from '../model/store/entities.ts';
import { listFieldDefinitions } from '../model/store/field-definitions.ts';
import { countSelected, listSelected, type SelectionQuery } from '../model/store/selection.ts';
import { authorizeRole, type Principal } from './access.ts';
import { blackoutAt, blackoutWords, checkBlackout } from './blackouts.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { readTiming, seedOf } from './schedule-times.ts';
import { prepareOperation } from './start-operation.ts';

export interface SchedulePreview {
  /** Those of the subject that is shown first. `skipped`: why nothing is started then. */
  times: { at: string; skipped: string | null }[];
  /** The expression with H in its place, or null for an interval. */
  expression: string | null;
  policy: string;
  count: number;
  /** The first few of those on which it runs, each with its next time. */
  subjects: { id: string; name: string; next: string | null; expression: string | null }[];
  /** What the Operation asks for, as far as its first subject tells. */
  groups: FormGroup[];
  /** Paths are names of fields. */
  problems: Problem[];
}

/** As many as fit beside a form. */
const shownTimes = 5;
const shownSubjects = 5;

/** @param id of the Schedule; '' while there is none. @param values checked, references as ids. */
export async function previewSchedule(
  deps: DispatchDependencies,
  principal: Principal,
  { id, values }: { id: string; values: Record<string, unknown> },
): Promise<SchedulePreview> {
  const organisation = principal.organisation.id;
  const { type, problems } = await findType(deps, values);
  const timingOf = (subject: string) => readTiming(values, seedOf(id, subject));
  const kind = type?.on as SelectableKind | undefined;
  const selection = selectionOf(values);
  if (kind) problems.push(...checkSelection(kind, selection, await customNames(deps, kind)));
  problems.push(...timingOf('').problems);
  const isSelected = kind !== undefined && problems.every(({ path }) => !isOfSelection(path));
  const query: SelectionQuery | null = isSelected ? { organisation, kind, selection } : null;
  const chosen = query ? await listSelected(deps.db, query, shownSubjects) : [];
  const asked = type && chosen[0] ? await askedOf(deps, principal, type, { id: chosen[0].id, values }) : null;
  problems.push(...(asked?.problems ?? []));
  const { timing } = timingOf(chosen[0]?.id ?? '');
  return {
    times: timing ? await timesOf(deps, timing, { organisation, project: asked?.project ?? null }) : [],
    expression: timing && 'expression' in timing ? timing.expression : null,
    policy: describePolicy({ overlap: values.overlap as Overlap, catchUpMinutes: Number(values.catch_up_minutes) }),
    count: query ? await countSelected(deps.db, query) : 0,
    subjects: chosen.map(({ id: subject, name }) => {
      const own = timingOf(subject).timing;
      const next = own ? nextTimes(own, new Date(), 1)[0] : undefined;
      const expression = own && 'expression' in own ? own.expression : null;
      return { id: subject, name, next: next?.toISOString() ?? null, expression };
    }),
    groups: asked?.groups ?? [],
    problems,
  };
}

async function findType(deps: DispatchDependencies, values: Record<string, unknown>) {
  const types = schedulableTypes(await deps.catalogue.current());
  const type = types.find(({ name }) => name === values.operation_type);
  const message = `There is no Operation type "${String(values.operation_type)}" that can run by itself.`;
  const problems: Problem[] = type ? [] : [{ path: 'operation_type', message }];
  return { type, problems };
}

function selectionOf(values: Record<string, unknown>): Selection {
  return Object.fromEntries(selectionFields.map(({ name }) => [name, values[name] ?? null])) as Selection;
}

const isOfSelection = (path: string) =>
  path === 'operation_type' || selectionFields.some(({ name }) => path === name || path.startsWith(`${name}.`));

async function customNames(deps: DispatchDependencies, kind: SelectableKind): Promise<string[]> {
  const custom = await listFieldDefinitions(deps.db, kind);
  return custom.filter(({ secret }) => !secret).map(({ name }) => name);
}

/** What its form asks of the first subject, and what is wrong with the answers. */
async function askedOf(
  deps: DispatchDependencies,
  principal: Principal,
  type: OperationType,
  { id, values }: { id: string; values: Record<string, unknown> },
) {
  const input = { ...(values.input as Record<string, unknown> | undefined) };
  const prepared = await prepareOperation(deps, principal, { kind: type.on, id, type: type.name, input });
  const { groups } = prepared.form;
  const asked = groups.flatMap(group => group.fields);
  const secrets = asked.filter(field => field.secret && input[field.name] !== undefined);
  const problems = [
    ...prepared.problems,
    ...secrets.map(({ name, label = name }) => ({
      path: name,
      message: `“${label}” is a secret: it is not taken here.`,
    })),
  ];
  const project = prepared.roots.project?.id ?? null;
  return { groups, project, problems: problems.map(({ path, message }) => ({ path: `input.${path}`, message })) };
}

async function timesOf(
  deps: DispatchDependencies,
  timing: Timing,
  { organisation, project }: { organisation: string; project: string | null },
): Promise<SchedulePreview['times']> {
  const blackouts = await listBlackouts(deps.db, organisation, project);
  return nextTimes(timing, new Date(), shownTimes).map(time => {
    const blackout = blackoutAt(blackouts, time);
    return { at: time.toISOString(), skipped: blackout ? `Left out: ${blackoutWords(blackout)}.` : null };
  });
}

/** For `createEntity` and `updateEntity`. It runs with the role of whoever has saved it last. @param before nothing: it is new. */
export function checkedSchedule(
  deps: DispatchDependencies,
  principal: Principal,
  before?: { id: string; values: Record<string, unknown> },
): Completion {
  return async (_tx, written) => {
    const values = { ...before?.values, ...written };
    const { type, problems: missing } = await findType(deps, values);
    if (type) authorizeRole(principal, type.minimumRole);
    const problems = type
      ? (await previewSchedule(deps, principal, { id: before?.id ?? '', values })).problems
      : missing;
    if (problems.length > 0) throw refusal(problems, entities.schedule.title);
    return { ...written, role: principal.role, saved_by: principal.email };
  };
}

export function checkedBlackout(before?: { values: Record<string, unknown> }): Completion {
  return async (_tx, written) => {
    const problems = checkBlackout({ ...before?.values, ...written });
    if (problems.length > 0) throw refusal(problems, entities.blackout.title);
    return written;
  };
}

function refusal(problems: Problem[], title: string): AppError {
  const within = problems.map(({ path, message }) => ({ path: `values.${path}`, message }));
  return invalid(within, `This ${title} cannot be saved.`);
}
