// What comes of a push: one Operation looks what its branch points to now, others put that commit on the Servers of the
// Environments that follow the branch, and update these. The rows say how far it is, and each step may be taken twice: an
// older push that arrives late, one that comes again and one of two processes all find what is there already.

import { AppError, errorText } from '../model/errors.ts';
import { type PushState, releaseNameOf } from '../model/pushes.ts';
import { isOver, type OperationState } from '../model/run.ts';
import { createEntity } from '../model/store/entities.ts';
import {
  changePush,
  type Follower,
  findHookProject,
  findReleaseOf,
  type HookProject,
  liesOn,
  listFollowers,
  type OperationOutcome,
  outcomesOf,
  outputOf,
  type PushRow,
  type PushUpdate,
  withPushes,
} from '../model/store/pushes.ts';
import { actorOf, type Principal } from './access.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { startOperation } from './start-operation.ts';

/** Each as far as it can go now. One process at a time: another one's round is as good. */
export async function advancePushes(deps: DispatchDependencies): Promise<void> {
  await withPushes(deps.db, open => advanceAll(deps, open));
}

async function advanceAll(deps: DispatchDependencies, open: PushRow[]): Promise<void> {
  for (const row of open) {
    try {
      await advance(deps, row, open);
    } catch (error) {
      // What is refused stays refused; everything else is tried again with the next round.
      if (!(error instanceof AppError) || error.code === 'unavailable' || error.code === 'internal') throw error;
      await changePush(deps.db, row, { state: 'failed', message: error.message });
    }
  }
}

async function advance(deps: DispatchDependencies, row: PushRow, open: PushRow[]): Promise<void> {
  const project = await findHookProject(deps.db, row.project);
  if (!project) return changePush(deps.db, row, { state: 'ignored', message: 'The Project was deleted.' });
  const state = row.state as Extract<PushState, 'received' | 'looking' | 'building' | 'updating'>;
  return steps[state]({ deps, row, project, open });
}

interface Step {
  deps: DispatchDependencies;
  row: PushRow;
  project: HookProject;
  open: PushRow[];
}

const steps = { received: look, looking: build, building: update, updating: conclude };

/** One at a time for each branch: those that come meanwhile are seen by the look of the last of them. */
async function look({ deps, row, project, open }: Step): Promise<void> {
  const same = open.filter(other => other.project === row.project && other.branch === row.branch);
  if (same.some(({ state }) => state === 'looking' || state === 'building')) return;
  const later = same.findLast(({ state }) => state === 'received');
  if (later && later.id !== row.id)
    return changePush(deps.db, row, { state: 'ignored', message: 'A later push came before this one’s turn.' });
  const followers = await listFollowers(deps.db, row.project, row.branch);
  if (followers.length === 0)
    return changePush(deps.db, row, { state: 'ignored', message: `No Environment follows the branch ${row.branch}.` });
  const { id } = await start(deps, project, {
    ...{ kind: 'project', id: row.project, type: 'find_branch', input: { branch: row.branch } },
    ...reasonOf(row, 'look'),
  });
  return changePush(deps.db, row, { state: 'looking', look: id });
}

async function build({ deps, row, project }: Step): Promise<void> {
  const looked = (await outcomesOf(deps.db, [row.look ?? ''])).get(row.look ?? '');
  if (looked && !isOver(looked.state as OperationState)) return;
  if (looked?.state !== 'succeeded')
    return changePush(deps.db, row, { state: 'failed', message: looked?.message ?? 'Its Operation is gone.' });
  const tip = String(await outputOf(deps.db, looked.id, 'commit'));
  const followers = (await listFollowers(deps.db, row.project, row.branch)).filter(each => refusalOf(each, tip) === '');
  if (followers.length === 0) {
    const updates = (await listFollowers(deps.db, row.project, row.branch)).map(each => notUpdated(each, tip));
    return changePush(deps.db, row, { state: 'done', tip, updates, message: wordsOf(row, tip, updates, new Map()) });
  }
  const release = (await findReleaseOf(deps.db, row.project, tip)) ?? (await addRelease(deps, project, row, tip));
  const wanted = [...new Set(followers.flatMap(({ webServer }) => webServer ?? []))];
  const builds = [];
  for (const server of wanted) {
    if (await liesOn(deps.db, release, server)) continue;
    const { id } = await start(deps, project, {
      ...{ kind: 'release', id: release, type: 'build_release', input: { server } },
      ...reasonOf(row, `build:${server}`),
    });
    builds.push({ server, operation: id });
  }
  return changePush(deps.db, row, { state: 'building', tip, release, builds });
}

async function addRelease(deps: DispatchDependencies, project: HookProject, row: PushRow, tip: string) {
  const actor = actorOf(principalOf(project));
  const name = releaseNameOf(row.branch, tip);
  const values = { name, project: project.id, git_ref: tip, locked: false };
  const create = (as: string) =>
    createEntity(deps.db, actor, 'release', { values: { ...values, name: as }, custom: {} });
  const made = await create(name).catch(error => {
    // A locked one, or one of another commit, has that name.
    if (error instanceof AppError && error.code === 'conflict')
      return create(`${name.slice(0, 50)}-${row.id.slice(-6).toLowerCase()}`);
    throw error;
  });
  return made.id;
}

async function update({ deps, row, project }: Step): Promise<void> {
  const outcomes = await outcomesOf(
    deps.db,
    row.builds.map(({ operation }) => operation),
  );
  if (row.builds.some(({ operation }) => !isOver(stateOf(outcomes, operation)))) return;
  const failed = new Map(
    row.builds
      .filter(({ operation }) => stateOf(outcomes, operation) !== 'succeeded')
      .map(({ server, operation }) => [server, outcomes.get(operation)?.message ?? '']),
  );
  const tip = row.tip ?? '';
  const updates: PushUpdate[] = [];
  for (const follower of await listFollowers(deps.db, row.project, row.branch)) {
    const problem = failed.get(follower.webServer ?? '');
    updates.push(
      problem === undefined
        ? await updateOne({ deps, row, project }, follower, tip)
        : { ...notUpdated(follower, tip), reason: `Its code could not be built: ${problem}` },
    );
  }
  await changePush(deps.db, row, { state: 'updating', updates });
}

async function updateOne(
  { deps, row, project }: Omit<Step, 'open'>,
  follower: Follower,
  tip: string,
): Promise<PushUpdate> {
  if (refusalOf(follower, tip)) return notUpdated(follower, tip);
  try {
    const { id } = await start(deps, project, {
      ...{ kind: 'environment', id: follower.id, type: 'update_environment', input: { release: row.release } },
      ...reasonOf(row, follower.id),
    });
    return { environment: follower.id, name: follower.name, operation: id, reason: '' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable' || error.code === 'internal') throw error;
    return { environment: follower.id, name: follower.name, operation: null, reason: errorText(error) };
  }
}

/** '' = it is to be updated. */
function refusalOf({ deployedHash, isLocked }: Follower, tip: string): string {
  if (deployedHash === tip) return hasItWords;
  return isLocked ? 'Its Release is locked: it stays as it is.' : '';
}

const hasItWords = 'It has this commit already.';

function notUpdated(follower: Follower, tip: string): PushUpdate {
  return { environment: follower.id, name: follower.name, operation: null, reason: refusalOf(follower, tip) };
}

async function conclude({ deps, row }: Step): Promise<void> {
  const ids = row.updates.flatMap(({ operation }) => operation ?? []);
  const outcomes = await outcomesOf(deps.db, ids);
  if (ids.some(id => !isOver(stateOf(outcomes, id)))) return;
  const isBad = row.updates.some(
    ({ operation, reason }) =>
      (operation === null && reason !== hasItWords && !reason.includes('locked')) ||
      (operation !== null && stateOf(outcomes, operation) !== 'succeeded'),
  );
  const message = wordsOf(row, row.tip ?? '', row.updates, outcomes);
  await changePush(deps.db, row, { state: isBad ? 'failed' : 'done', message });
}

function wordsOf(row: PushRow, tip: string, updates: PushUpdate[], outcomes: Map<string, OperationOutcome>): string {
  const moved = tip === row.commit ? '' : `The branch pointed to ${tip.slice(0, 10)} by then. `;
  const each = updates.map(({ name, operation, reason }) => {
    if (operation === null) return `${name}: ${reason}`;
    const state = stateOf(outcomes, operation);
    return state === 'succeeded' ? `${name}: updated.` : `${name}: the Update was ${state}.`;
  });
  return `${moved}${each.join(' ')}`;
}

/** One that is gone has failed. */
function stateOf(outcomes: Map<string, OperationOutcome>, id: string): OperationState {
  return (outcomes.get(id)?.state ?? 'failed') as OperationState;
}

/** A step that is taken twice finds the Operation of the first time. */
function reasonOf(row: PushRow, step: string) {
  const by = row.pusher ? ` by ${row.pusher}` : '';
  return { reason: `push to ${row.branch}${by}`, idempotencyKey: `push:${row.id}:${step}` };
}

function start(deps: DispatchDependencies, project: HookProject, request: Parameters<typeof startOperation>[2]) {
  return startOperation(deps, principalOf(project), request);
}

/** May what an operator may. */
function principalOf({ id, name, organisation }: HookProject): Principal {
  const by = `webhook of ${name}`;
  return { userId: id, name: by, email: by, role: 'operator', organisation: { id: organisation, name: '' } };
}
