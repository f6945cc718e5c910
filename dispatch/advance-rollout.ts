// One look at a Rollout: what has ended since the last one, whether it may go on, what is begun next. All of it is in the
// database, so a look that is repeated, or follows one that was cut off, does no harm.

import { approvalWords } from '../model/approval.ts';
import { AppError } from '../model/errors.ts';
import {
  budgetOf,
  failuresOf,
  type GateState,
  isRolloutOver,
  openRolloutStates,
  type RolloutCounts,
} from '../model/rollout.ts';
import type { OperationState } from '../model/run.ts';
import {
  changeRollout,
  countItems,
  findRollout,
  followOperations,
  listItems,
  listReady,
  noteBegun,
  noteRefused,
  type RolloutChange,
  type RolloutItem,
  type RolloutRow,
  removeItems,
  statesOf,
} from '../model/store/rollouts.ts';
import type { Principal } from './access.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { startOperation } from './start-operation.ts';

/** Of one look: a start takes some 30 ms, and a look should be over in a second. */
const startsAtOnce = 20;
/** While something runs: people watch, and the window should not stand empty for long. */
const watchMs = 1000;
/** While nothing happens but what somebody does, who then gives a hint; a lost one is made up for. */
const idleMs = 600_000;
/** What a Rollout takes at most, and so a wave. */
const mostOfWave = 50_000;
/** Between two rounds of checks. */
const roundMs = 30_000;

export interface Advance {
  over: boolean;
  /** When to look again, unless somebody says that there is something new. */
  waitMs: number;
}

export async function advanceRollout(deps: DispatchDependencies, id: string): Promise<Advance> {
  const row = await findRollout(deps.db, id);
  if (isRolloutOver(row.state)) return { over: true, waitMs: 0 };
  await followOperations(deps.db, id);
  const counts = await countItems(deps.db, id);
  const { running, needs_attention } = counts;
  if (isUnapproved(row)) return awaitApproval(deps, row);
  if (row.state === 'running') {
    const spent = isSpent(row, counts);
    if (spent) await change(deps, row, 'pause', { state: 'paused', message: spent });
    else return goOn(deps, row, counts);
  }
  return { over: false, waitMs: running + needs_attention > 0 ? watchMs : idleMs };
}

const isUnapproved = ({ settings: { approval }, state }: RolloutRow) =>
  approval !== undefined && approval.approvedBy === null && state !== 'paused';

/** Whoever approves it gives a hint. */
async function awaitApproval(deps: DispatchDependencies, row: RolloutRow): Promise<Advance> {
  const { approval } = row.settings;
  if (!approval) return { over: false, waitMs: 0 };
  const leftMs = Date.parse(approval.expiresAt) - Date.now();
  if (leftMs <= 0) {
    const message = `Nobody has approved it within ${approval.expiresHours} hours. Nothing was done.`;
    return { over: await giveUp(deps, row, { by: 'Rollout', verb: 'expire', message }), waitMs: watchMs };
  }
  await change(deps, row, 'wait', { state: 'waiting', message: approvalWords(approval) });
  return { over: false, waitMs: Math.min(idleMs, leftMs) };
}

/** '' = it may go on. */
function isSpent({ settings }: RolloutRow, counts: RolloutCounts): string {
  const failures = failuresOf(counts);
  const budget = budgetOf(settings.budget, counts);
  if (failures <= budget) return '';
  const allowed = budget === 0 ? 'none may' : `${budget} may`;
  return `${failures} failed, ${allowed}. Look at them, then retry them, resume with a larger budget, or abort.`;
}

async function goOn(deps: DispatchDependencies, row: RolloutRow, counts: RolloutCounts): Promise<Advance> {
  const ofWave = await countItems(deps.db, row.id, row.wave);
  if (ofWave.pending > 0) {
    const { atOnce, perServer } = row.settings;
    const limit = Math.min(startsAtOnce, atOnce - counts.running);
    for (const item of await listReady(deps.db, { rollout: row.id, wave: row.wave, perServer, limit }))
      await begin(deps, row, item);
    return { over: false, waitMs: watchMs };
  }
  // What waits for somebody does not hold up the others, but the end.
  if (ofWave.running > 0) return { over: false, waitMs: watchMs };
  if (row.wave + 1 < row.waves) return passGate(deps, row);
  if (counts.running + counts.needs_attention > 0) return { over: false, waitMs: watchMs };
  await end(deps, row, counts);
  return { over: true, waitMs: 0 };
}

async function end(deps: DispatchDependencies, row: RolloutRow, counts: RolloutCounts): Promise<void> {
  const failures = failuresOf(counts);
  const removed = counts.removed > 0 ? `, ${counts.removed} were taken off the list` : '';
  const message = `${counts.succeeded} succeeded, ${failures} failed${removed}.`;
  await change(deps, row, 'end', { state: failures > 0 ? 'finished' : 'succeeded', message, endedAt: new Date() });
}

/** The Rollout itself is who pauses and ends it, not whoever has started it. */
async function change(deps: DispatchDependencies, row: RolloutRow, verb: string | null, to: RolloutChange) {
  const actor = { name: 'Rollout', organisation: row.organisation };
  return changeRollout(deps.db, actor, row, { verb, from: ['running'], change: to, byItself: true });
}

async function begin(deps: DispatchDependencies, row: RolloutRow, item: RolloutItem): Promise<void> {
  const { operationType: type, input, settings } = row;
  try {
    const { id } = await startOf(deps, row, { item, type, input, key: `${item.attempt}`, policy: settings.onFailure });
    await noteBegun(deps.db, item, id);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable' || error.code === 'internal') throw error;
    await noteRefused(deps.db, item, error.message);
  }
}

function startOf(
  deps: DispatchDependencies,
  row: RolloutRow,
  start: {
    item: RolloutItem;
    type: string;
    input: Record<string, unknown>;
    key: string;
    policy: 'undo' | 'leave' | 'ask';
  },
) {
  const { item, type, input, key, policy } = start;
  return startOperation(deps, principalOf(row), {
    ...{ kind: row.subjectKind, id: item.subjectId, type, input },
    approved: row.settings.approval?.approvedBy != null,
    reason: `Rollout ${row.title}${row.reason ? `: ${row.reason}` : ''}`,
    idempotencyKey: `rollout ${item.id} ${key}`,
    onFailure: policy === 'ask' ? null : { choose: policy, afterHours: 0 },
  });
}

/** With the rights that whoever started it had then. */
function principalOf({ startedBy, role, organisation }: RolloutRow): Principal {
  const known = { id: organisation, name: 'the Organisation' };
  const email = `${startedBy} (Rollout)`;
  return { userId: '', name: startedBy, email, behind: startedBy, role, organisation: known };
}

async function passGate(deps: DispatchDependencies, row: RolloutRow): Promise<Advance> {
  const { minutes, check, approval } = row.settings.gate;
  const now = Date.now();
  const gate = row.gate ?? { since: iso(now), approvedBy: null, round: 0, roundAt: iso(now), checks: {} };
  if (!row.gate) await change(deps, row, null, { gate });
  const openAt = Date.parse(gate.since) + minutes * 60_000;
  const waiting = { over: false, waitMs: watchMs };
  if (check) {
    if (now < Date.parse(gate.roundAt)) return waiting;
    if (!(await checkRound(deps, row, gate, check))) return waiting;
    // The last round begins when the time is over.
    if (Date.parse(gate.roundAt) < openAt) {
      const roundAt = iso(Math.min(now + roundMs, Math.max(openAt, now)));
      await change(deps, row, null, { gate: { ...gate, round: gate.round + 1, roundAt, checks: {} } });
      return waiting;
    }
  } else if (now < openAt) return waiting;
  if (approval && !gate.approvedBy) {
    const message = `Wave ${row.wave + 1} of ${row.waves} is done. Look at it, then approve the next one, or abort.`;
    await change(deps, row, 'wait', { state: 'waiting', message });
    return { over: false, waitMs: idleMs };
  }
  const message = `Wave ${row.wave + 2} of ${row.waves} is under way.`;
  await change(deps, row, 'advance', { wave: row.wave + 1, message, gate: null });
  return { over: false, waitMs: 0 };
}

const iso = (time: number): string => new Date(time).toISOString();

/** Everything that the wave has done is checked; one that fails pauses the Rollout. Answers whether all is good. */
async function checkRound(
  deps: DispatchDependencies,
  row: RolloutRow,
  gate: GateState,
  type: string,
): Promise<boolean> {
  const done = await listItems(deps.db, { rollout: row.id, wave: row.wave, states: ['succeeded'], limit: mostOfWave });
  const states = await statesOf(deps.db, Object.values(gate.checks));
  const stateOf = (item: RolloutItem) => states.get(gate.checks[item.id] ?? '') as OperationState | undefined;
  const red = done.filter(item => ['failed', 'cancelled', 'needs_attention'].includes(stateOf(item) ?? ''));
  if (red.length > 0) {
    const names = red.slice(0, 5).map(({ subjectName }) => subjectName);
    const others = red.length > names.length ? ' and others' : '';
    const message = `After wave ${row.wave + 1} the check failed on ${names.join(', ')}${others}. “Resume” checks again.`;
    await change(deps, row, 'pause', { state: 'paused', message, gate: null });
    return false;
  }
  const open = done.filter(item => stateOf(item) !== undefined && stateOf(item) !== 'succeeded');
  const next = done.filter(item => stateOf(item) === undefined);
  const room = Math.min(startsAtOnce, row.settings.atOnce - open.length);
  const checks = { ...gate.checks };
  for (const item of next.slice(0, Math.max(0, room))) {
    const key = `check ${gate.since} ${gate.round}`;
    const { checkInput: input = {} } = row.settings.gate;
    checks[item.id] = (await startOf(deps, row, { item, type, input, key, policy: 'leave' })).id;
  }
  if (next.length > 0) await change(deps, row, null, { gate: { ...gate, checks } });
  return next.length + open.length === 0;
}

/** What was not begun is taken off; what runs ends by itself. */
export async function abortRollout(deps: DispatchDependencies, row: RolloutRow, by: string): Promise<boolean> {
  return giveUp(deps, row, { by, verb: 'abort', message: `Aborted by ${by}. What had begun came to its end.` });
}

async function giveUp(
  deps: DispatchDependencies,
  row: RolloutRow,
  { by, verb, message }: { by: string; verb: string; message: string },
): Promise<boolean> {
  const actor = { name: by, organisation: row.organisation };
  const change = { state: 'aborted' as const, message, endedAt: new Date() };
  const done = await changeRollout(deps.db, actor, row, { verb, from: openRolloutStates, change });
  if (done) await removeItems(deps.db, actor, row, { subjects: null, message: 'The Rollout was aborted.' });
  return done;
}
