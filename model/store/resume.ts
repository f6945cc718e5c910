// A further attempt at an Operation that is over: what is finished stays finished, everything else waits again.

import { and, eq, inArray, isNotNull, isNull, ne, not, or } from 'drizzle-orm';
import { AppError } from '../errors.ts';
import type { Plan } from '../plan.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Transaction } from './database.ts';
import type { OperationRow } from './operations.ts';
import { operations, tasks } from './schema/index.ts';
import { claimChanges } from './subject-changes.ts';

const fresh = {
  state: 'queued',
  engineRun: null,
  attention: null,
  decision: null,
  cancelRequestedBy: null,
  cancelChoice: null,
  endedAt: null,
  message: '',
  exitCode: null,
} as const;

/** @param plan with inputs that were changed. @throws AppError conflict when it is not over, or somebody has resumed it meanwhile. */
export async function resumeOperation(
  db: Database,
  actor: Actor,
  row: OperationRow,
  plan: Plan,
): Promise<OperationRow> {
  return db.transaction(async tx => {
    const attempt = row.attempt + 1;
    const [resumed] = await tx
      .update(operations)
      .set({ ...fresh, plan, attempt, queuedAt: new Date() })
      .where(
        and(
          eq(operations.id, row.id),
          eq(operations.attempt, row.attempt),
          inArray(operations.state, ['failed', 'cancelled']),
        ),
      )
      .returning();
    if (!resumed) throw new AppError('conflict', 'It was resumed meanwhile. Look at the Operation again.');
    await claimChanges(tx, plan);
    const nested = await openTasks(tx, row.id);
    if (nested.length > 0)
      await tx
        .update(operations)
        .set({ ...fresh, attempt })
        .where(and(inArray(operations.id, nested), ne(operations.id, row.id)));
    const object = { kind: 'operation' as const, id: row.id, name: `${row.title} ${row.subjectName}` };
    await recordChange(tx, actor, { verb: 'resume', object, after: { attempt } });
    return resumed;
  });
}

/** Answers the Operations that they belong to. */
async function openTasks(tx: Transaction, root: string): Promise<string[]> {
  const finished = or(eq(tasks.state, 'succeeded'), isNotNull(tasks.skippedBy));
  const rows = await tx
    .update(tasks)
    .set({ state: 'pending', message: '', progress: null, endedAt: null })
    .where(and(eq(tasks.root, root), isNull(tasks.undoes), not(finished ?? isNotNull(tasks.id))))
    .returning({ operation: tasks.operation });
  return [...new Set(rows.map(({ operation }) => operation))];
}
