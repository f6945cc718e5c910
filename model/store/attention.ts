// An Operation that asks a person: the question, the answer, and what the answer changes. The row is the truth: the engine
// is only told to look.

import { and, eq, inArray, isNull, or, sql } from 'drizzle-orm';
import type { Attention, Choice, Decision } from '../attention.ts';
import { AppError } from '../errors.ts';
import type { Input, Plan, PlanStep } from '../plan.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Transaction } from './database.ts';
import { noticeAttention, noticeDecided } from './notices.ts';
import { ancestorsOf, closeRunningTasks, notifyUpwards, type RunOf } from './operation-run.ts';
import type { OperationRow } from './operations.ts';
import { operations, tasks } from './schema/index.ts';

/** What asks before it begins may be quicker than whoever has started it. */
const isDue = ({ attempt }: RunOf) =>
  and(isNull(operations.engineRun), eq(operations.state, 'queued'), eq(operations.attempt, attempt));

/** The Operation and all that it is part of need attention from now on. */
export async function park(db: Database, run: RunOf, attention: Attention): Promise<void> {
  await db.transaction(async tx => {
    const [row] = await tx
      .update(operations)
      .set({ state: 'needs_attention', attention, engineRun: run.engineRun })
      .where(
        and(
          eq(operations.id, run.plan.operationId),
          or(eq(operations.engineRun, run.engineRun), isDue(run)),
          sql`${operations.decision} ->> 'attention' is distinct from ${attention.id}`,
        ),
      )
      .returning();
    if (!row) return;
    const state = attention.about === 'cancel' ? 'cancelled' : 'failed';
    await closeRunningTasks(tx, row.id, { state, message: attention.message });
    const outer = await ancestorsOf(tx, row);
    const ids = outer.map(({ id }) => id);
    if (ids.length > 0)
      await tx.update(operations).set({ state: 'needs_attention' }).where(inArray(operations.id, ids));
    const actor = { name: run.plan.startedBy, organisation: run.plan.organisation };
    await recordChange(tx, actor, { verb: 'park', object: objectOf(row), after: { message: attention.message } });
    await noticeAttention(tx, outer.at(-1) ?? row, attention);
    await notifyUpwards(tx, row);
  });
}

export interface DecisionRequest {
  attention: string;
  choice: Choice;
  /** Changed inputs by Task. */
  inputs: Decision['inputs'];
  /** Why. */
  reason?: string;
}

/** @throws AppError conflict when the question is answered, or another one is open. */
export async function decide(
  db: Database,
  actor: Actor,
  row: OperationRow,
  { attention, choice, inputs, reason = '' }: DecisionRequest,
): Promise<void> {
  await db.transaction(async tx => {
    const decision: Decision = { attention, choice, inputs, reason, by: actor.name, at: new Date().toISOString() };
    const [decided] = await tx
      .update(operations)
      .set({ decision })
      .where(
        and(
          eq(operations.id, row.id),
          eq(operations.state, 'needs_attention'),
          sql`${operations.attention} ->> 'id' = ${attention}`,
          or(isNull(operations.decision), sql`${operations.decision} ->> 'attention' <> ${attention}`),
        ),
      )
      .returning();
    if (!decided) throw new AppError('conflict', 'This was decided meanwhile. Look at the Operation again.');
    if (Object.keys(inputs).length > 0) await changePlan(tx, row, inputs);
    await recordChange(tx, actor, {
      verb: choice,
      object: objectOf(row),
      after: { inputs, ...(reason ? { reason } : {}) },
    });
    await notifyUpwards(tx, decided);
  });
}

/** A resume has to see them too, so they go into the plan, which is the outermost one's. */
async function changePlan(tx: Transaction, row: OperationRow, inputs: Decision['inputs']): Promise<void> {
  const outermost = (await ancestorsOf(tx, row)).at(-1) ?? row;
  if (!outermost.plan) return;
  const plan = changeInputs(outermost.plan, inputs);
  await tx.update(operations).set({ plan }).where(eq(operations.id, outermost.id));
}

/** The same plan with other inputs of some Tasks. */
export function changeInputs(plan: Plan, inputs: Decision['inputs']): Plan {
  return { ...plan, steps: changeSteps(plan.steps, inputs) };
}

function changeSteps(steps: PlanStep[], inputs: Record<string, Record<string, Input>>): PlanStep[] {
  return steps.map(step => {
    if (step.kind === 'task') return { ...step, inputs: { ...step.inputs, ...inputs[step.taskId] } };
    if (step.kind === 'parallel') return { ...step, steps: changeSteps(step.steps, inputs) };
    return { ...step, plan: changeInputs(step.plan, inputs) };
  });
}

/** The answer, when there is one: the Operation goes on. Taken twice it is the same. */
export async function takeDecision(db: Database, run: RunOf, id: string): Promise<Decision | null> {
  return db.transaction(async tx => {
    const own = and(eq(operations.id, run.plan.operationId), eq(operations.engineRun, run.engineRun));
    const [row] = await tx.select().from(operations).where(own).for('update');
    const decision = row?.decision;
    if (!row || decision?.attention !== id) return null;
    if (row.attention?.id === id) await goOn(tx, row, row.attention, decision);
    return decision;
  });
}

async function goOn(tx: Transaction, row: OperationRow, attention: Attention, decision: Decision): Promise<void> {
  const { choice, by } = decision;
  const isUndone = choice === 'undo' || attention.about === 'undo';
  // Before it begins, which it does when it has its locks.
  const goesOn = attention.about === 'approval' && row.startedAt === null ? 'queued' : 'running';
  const state = isUndone ? 'undoing' : goesOn;
  await tx.update(operations).set({ state, attention: null }).where(eq(operations.id, row.id));
  if (choice === 'skip') {
    await tx
      .update(tasks)
      .set({ state: 'skipped', skippedBy: by, message: sql`${tasks.message} || ${` Skipped by ${by}.`}` })
      .where(inArray(tasks.id, attention.tasks));
  }
  let isSettled = true;
  const ancestors = await ancestorsOf(tx, row);
  for (const outer of ancestors) {
    const [waiting] = await tx
      .select({ id: operations.id })
      .from(operations)
      .where(and(eq(operations.parent, outer.id), eq(operations.state, 'needs_attention')))
      .limit(1);
    // Another one of its nested Operations still asks.
    isSettled = !waiting && !outer.attention;
    if (!isSettled) break;
    await tx.update(operations).set({ state: 'running' }).where(eq(operations.id, outer.id));
  }
  if (isSettled) await noticeDecided(tx, ancestors.at(-1)?.id ?? row.id);
  await notifyUpwards(tx, row);
}

function objectOf(row: OperationRow) {
  return { kind: 'operation' as const, id: row.id, name: `${row.title} ${row.subjectName}` };
}
