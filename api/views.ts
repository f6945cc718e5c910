// Rows as the API answers them (contract.ts).

import type { SubjectReference } from '../model/plan.ts';
import type { OperationRow } from '../model/store/operations.ts';
import { listChildren } from '../model/store/operations.ts';
import { type AttemptRow, listTasks, type TaskRow } from '../model/store/tasks.ts';
import type { AttemptView, OperationSummary, OperationView, TaskView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

const time = (at: Date | null) => at?.toISOString() ?? null;

export function summaryOf(row: OperationRow): OperationSummary {
  const subject: SubjectReference = { kind: row.subjectKind, id: row.subjectId, name: row.subjectName };
  const { id, type, title, state, parent, startedBy, reason, message, exitCode } = row;
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
    createdAt: row.createdAt.toISOString(),
    startedAt: time(row.startedAt),
    endedAt: time(row.endedAt),
  };
}

export async function operationViewOf(deps: ApiDependencies, row: OperationRow): Promise<OperationView> {
  const [tasks, children] = await Promise.all([listTasks(deps.db, row.id), listChildren(deps.db, row.id)]);
  return {
    ...summaryOf(row),
    input: row.input,
    tasks: tasks.map(taskViewOf),
    children: children.map(summaryOf),
    console: deps.engine.consolePage(row.id),
  };
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
