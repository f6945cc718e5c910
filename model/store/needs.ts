// What waits for a person: one query for each topic, each answering a few and how many there are.

import { type SQL, sql } from 'drizzle-orm';
import { cronFailuresTold } from '../cron-run.ts';
import {
  certificateDays,
  failureDays,
  leastFreePart,
  type Need,
  type NeedTopic,
  silentReceiverHours,
  unprovenDays,
} from '../need.ts';
import type { Actor } from './audit.ts';
import { recordChange } from './audit.ts';
import type { Database, Db } from './database.ts';
import { findOperation } from './operations.ts';
import {
  backups,
  deliveries,
  driftChecks,
  environmentCron,
  environments,
  operations,
  receivers,
  rollouts,
  scheduleEntries,
  schedules,
  servers,
} from './schema/index.ts';
import { hasWorker } from './workers.ts';

interface Row extends Record<string, unknown> {
  id: string;
  name: string;
  words: string;
  since: Date | string | null;
  /** Another id that the path needs. */
  other: string | null;
  total: string;
}

export interface FoundNeeds {
  items: Need[];
  totals: Partial<Record<NeedTopic, number>>;
}

/** Enough to work with; whoever has more of one topic has one cause. */
const mostOfTopic = 50;

type Source = (organisation: string) => {
  query: SQL;
  need: (row: Row) => Pick<Need, 'subject' | 'next'> & { seen?: string };
};

const iso = (since: Row['since']) => (since === null ? null : new Date(since).toISOString());

const operationOf = ({ id, name }: Row): Need['subject'] => ({ kind: 'operation', id, name });

const asking = (organisation: string) =>
  sql`select ${operations.id} as id, ${operations.title} || ' ' || ${operations.subjectName} as name,
      coalesce(${operations.attention} ->> 'message', ${operations.message}) as words,
      coalesce((${operations.attention} ->> 'since')::timestamptz, ${operations.queuedAt}) as since, null as other
    from ${operations} where ${operations.organisation} = ${organisation}
      and ${operations.state} = 'needs_attention' and ${operations.parent} is null`;

const sources: Record<Exclude<NeedTopic, 'worker'>, Source> = {
  approval: organisation => ({
    query: sql`${asking(organisation)} and ${operations.attention} ->> 'about' = 'approval'`,
    need: row => ({
      subject: operationOf(row),
      next: { words: 'Look at it, then approve or reject it', path: `/operations/${row.id}` },
    }),
  }),
  attention: organisation => ({
    query: sql`${asking(organisation)} and ${operations.attention} ->> 'about' is distinct from 'approval'`,
    need: row => ({ subject: operationOf(row), next: { words: 'Answer', path: `/operations/${row.id}` } }),
  }),
  failure: organisation => ({
    // What has succeeded since, on the same subject, needs nobody.
    query: sql`select ${operations.id} as id, ${operations.title} || ' ' || ${operations.subjectName} as name,
        ${operations.message} as words, ${operations.endedAt} as since, null as other
      from ${operations} where ${operations.organisation} = ${organisation} and ${operations.state} = 'failed'
        and ${operations.parent} is null and ${operations.seenBy} is null
        and ${operations.endedAt} > now() - make_interval(days => ${failureDays})
        and not exists (select 1 from ${operations} as later where later.subject_id = ${operations.subjectId}
          and later.subject_kind = ${operations.subjectKind} and later.type = ${operations.type}
          and later.id > ${operations.id} and later.state = 'succeeded')`,
    need: row => ({
      subject: operationOf(row),
      next: { words: 'Look at it, resume or run it again', path: `/operations/${row.id}` },
      seen: row.id,
    }),
  }),
  rollout: organisation => ({
    query: sql`select ${rollouts.id} as id, ${rollouts.title} as name, ${rollouts.message} as words,
        ${rollouts.createdAt} as since, ${rollouts.state} as other
      from ${rollouts} where ${rollouts.organisation} = ${organisation} and ${rollouts.state} in ('paused', 'waiting')`,
    need: row => ({
      subject: { kind: 'rollout', id: row.id, name: row.name },
      next: { words: row.other === 'waiting' ? 'Approve or abort' : 'Resume or abort', path: `/rollouts/${row.id}` },
    }),
  }),
  missed: organisation => ({
    query: sql`select ${schedules.id} as id, ${schedules.name} as name, max(${scheduleEntries.lastReason}) as words,
        max(${scheduleEntries.lastDueAt}) as since, null as other
      from ${scheduleEntries} join ${schedules} on ${schedules.id} = ${scheduleEntries.schedule}
      where ${schedules.organisation} = ${organisation} and not ${scheduleEntries.leaving}
        and ${scheduleEntries.lastState} in ('missed', 'refused')
      group by ${schedules.id}, ${schedules.name}`,
    need: row => scheduleNeed(row, 'Run it now, or mend it'),
  }),
  paused: organisation => ({
    query: sql`select ${schedules.id} as id, ${schedules.name} as name,
        coalesce(nullif(${schedules.pause_note}, ''), 'It is paused, and nobody has said why.') as words,
        ${schedules.updated_at} as since, null as other
      from ${schedules} where ${schedules.organisation} = ${organisation} and ${schedules.paused}
        and ${schedules.state} <> 'deleted'`,
    need: row => scheduleNeed(row, 'Let it run again'),
  }),
  broken: organisation => ({
    query: sql`select ${environments.id} as id, ${environments.name} as name,
        'An Operation has left it broken.' as words, ${environments.updated_at} as since, null as other
      from ${environments} where ${environments.organisation} = ${organisation} and ${environments.state} = 'broken'
        and ${environments.side_of} is null and ${environments.throwaway_of} is null`,
    need: row => environmentNeed(row, 'Verify it, or restore it', ''),
  }),
  cron: organisation => ({
    query: sql`select ${environments.id} as id, ${environments.name} as name,
        ${environmentCron.failures} || ' times in a row: ' || ${environmentCron.words} as words,
        ${environmentCron.failingSince} as since, null as other
      from ${environmentCron} join ${environments} on ${environments.id} = ${environmentCron.environment}
      where ${environmentCron.organisation} = ${organisation} and ${environmentCron.failures} >= ${cronFailuresTold}
        and ${environments.state} in ('enabled', 'broken')`,
    need: row => environmentNeed(row, 'Look why, and run it', '/run/run_cron'),
  }),
  unproven: organisation => ({
    query: sql`select ${environments.id} as id, ${environments.name} as name,
        case when max(${backups.created_at}) is null then 'No backup of it was ever restored.'
          else 'No backup of the last ${sql.raw(String(unprovenDays))} days was restored.' end as words,
        coalesce(max(${backups.created_at}), ${environments.created_at}) as since, null as other
      from ${environments} left join ${backups} on ${backups.environment} = ${environments.id} and ${backups.state} = 'proven'
      where ${environments.organisation} = ${organisation} and ${environments.kind} = 'production'
        and ${environments.state} in ('enabled', 'broken') and ${environments.side_of} is null
        and ${environments.throwaway_of} is null
      group by ${environments.id}
      having max(${backups.created_at}) is null or max(${backups.created_at}) < now() - make_interval(days => ${unprovenDays})`,
    need: row => environmentNeed(row, 'Prove its newest backup', '/run/prove_newest_backup'),
  }),
  bad_backup: organisation => ({
    // Until a later one of the same Environment has shown that it can be restored.
    query: sql`select ${backups.id} as id, ${environments.name} || ': ' || ${backups.name} as name,
        coalesce(${backups.failure}, '') as words, ${backups.judged_at} as since, null as other
      from ${backups} join ${environments} on ${environments.id} = ${backups.environment}
      where ${backups.organisation} = ${organisation} and ${backups.state} = 'failed' and ${environments.state} <> 'deleted'
        and not exists (select 1 from ${backups} as later where later.environment = ${backups.environment}
          and later.state = 'proven' and later.created_at > ${backups.created_at})`,
    need: row => ({
      subject: { kind: 'backup', id: row.id, name: row.name },
      next: { words: 'Look why, and back up again', path: `/backups/${row.id}` },
    }),
  }),
  drift: organisation => ({
    query: sql`select ${driftChecks.entityId} as id, coalesce(${environments.name}, ${servers.name}) as name,
        ${driftChecks.open} || case ${driftChecks.open} when 1 then ' difference' else ' differences' end as words,
        ${driftChecks.checkedAt} as since, ${driftChecks.entityKind} as other
      from ${driftChecks} left join ${environments} on ${environments.id} = ${driftChecks.entityId}
        left join ${servers} on ${servers.id} = ${driftChecks.entityId}
      where ${driftChecks.organisation} = ${organisation} and ${driftChecks.open} > 0
        and coalesce(${environments.state}, ${servers.state}) <> 'deleted'`,
    need: ({ id, name, other }) => {
      const kind = other === 'server' ? 'server' : 'environment';
      return { subject: { kind, id, name }, next: { words: 'Accept it, or apply again', path: `/${kind}s/${id}` } };
    },
  }),
  certificate: organisation => ({
    query: sql`select ${environments.id} as id, ${environments.name} as name,
        string_agg(entry.key || case when entry.value ->> 'state' = 'valid'
          then ': until ' || left(entry.value ->> 'expires', 10)
          else ': ' || coalesce(entry.value ->> 'message', entry.value ->> 'state', '') end, '; ' order by entry.key) as words,
        null as since, null as other
      from ${environments}, jsonb_each(${environments.certificates}) as entry(key, value)
      where ${environments.organisation} = ${organisation} and ${environments.state} = 'enabled'
        and ${environments.side_of} is null and ${environments.https} <> 'off' and jsonb_typeof(entry.value) = 'object'
        and (entry.value ->> 'state' <> 'valid' or entry.value ->> 'expires' < ${new Date(Date.now() + certificateDays * 86_400_000).toISOString()})
      group by ${environments.id}, ${environments.name}`,
    need: row => environmentNeed(row, 'Get certificates', '/run/get_certificates'),
  }),
  disk: organisation => ({
    query: sql`select ${servers.id} as id, ${servers.name} as name,
        'Free: ' || pg_size_pretty((${servers.facts} #>> '{disk,free_bytes}')::bigint) || ' of '
          || pg_size_pretty((${servers.facts} #>> '{disk,total_bytes}')::bigint) || ', when it was verified last.' as words,
        ${servers.updated_at} as since, null as other
      from ${servers} where ${servers.organisation} = ${organisation} and ${servers.state} <> 'deleted'
        and (${servers.facts} #>> '{disk,free_bytes}')::numeric < ${leastFreePart} * (${servers.facts} #>> '{disk,total_bytes}')::numeric`,
    need: row => ({
      subject: { kind: 'server', id: row.id, name: row.name },
      next: { words: 'Make room, then verify it', path: `/servers/${row.id}` },
    }),
  }),
  receiver: organisation => ({
    // What was given up before the last one that arrived is history.
    query: sql`select ${receivers.id} as id, ${receivers.name} as name, ${receivers.trouble} as words,
        min(${deliveries.firstTriedAt}) as since, null as other
      from ${receivers} join ${deliveries} on ${deliveries.receiver} = ${receivers.id}
      where ${receivers.organisation} = ${organisation} and ${receivers.state} <> 'deleted'
        and ${receivers.trouble} is not null and (${deliveries.state} = 'sending' or ${deliveries.state} = 'given_up'
          and not exists (select 1 from ${deliveries} as later where later.receiver = ${receivers.id}
            and later.state = 'delivered' and later.ended_at > ${deliveries.endedAt}))
      group by ${receivers.id}
      having bool_or(${deliveries.state} = 'given_up')
        or min(${deliveries.firstTriedAt}) < now() - make_interval(hours => ${silentReceiverHours})`,
    need: row => ({
      subject: { kind: 'receiver', id: row.id, name: row.name },
      next: { words: 'Mend it, then send a test', path: `/receivers/${row.id}` },
    }),
  }),
};

function scheduleNeed({ id, name }: Row, words: string): Pick<Need, 'subject' | 'next'> {
  return { subject: { kind: 'schedule', id, name }, next: { words, path: `/schedules/${id}` } };
}

function environmentNeed({ id, name }: Row, words: string, step: string): Pick<Need, 'subject' | 'next'> {
  return { subject: { kind: 'environment', id, name }, next: { words, path: `/environments/${id}${step}` } };
}

/** By topic, in the order of the topics; in each what is the matter for longest stands first. */
export async function findNeeds(db: Db, organisation: string): Promise<FoundNeeds> {
  const found: FoundNeeds = { items: [], totals: {} };
  for (const [topic, source] of Object.entries(sources) as [NeedTopic, Source][]) {
    const { query, need } = source(organisation);
    const { rows } = await db.execute<Row>(
      sql`select *, count(*) over () as total from (${query}) as needs order by since nulls first limit ${mostOfTopic}`,
    );
    if (rows[0]) found.totals[topic] = Number(rows[0].total);
    for (const row of rows)
      found.items.push({ topic, words: row.words, since: iso(row.since), seen: null, ...need(row) });
  }
  if (!(await hasWorker(db))) {
    found.totals.worker = 1;
    found.items.unshift({
      topic: 'worker',
      subject: { kind: 'aegir', id: '', name: 'Aegir' },
      words: 'No worker is there: Operations wait.',
      since: null,
      next: { words: 'Start one', path: '/operations?state=queued' },
      seen: null,
    });
  }
  return found;
}

/** Somebody has looked at a failure; a second word changes nothing. */
export async function markSeen(db: Database, actor: Actor, id: string): Promise<void> {
  const row = await findOperation(db, id, actor.organisation);
  if (row.seenBy) return;
  await db.transaction(async tx => {
    await tx.update(operations).set({ seenBy: actor.name }).where(sql`${operations.id} = ${id}`);
    const object = { kind: 'operation' as const, id, name: `${row.title} ${row.subjectName}` };
    await recordChange(tx, actor, { verb: 'see', object });
  });
}
