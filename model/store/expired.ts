// What is over goes after some time: first logs, which are large and may name people, then Rollouts and runs, then the audit
// log. In small batches, so that nobody waits for it; run again it goes on. What is not over never goes.

import { sql } from 'drizzle-orm';
import { encodeTime } from 'ulid';
import { openRolloutStates } from '../rollout.ts';
import type { Database } from './database.ts';
import { forgetPlans } from './terraform-states.ts';

const over = sql`('succeeded', 'failed', 'cancelled')`;
const openRollout = sql.raw(`(${openRolloutStates.map(state => `'${state}'`).join(', ')})`);

/** Logs of so many attempts in one transaction: each may have hundreds of MiB. */
const attemptsAtOnce = 10;
/** Operations, each with some ten Tasks. */
const runsAtOnce = 50;
/** Each may be about 10,000 Environments. */
const rolloutsAtOnce = 5;
/** Lines of the audit log. */
const linesAtOnce = 5000;

/** The one line that says so takes the place of each. Answers how many. */
export async function expireLogs(db: Database, { before, line }: { before: Date; line: string }): Promise<number> {
  return inBatches(attemptsAtOnce, async () =>
    db.transaction(async tx => {
      const { rows } = await tx.execute<{ id: string }>(sql`
        select a.id from task_attempts a
          join tasks t on t.id = a.task join operations o on o.id = t.root
          where a.bytes > 0 and a.log_gone_at is null and a.ended_at < ${before.toISOString()}
            and o.state in ${over} and o.ended_at < ${before.toISOString()}
          order by a.ended_at limit ${attemptsAtOnce} for update of a skip locked`);
      for (const { id } of rows) {
        await tx.execute(sql`delete from log_chunks where attempt = ${id}`);
        await tx.execute(sql`
          insert into log_chunks (attempt, first_line, line_count, text, marks) values (${id}, 1, 1, ${line}, '[]')`);
        await tx.execute(sql`
          update task_attempts set lines = 1, bytes = ${Buffer.byteLength(line) + 1}, log_gone_at = now() where id = ${id}`);
      }
      return rows.length;
    }),
  );
}

/**
 * Operations with all that they contain. Those stay that hold the last answers of a Task that remembers them for something that
 * is still there, and those of which something may still run on a Server. Answers how many.
 * @param remembering Task types with arguments that are remembered.
 */
export async function expireRuns(
  db: Database,
  { before, remembering }: { before: Date; remembering: string[] },
): Promise<number> {
  let after = '';
  let gone = 0;
  await inBatches(runsAtOnce, async () => {
    const { rows } = await db.execute<{ id: string }>(sql`
      select o.id from operations o
        where o.parent is null and o.id > ${after} and o.id < ${firstIdAt(before)}
          and o.state in ${over} and o.ended_at < ${before.toISOString()}
          and not exists (select from task_attempts a join tasks t on t.id = a.task where t.root = o.id and a.left_since is not null)
          and not exists (select from tasks t where t.root = o.id and t.state = 'succeeded' and t.type = any(${asArray(remembering)})
            and not exists (select from tasks n where n.type = t.type and n.subject_id = t.subject_id and n.state = 'succeeded' and n.ended_at > t.ended_at)
            and not exists (select from environments e where e.id = t.subject_id and e.state = 'deleted'))
        order by o.id limit ${runsAtOnce}`);
    for (const { id } of rows) if (await removeRun(db, id)) gone += 1;
    after = rows.at(-1)?.id ?? after;
    return rows.length;
  });
  return gone;
}

/** With their lists, which name Operations. One that another one undoes goes after that. Answers how many. */
export async function expireRollouts(db: Database, before: Date): Promise<number> {
  return inBatches(rolloutsAtOnce, async () =>
    db.transaction(async tx => {
      const { rows } = await tx.execute<{ id: string }>(sql`
        select r.id from rollouts r where r.ended_at < ${before.toISOString()} and r.state not in ${openRollout}
          and not exists (select from rollouts later where later.undoes = r.id)
        order by r.id limit ${rolloutsAtOnce} for update of r skip locked`);
      for (const { id } of rows) {
        await tx.execute(sql`delete from rollout_items where rollout = ${id}`);
        await tx.execute(sql`delete from rollouts where id = ${id}`);
      }
      return rows.length;
    }),
  );
}

/** False: something else still names it; it goes with that. */
async function removeRun(db: Database, root: string): Promise<boolean> {
  const ofRoot = sql`select a.id from task_attempts a join tasks t on t.id = a.task where t.root = ${root}`;
  const tree = sql`
    with recursive tree as (
      select id from operations where id = ${root}
      union all select o.id from operations o join tree on o.parent = tree.id)`;
  try {
    await db.transaction(async tx => {
      await tx.execute(sql`delete from log_chunks where attempt in (${ofRoot})`);
      await forgetPlans(tx, root);
      await tx.execute(sql`delete from task_attempts where id in (${ofRoot})`);
      await tx.execute(sql`delete from tasks where root = ${root}`);
      await tx.execute(sql`update schedule_entries set last_operation = null where last_operation = ${root}`);
      await tx.execute(sql`${tree} delete from operations where id in (select id from tree)`);
    });
    return true;
  } catch (error) {
    if (isReferred(error)) return false;
    throw error;
  }
}

/** PostgreSQL: foreign_key_violation. */
const isReferred = (error: unknown): boolean =>
  error instanceof Error && ((error as { code?: unknown }).code === '23503' || isReferred(error.cause));

/** Answers how many lines. */
export async function expireAudit(db: Database, before: Date): Promise<number> {
  return inBatches(linesAtOnce, async () => {
    const { rowCount } = await db.execute(sql`
      delete from audit where id in (select id from audit where id < ${firstIdAt(before)} order by id limit ${linesAtOnce})`);
    return rowCount ?? 0;
  });
}

/** Until one is not full. */
async function inBatches(size: number, batch: () => Promise<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const done = await batch();
    all += done;
    if (done < size) return all;
  }
}

/** Ids are ULIDs, which begin with the time. */
const firstIdAt = (at: Date) => `${encodeTime(at.getTime(), 10)}${'0'.repeat(16)}`;

const asArray = (words: string[]) =>
  sql`array[${sql.join([sql`''`, ...words.map(word => sql`${word}`)], sql`, `)}]::text[]`;
