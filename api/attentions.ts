// What an Operation and its nested ones ask, with what each answer would do.

import type { Attention, Choice } from '../model/attention.ts';
import {
  type Plan,
  plansOf,
  type RunnableStep,
  runnablesOf,
  type SubjectReference,
  type TaskStep,
  tasksOf,
} from '../model/plan.ts';
import type { OperationRow } from '../model/store/operations.ts';
import { listDone } from '../model/store/undo.ts';
import { type DoneStep, isUndoable, stepsLeft } from '../model/undo.ts';
import type { AttentionView } from './contract.ts';
import { outermostOf } from './decide.ts';
import type { ApiDependencies } from './dependencies.ts';
import { failedTasksOf } from './failed-tasks.ts';
import { plannedOf } from './planned.ts';

export async function attentionsOf(
  deps: ApiDependencies,
  row: OperationRow,
  descendants: OperationRow[],
): Promise<AttentionView[]> {
  const asking = [row, ...descendants].filter(({ attention }) => attention);
  if (asking.length === 0) return [];
  const outermost = await outermostOf(deps, row);
  const done = outermost.plan ? await listDone(deps.db, outermost.plan) : [];
  return Promise.all(
    asking.map(async ({ id, attention, decision }) => ({
      ...(attention as Attention),
      operation: id,
      isDecided: decision?.attention === attention?.id,
      failed: await failedTasksOf(deps, outermost.plan, attention?.tasks ?? []),
      touches: attention?.approval && outermost.plan ? touchedBy(outermost.plan) : [],
      ...(attention?.approval && outermost.plan ? await plannedOf(deps, outermost.plan, done) : {}),
      effects: effectsOf(attention as Attention, outermost.plan, { asking: id, done }),
    })),
  );
}

/** What it works on, and every Environment that it keeps for itself meanwhile. */
function touchedBy(plan: Plan): SubjectReference[] {
  const locked = plan.locks.filter(({ kind, mode }) => kind === 'environment' && mode === 'exclusive');
  const all = [...[...plansOf(plan)].map(each => each.plan.subject), ...locked];
  const byId = new Map(all.map(({ kind, id, name }) => [id, { kind, id, name }]));
  return [...byId.values()];
}

interface Scope {
  asking: string;
  done: DoneStep[];
}

function effectsOf(attention: Attention, plan: Plan | null, { asking, done }: Scope): AttentionView['effects'] {
  const failed = titlesOf(plan ? [...runnablesOf(plan)].filter(({ taskId }) => attention.tasks.includes(taskId)) : []);
  const own = plan ? ([...plansOf(plan)].find(each => each.plan.operationId === asking)?.plan ?? plan) : null;
  const isOpen = ({ taskId }: TaskStep) =>
    !attention.tasks.includes(taskId) && !done.some(({ step, failed }) => !failed && step.taskId === taskId);
  const rest = titlesOf(own ? stepsOf([...tasksOf(own)]).filter(isOpen) : []);
  const goesOn = rest ? ` Then: ${rest}.` : '';
  // An undo goes through the outer Operations as well.
  const undone = titlesOf(stepsOf(done.filter(isUndoable))) || 'nothing';
  const stays = titlesOf(stepsOf(stepsLeft(done)));
  const words: Record<Choice, string> = {
    retry: `Runs ${failed || 'what has failed'} again.${goesOn}`,
    skip:
      attention.about === 'undo'
        ? `Leaves ${failed} as it is, and goes on with the undo.`
        : `Goes on without ${failed}.${goesOn}`,
    undo: `Ends it and takes back what was changed: ${undone}.${stays ? ` Stays: ${stays}.` : ''}`,
    leave: `Ends it. Everything stays as it is now; it can be resumed later.`,
    approve: `It goes on.${goesOn}`,
    reject: undone === 'nothing' ? 'Ends it; nothing was done.' : `Ends it and takes back what was changed: ${undone}.`,
  };
  return Object.fromEntries(attention.choices.map(choice => [choice, words[choice]]));
}

const stepsOf = (entries: { step: TaskStep }[]) => entries.map(({ step }) => step);
const titlesOf = (steps: RunnableStep[]) => steps.map(({ title }) => title).join(', ');
