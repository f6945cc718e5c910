// The last run of each site's cron, and the sites of a Server whose cron a sweep is to run.

import { and, asc, eq, inArray, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { busyWords, type CronRun, type CronSite, type CronView, cronFailuresTold } from '../cron-run.ts';
import type { RunnableStep } from '../plan.ts';
import type { Actor } from './audit.ts';
import type { Db, Transaction } from './database.ts';
import { notify } from './events.ts';
import { endNotices, noticeKey, raiseNotice } from './notices.ts';
import { environmentCron, environments, lockClaims, operations, projects, releases } from './schema/index.ts';

/** Those whose last run is longest ago come first: what one sweep has no time for is first in the next.
 * @param types Application types that have cron. */
export async function listCronSites(db: Db, server: string, types: string[]): Promise<CronSite[]> {
  if (types.length === 0) return [];
  const holder = sql<string | null>`(select ${operations.title} from ${lockClaims}
    join ${operations} on ${operations.id} = ${lockClaims.operation}
    where ${lockClaims.entityKind} = 'environment' and ${lockClaims.entityId} = ${environments.id}
      and ${lockClaims.mode} = 'exclusive' and ${lockClaims.position} = 0 limit 1)`;
  const rows = await db
    .select({
      environment: environments.id,
      name: environments.name,
      state: environments.state,
      path: environments.path,
      host: environments.primary_name,
      url: environments.url,
      last: environmentCron.state,
      holder,
    })
    .from(environments)
    .innerJoin(releases, eq(releases.id, environments.release))
    .innerJoin(projects, eq(projects.id, releases.project))
    .leftJoin(environmentCron, eq(environmentCron.environment, environments.id))
    .where(
      and(
        eq(environments.web_server, server),
        isNotNull(environments.path),
        ne(environments.state, 'deleted'),
        isNull(environments.side_of),
        isNull(environments.throwaway_of),
        inArray(projects.application, types),
      ),
    )
    .orderBy(sql`${environmentCron.at} nulls first`, asc(environments.id));
  return rows.map(({ environment, name, path, host, url, state, last, holder }) => ({
    environment,
    name,
    path: path ?? '',
    address: `${url?.startsWith('https://') ? 'https' : 'http'}://${host}`,
    slow: last === 'timed_out',
    skip: whyNot(state, holder),
  }));
}

/** Of those that are on it, by id. */
export async function namesOfSites(db: Db, server: string | undefined, ids: string[]): Promise<Map<string, string>> {
  if (!server || ids.length === 0) return new Map();
  const rows = await db
    .select({ id: environments.id, name: environments.name })
    .from(environments)
    .where(and(eq(environments.web_server, server), inArray(environments.id, ids)));
  return new Map(rows.map(row => [row.id, row.name]));
}

/** As “Run cron” is offered. */
function whyNot(state: string, holder: string | null): string {
  if (holder) return `“${holder}” is under way.`;
  return state === 'enabled' || state === 'broken' ? '' : `The Environment is ${state}.`;
}

/** What the end of a Task says of cron: of the sites that it has told of, or of the site that it ran on. */
export async function recordCron(tx: Transaction, actor: Actor, step: RunnableStep, end: CronEnd): Promise<void> {
  const { server, environment } = step.roots;
  for (const { name, type } of step.outputs.filter(({ reports }) => reports === 'cron')) {
    // What is told of the Environments of others is not taken.
    if (type === 'list' && server) await record(tx, actor, sql`${environments.web_server} = ${server}`, end.cronRuns);
    if (type === 'bool' && environment)
      await recordOwn(tx, actor, environment, { ...end, busy: end.outputs[name] === true });
  }
}

interface CronEnd {
  state: 'succeeded' | 'failed';
  message: string;
  outputs: Record<string, unknown>;
  startedAt: Date;
  cronRuns: CronRun[];
}

async function recordOwn(
  tx: Transaction,
  actor: Actor,
  environment: string,
  { state, message, startedAt, busy }: CronEnd & { busy: boolean },
): Promise<void> {
  const run = { environment, at: startedAt.getTime() / 1000, seconds: (Date.now() - startedAt.getTime()) / 1000 };
  const result = state === 'failed' ? { state, words: message } : { state: 'ok' as const, words: '' };
  const told = busy ? { state: 'skipped' as const, words: busyWords } : result;
  await record(tx, actor, sql`true`, [{ ...run, ...told }]);
  const { organisation } = actor;
  await notify(tx, { kind: 'entity', entityKind: 'environment', id: environment, organisation });
}

async function record(tx: Transaction, { organisation }: Actor, condition: SQL, runs: CronRun[]): Promise<void> {
  const failing = await listFailing(tx, runs);
  const given = (kept: CronRun[]) => sql`jsonb_to_recordset(${JSON.stringify(kept)}::jsonb)
      as run(environment text, at double precision, seconds real, state text, words text)
    join ${environments} on ${environments.id} = run.environment and ${environments.organisation} = ${organisation}
      and ${condition}`;
  await tx.execute(sql`
    insert into environment_cron (environment, organisation, at, seconds, state, words, failures, failing_since)
    select environments.id, environments.organisation, to_timestamp(run.at), run.seconds, run.state, run.words,
      (run.state <> 'ok')::int, case when run.state <> 'ok' then to_timestamp(run.at) end
    from ${given(runs.filter(({ state }) => state !== 'skipped'))} order by environments.id
    on conflict (environment) do update set at = excluded.at, seconds = excluded.seconds, state = excluded.state,
      words = excluded.words, skipped_at = null, skipped_because = '',
      failures = case when excluded.state = 'ok' then 0 else environment_cron.failures + 1 end,
      failing_since = case when excluded.state = 'ok' then null
        else coalesce(environment_cron.failing_since, excluded.at) end`);
  await tx.execute(sql`
    insert into environment_cron (environment, organisation, skipped_at, skipped_because)
    select environments.id, environments.organisation, to_timestamp(run.at), run.words
    from ${given(runs.filter(({ state }) => state === 'skipped'))} order by environments.id
    on conflict (environment) do update set skipped_at = excluded.skipped_at, skipped_because = excluded.skipped_because`);
  for (const run of runs) await tell(tx, organisation, run, failing.get(run.environment) ?? 0);
}

/** A thousand sites that are well are no news. @param failures in a row before this run. */
async function tell(tx: Transaction, organisation: string, run: CronRun, failures: number): Promise<void> {
  const { environment: id, state, words } = run;
  const isWell = state === 'ok';
  if (state === 'skipped' || (isWell && failures === 0)) return;
  if (isWell || failures === 0) await notify(tx, { kind: 'entity', entityKind: 'environment', id, organisation });
  const key = noticeKey('cron_failing', { kind: 'environment', id });
  if (isWell && failures >= cronFailuresTold)
    await endNotices(tx, { organisation, key, recovered: 'Cron goes well again.' });
  if (isWell || failures + 1 !== cronFailuresTold) return;
  const [site] = await tx.select({ name: environments.name }).from(environments).where(eq(environments.id, id));
  const subject = { kind: 'environment' as const, id, name: site?.name ?? '' };
  const message = `${cronFailuresTold} times in a row: ${words}`;
  await raiseNotice(tx, { organisation, event: 'cron_failing', subject, key, message });
}

async function listFailing(db: Db, runs: CronRun[]): Promise<Map<string, number>> {
  const ids = runs.map(({ environment }) => environment);
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({ environment: environmentCron.environment, failures: environmentCron.failures })
    .from(environmentCron)
    .where(and(inArray(environmentCron.environment, ids), sql`${environmentCron.failures} > 0`));
  return new Map(rows.map(row => [row.environment, row.failures]));
}

/** By Environment; those that had none are not among them. */
export async function listCron(db: Db, ids: string[]): Promise<Map<string, CronView>> {
  if (ids.length === 0) return new Map();
  const rows = await db.select().from(environmentCron).where(inArray(environmentCron.environment, ids));
  return new Map(
    rows.map(({ environment, at, skippedAt, seconds, state, words, failures, skippedBecause }) => [
      environment,
      {
        ...{ seconds, state, words, failures, skippedBecause },
        at: at?.toISOString() ?? null,
        skippedAt: skippedAt?.toISOString() ?? null,
      },
    ]),
  );
}
