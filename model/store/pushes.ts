// What git servers have said by their webhooks: each is kept once, whatever happens how often.

import { and, asc, desc, eq, inArray, isNull, lt, ne, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import type { GitProvider, Push, PushState } from '../pushes.ts';
import { openPushStates } from '../pushes.ts';
import type { Database, Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { environments, operations, presences, projects, pushes, releases, servers, tasks } from './schema/index.ts';

export type PushRow = typeof pushes.$inferSelect;
export type { PushBuild, PushUpdate } from './schema/pushes.ts';

export interface HookProject {
  id: string;
  name: string;
  organisation: string;
  repository: string;
  /** Id of the secret; null = it takes no webhooks. */
  secret: string | null;
}

export async function findHookProject(db: Db, id: string): Promise<HookProject | null> {
  const [row] = await db
    .select()
    .from(projects)
    .where(and(eq(projects.id, id), ne(projects.state, 'deleted')));
  if (!row) return null;
  const { name, organisation, repository, webhook_secret } = row;
  return { id, name, organisation, repository, secret: webhook_secret };
}

export interface NewPush {
  project: HookProject;
  provider: GitProvider;
  event: string;
  delivery: string;
  state: PushState;
  message: string;
  push?: Push | { branch: string };
}

/** One that came before is answered as it is by now. */
export async function keepPush(db: Database, { project, push, ...given }: NewPush): Promise<PushRow> {
  return db.transaction(async tx => {
    const { id: owner, organisation } = project;
    const isOpen = openPushStates.some(state => state === given.state);
    const id = ulid();
    const [row] = await tx
      .insert(pushes)
      .values({
        ...{ ...given, ...push, id, organisation, project: owner },
        // A server that gives no id is believed that each is another one.
        delivery: given.delivery || id,
        endedAt: isOpen ? null : new Date(),
      })
      .onConflictDoUpdate({
        target: [pushes.project, pushes.provider, pushes.delivery],
        set: { count: sql`${pushes.count} + 1` },
      })
      .returning();
    if (!row) throw new Error('The push was not written.');
    await tell(tx, row);
    return row;
  });
}

/** Of what is not believed there is one line, however many come. */
export async function countUnsigned(db: Database, project: HookProject, provider: GitProvider): Promise<void> {
  const message =
    'The signature is wrong: the git server has another secret than this Project. Make a new one here and enter it there.';
  await db.transaction(async tx => {
    const [row] = await tx
      .insert(pushes)
      .values({
        ...{ id: ulid(), organisation: project.organisation, project: project.id, provider, delivery: '' },
        ...{ event: '', state: 'refused', message, endedAt: new Date() },
      })
      .onConflictDoUpdate({
        target: [pushes.project, pushes.provider, pushes.delivery],
        set: { count: sql`${pushes.count} + 1`, receivedAt: new Date(), endedAt: new Date() },
      })
      .returning();
    if (row) await tell(tx, row);
  });
}

/** Of whoever goes on with them; the number has no meaning beyond being ours. */
const pushLock = 5_420_003;

/** Those that are not over, unless another process is at them. */
export async function withPushes(db: Database, use: (open: PushRow[]) => Promise<void>): Promise<void> {
  const read = (from: Db) =>
    from
      .select()
      .from(pushes)
      .where(inArray(pushes.state, [...openPushStates]))
      .orderBy(asc(pushes.id));
  if ((await read(db)).length === 0) return;
  await db.transaction(async tx => {
    const { rows } = await tx.execute<{ mine: boolean }>(sql`select pg_try_advisory_xact_lock(${pushLock}) as mine`);
    if (rows[0]?.mine) await use(await read(tx));
  });
}

export type PushChange = Partial<Omit<PushRow, 'id' | 'project' | 'organisation'>>;

/** @param row as it was read: another process may have been quicker, and is right then. */
export async function changePush(db: Database, row: PushRow, change: PushChange): Promise<void> {
  await db.transaction(async tx => {
    const { state } = change;
    const isOver = state !== undefined && !openPushStates.some(open => open === state);
    const [changed] = await tx
      .update(pushes)
      .set({ ...change, ...(isOver ? { endedAt: new Date() } : {}) })
      .where(and(eq(pushes.id, row.id), eq(pushes.state, row.state)))
      .returning();
    if (changed) await tell(tx, changed);
  });
}

async function tell(tx: Transaction, { project, organisation }: PushRow): Promise<void> {
  await notify(tx, { kind: 'entity', entityKind: 'project', id: project, organisation });
}

/** Newest first. */
export async function listPushes(
  db: Db,
  { organisation, project, after, limit }: { organisation: string; project: string; after?: string; limit: number },
): Promise<PushRow[]> {
  return db
    .select()
    .from(pushes)
    .where(
      and(eq(pushes.organisation, organisation), eq(pushes.project, project), after ? lt(pushes.id, after) : undefined),
    )
    .orderBy(desc(pushes.id))
    .limit(limit);
}

export interface Follower {
  id: string;
  name: string;
  webServer: string | null;
  release: string;
  isLocked: boolean;
  deployedHash: string | null;
}

/** Environments of a Project that follow a branch. */
export async function listFollowers(db: Db, project: string, branch: string): Promise<Follower[]> {
  return db
    .select({
      id: environments.id,
      name: environments.name,
      webServer: environments.web_server,
      release: environments.release,
      isLocked: releases.locked,
      deployedHash: environments.deployed_hash,
    })
    .from(environments)
    .innerJoin(releases, eq(releases.id, environments.release))
    .where(
      and(
        eq(releases.project, project),
        eq(environments.follow_branch, branch),
        ne(environments.state, 'deleted'),
        isNull(environments.side_of),
      ),
    )
    .orderBy(asc(environments.name));
}

/** A Release of that commit that others may have, too. */
export async function findReleaseOf(db: Db, project: string, commit: string): Promise<string | null> {
  const [row] = await db
    .select({ id: releases.id })
    .from(releases)
    .where(
      and(
        eq(releases.project, project),
        eq(releases.locked, false),
        ne(releases.state, 'deleted'),
        sql`coalesce(${releases.hash}, ${releases.git_ref}) = ${commit}`,
      ),
    )
    .orderBy(asc(releases.id))
    .limit(1);
  return row?.id ?? null;
}

export async function liesOn(db: Db, release: string, server: string): Promise<boolean> {
  const [row] = await db
    .select({ path: presences.path })
    .from(presences)
    .innerJoin(servers, eq(servers.id, presences.server))
    .where(and(eq(presences.release, release), eq(presences.server, server)));
  return row !== undefined;
}

export interface OperationOutcome {
  id: string;
  state: string;
  message: string;
}

export async function outcomesOf(db: Db, ids: string[]): Promise<Map<string, OperationOutcome>> {
  if (ids.length === 0) return new Map();
  const { id, state, message } = operations;
  const rows = await db.select({ id, state, message }).from(operations).where(inArray(operations.id, ids));
  return new Map(rows.map(row => [row.id, row]));
}

/** What a Task of an Operation has said. */
export async function outputOf(db: Db, operation: string, output: string): Promise<unknown> {
  const rows = await db.select({ outputs: tasks.outputs }).from(tasks).where(eq(tasks.root, operation));
  return rows.map(({ outputs }) => outputs[output]).find(value => value !== undefined);
}
