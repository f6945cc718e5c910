// What a person may say to a Rollout that is under way or over.

import { approvalRefusal } from '../model/approval.ts';
import { AppError, invalid } from '../model/errors.ts';
import {
  budgetOf,
  checkSettings,
  failuresOf,
  isRolloutOver,
  type RolloutSettings,
  type RolloutState,
} from '../model/rollout.ts';
import {
  changeRollout,
  countItems,
  listItems,
  type RolloutChange,
  type RolloutRow,
  removeItems,
  retryFailed,
} from '../model/store/rollouts.ts';
import { actorOf, type Principal } from './access.ts';
import { abortRollout } from './advance-rollout.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { createUndo } from './rollouts.ts';

export const rolloutCommands = ['pause', 'resume', 'pace', 'approve', 'abort', 'retry', 'remove'] as const;
export type RolloutCommand = (typeof rolloutCommands)[number];

export interface CommandInput {
  command: RolloutCommand;
  /** Why, for the others. */
  reason: string;
  /** resume, pace, retry: in the place of what it has. */
  settings: Partial<Pick<RolloutSettings, 'atOnce' | 'perServer' | 'budget'>>;
  /** remove: ids or names. */
  subjects: string[];
}

/** @throws AppError conflict, which says in which state it is. */
export async function commandRollout(
  deps: DispatchDependencies,
  principal: Principal,
  row: RolloutRow,
  input: CommandInput,
): Promise<void> {
  const { command, reason } = input;
  const settings = { ...row.settings, ...input.settings, ...(command === 'approve' ? approved(row, principal) : {}) };
  const problems = checkSettings(settings);
  if (problems.length > 0) throw invalid(problems, 'It cannot go on like that.');
  if (command === 'remove') return remove(deps, principal, row, input);
  if (command === 'retry') return retry(deps, principal, row, settings);
  if (command === 'abort') {
    if (!(await abortRollout(deps, row, principal.email))) throw wrongState(row, command);
    return;
  }
  if (command === 'resume') await refuseSpent(deps, row, settings);
  const { from, change } = changes[command](row, principal, reason);
  const to = { ...change, settings };
  if (!(await changeRollout(deps.db, actorOf(principal), row, { verb: command, from, change: to })))
    throw wrongState(row, command);
}

/** It is given once, before the first wave; who may give it may also let later waves begin. */
function approved({ settings: { approval } }: RolloutRow, principal: Principal): Partial<RolloutSettings> {
  if (!approval) return {};
  const refusal = approvalRefusal(approval, principal);
  if (refusal) throw new AppError('forbidden', refusal);
  return { approval: { ...approval, approvedBy: approval.approvedBy ?? principal.email } };
}

type Plain = Exclude<RolloutCommand, 'remove' | 'retry' | 'abort'>;
type Change = (
  row: RolloutRow,
  principal: Principal,
  reason: string,
) => { from: RolloutState[]; change: RolloutChange };

const changes: Record<Plain, Change> = {
  pause: (_row, { email }, reason) => {
    const message = `Paused by ${email}${reason ? `: ${reason}` : '.'} What runs comes to its end.`;
    return { from: ['running', 'waiting'], change: { state: 'paused', message } };
  },
  resume: (_row, { email }) => ({ from: ['paused'], change: { state: 'running', message: `Resumed by ${email}.` } }),
  pace: () => ({ from: ['running', 'paused', 'waiting'], change: {} }),
  approve: ({ gate }, { email }) => ({
    from: ['waiting'],
    change: { state: 'running', message: `Approved by ${email}.`, gate: gate && { ...gate, approvedBy: email } },
  }),
};

/** Else it would pause again at once. */
async function refuseSpent(deps: DispatchDependencies, row: RolloutRow, settings: RolloutSettings): Promise<void> {
  const counts = await countItems(deps.db, row.id);
  const failures = failuresOf(counts);
  if (failures <= budgetOf(settings.budget, counts)) return;
  const message = `${failures} have failed: give a budget of at least ${failures} to go on with these, or retry them.`;
  throw invalid([{ path: 'budget', message }], 'It cannot be resumed.');
}

async function remove(deps: DispatchDependencies, principal: Principal, row: RolloutRow, input: CommandInput) {
  if (isRolloutOver(row.state)) throw wrongState(row, input.command);
  const message = `Taken off the list by ${principal.email}${input.reason ? `: ${input.reason}` : '.'}`;
  const removed = await removeItems(deps.db, actorOf(principal), row, { subjects: input.subjects, message });
  if (removed === 0)
    throw new AppError('conflict', 'None of these waits for its turn: what has begun is not taken off.');
}

/** Only what has failed, from the first wave that has one; what is done stays done. */
async function retry(deps: DispatchDependencies, principal: Principal, row: RolloutRow, settings: RolloutSettings) {
  const { count, wave } = await retryFailed(deps.db, row.id);
  if (count === 0) throw new AppError('conflict', 'Nothing has failed that is over: answer or end what still waits.');
  const change = {
    ...{ state: 'running' as const, settings, gate: null, endedAt: null },
    wave: Math.min(wave, row.wave),
    message: `${count} are tried again by ${principal.email}.`,
  };
  const from: RolloutState[] = ['running', 'paused', 'waiting', 'finished', 'aborted'];
  await changeRollout(deps.db, actorOf(principal), row, { verb: 'retry', from, change });
}

/** A Rollout of its own, over what this one has done so far. It has to stand still for that. */
export async function undoRollout(
  deps: DispatchDependencies,
  principal: Principal,
  row: RolloutRow,
): Promise<RolloutRow> {
  const { running } = await countItems(deps.db, row.id);
  if (row.state === 'running' || row.state === 'waiting' || running > 0)
    throw new AppError('conflict', 'It still goes on: pause or abort it, and wait for what runs.');
  const done = await listItems(deps.db, { rollout: row.id, states: ['succeeded'], limit: 100_000 });
  const subjects = done.map(({ subjectId, subjectName, server }) => ({ id: subjectId, name: subjectName, server }));
  return createUndo(deps, principal, row, subjects);
}

function wrongState({ state }: RolloutRow, command: RolloutCommand): AppError {
  return new AppError('conflict', `It is ${state}: “${command}” makes no sense now.`);
}
