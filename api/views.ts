// Rows as the API answers them (contract.ts).

import type { SubjectReference } from '../model/plan.ts';
import { type LockClaim, listClaims } from '../model/store/locks.ts';
import { findOperation, listDescendants, type OperationRow } from '../model/store/operations.ts';
import { type AttemptRow, listTasks, type TaskRow } from '../model/store/tasks.ts';
import { attentionsOf } from './attentions.ts';
import type { AttemptView, ClaimView, OperationSummary, OperationView, TaskView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

const time = (at: Date | null) => at?.toISOString() ?? null;

export function summaryOf(row: OperationRow): OperationSummary {
  const subject: SubjectReference = { kind: row.subjectKind, id: row.subjectId, name: row.subjectName };
  const { id, type, title, state, parent, startedBy, reason, message, exitCode, attempt } = row;
  return {
    id,
    type,
    title,
    state,
    subject,
    parent,
    startedBy,
    reason,
    message,
    exitCode,
    attempt,
    createdAt: row.createdAt.toISOString(),
    startedAt: time(row.startedAt),
    endedAt: time(row.endedAt),
  };
}

export async function operationViewOf(deps: ApiDependencies, { id }: OperationRow): Promise<OperationView> {
  const [descendants, claims] = await Promise.all([
    listDescendants(deps.db, id),
    listClaims(deps.db, { operations: [id] }),
  ]);
  // After what it contains: with a question of a nested one it must not look as if it went on.
  const row = await findOperation(deps.db, id);
  const tasks = await listTasks(
    deps.db,
    [row, ...descendants].map(({ id }) => id),
  );
  return {
    ...summaryOf(row),
    input: row.input,
    tasks: tasks.map(taskViewOf),
    children: descendants.filter(({ parent }) => parent === row.id).map(summaryOf),
    isDryRun: row.plan?.check?.dryRunOf !== undefined,
    attentions: await attentionsOf(deps, row, descendants),
    claims: claimsOf(row.id, claims.map(claimViewOf)),
    cancelRequestedBy: row.cancelRequestedBy ?? '',
    console: deps.engine.consolePage(row.id),
  };
}

/** What it holds and waits for; for the latter, who is before it. */
function claimsOf(operation: string, all: ClaimView[]): OperationView['claims'] {
  return all
    .filter(claim => claim.operation === operation)
    .map(claim => ({
      ...claim,
      behind: all.filter(
        ({ kind, id, position }) => kind === claim.kind && id === claim.id && position < claim.position,
      ),
    }));
}

export function claimViewOf({ title, subject, since, ...claim }: LockClaim): ClaimView {
  return { ...claim, title: `${title} ${subject}`, since: since.toISOString() };
}

function taskViewOf(row: TaskRow & { attempts: AttemptRow[] }): TaskView {
  const {
    id,
    operation,
    step,
    position,
    depth,
    within,
    type,
    version,
    title,
    state,
    target,
    message,
    progress,
    inputs,
    outputs,
    changed,
    undoes,
  } = row;
  return {
    id,
    operation,
    step,
    position,
    depth,
    within,
    type,
    version,
    title,
    state,
    target,
    message,
    progress,
    inputs,
    outputs,
    changed,
    undoes,
    skippedBy: row.skippedBy ?? '',
    attempts: row.attempts.map(attemptViewOf),
    startedAt: time(row.startedAt),
    endedAt: time(row.endedAt),
  };
}

function attemptViewOf(row: AttemptRow): AttemptView {
  const { id, number, state, exitCode, changed, message, lines } = row;
  return {
    id,
    number,
    state,
    exitCode,
    changed,
    message,
    lines,
    startedAt: row.startedAt.toISOString(),
    endedAt: time(row.endedAt),
  };
}
