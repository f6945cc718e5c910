// Who hears of what has happened: notices become deliveries. One process at a time does it; whatever was left by one that died
// is done by the next, as the rows say what is still to be done.

import { and, asc, eq, gt, inArray, isNull, lt, ne, or, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { isDueAgain, isHeldBack, isQuiet, passesQuiet, type ReceiverRules, wants } from '../notice-rules.ts';
import type { Notice } from '../notices.ts';
import type { Database, Transaction } from './database.ts';
import { findState } from './entities.ts';
import { notify } from './events.ts';
import { deliveries, deliveryNotices, notices, projects, receivers } from './schema/index.ts';

/** Of one who dispatches; the number has no meaning beyond being ours. */
const dispatchLock = 5_420_002;

/** What one round looks at; the next one takes the rest. */
const mostNotices = 500;

/** What happens together is told together: a Server that goes down fails its Operations within seconds. */
const collectSeconds = 5;
/** And whoever has just got a message gets the next one after this, with all that came meanwhile. */
const gapSeconds = 30;

/** After this without an end the engine is asked once more: its run may have been terminated. */
const engineSeconds = 300;

/** Nobody wants to be told again of what was left alone for so long. */
const longestRepeatDays = 14;

type ReceiverRow = typeof receivers.$inferSelect;
type NoticeRow = typeof notices.$inferSelect & { projectName: string | null };

/** A delivery that the engine is to carry out. `isNew`: at once, also when it waits for its next attempt. */
export interface DueDelivery {
  id: string;
  isNew: boolean;
}

/** @param looksAgain also at what lasts, which costs more than to look for what is new. */
export async function dispatchNotices(db: Database, now: Date, looksAgain: boolean): Promise<DueDelivery[]> {
  return db.transaction(async tx => {
    const { rows } = await tx.execute<{ mine: boolean }>(
      sql`select pg_try_advisory_xact_lock(${dispatchLock}) as mine`,
    );
    if (!rows[0]?.mine) return [];
    const fresh = await newNotices(tx);
    if (fresh.length > 0) await tellNew(tx, fresh, now);
    if (looksAgain) await tellAgain(tx, now);
    await closeCollecting(tx, now);
    return waitingForEngine(tx, now);
  });
}

export async function noteHandedOver(db: Database, id: string): Promise<void> {
  await db.update(deliveries).set({ engineAt: new Date() }).where(eq(deliveries.id, id));
}

async function newNotices(tx: Transaction): Promise<NoticeRow[]> {
  return selectNotices(tx)
    .where(isNull(notices.dispatchedAt))
    .orderBy(asc(notices.id))
    .limit(mostNotices)
    .then(found => found.map(withProject));
}

function selectNotices(tx: Transaction) {
  return tx
    .select({ notice: notices, projectName: projects.name })
    .from(notices)
    .leftJoin(projects, eq(projects.id, notices.project));
}

const withProject = ({ notice, projectName }: { notice: typeof notices.$inferSelect; projectName: string | null }) => ({
  ...notice,
  projectName,
});

async function tellNew(tx: Transaction, fresh: NoticeRow[], now: Date): Promise<void> {
  for (const receiver of await liveReceivers(tx, fresh)) {
    const rules = rulesOf(receiver);
    const wanted = fresh.filter(row => row.organisation === receiver.organisation && wants(rules, noticeOf(row)));
    if (wanted.length === 0) continue;
    const told = rules.repeatHours === null ? new Map<string, Date>() : await lastTold(tx, receiver, wanted);
    for (const row of wanted) {
      const mark = markOf(row);
      if (isHeldBack(rules, noticeOf(row), told.get(mark) ?? null, now)) continue;
      // Of several of this very moment, too.
      told.set(mark, now);
      await addTo(tx, receiver, { row, again: false, urgent: passesQuiet(rules, noticeOf(row)) });
    }
  }
  const ids = fresh.map(({ id }) => id);
  await tx.update(notices).set({ dispatchedAt: now }).where(inArray(notices.id, ids));
}

async function liveReceivers(tx: Transaction, fresh: NoticeRow[]): Promise<ReceiverRow[]> {
  const organisations = [...new Set(fresh.map(({ organisation }) => organisation))];
  return tx
    .select()
    .from(receivers)
    .where(and(inArray(receivers.organisation, organisations), ne(receivers.state, 'deleted')));
}

const markOf = ({ key, event }: Pick<NoticeRow, 'key' | 'event'>) => `${event} ${key}`;

/** When a receiver was last told of troubles that go on since. */
async function lastTold(tx: Transaction, receiver: ReceiverRow, about: NoticeRow[]): Promise<Map<string, Date>> {
  const keys = [...new Set(about.map(({ key }) => key))];
  const rows = await tx
    .select({ key: notices.key, event: notices.event, at: sql<string>`max(${deliveries.createdAt})` })
    .from(deliveryNotices)
    .innerJoin(deliveries, eq(deliveries.id, deliveryNotices.delivery))
    .innerJoin(notices, eq(notices.id, deliveryNotices.notice))
    .where(and(eq(deliveries.receiver, receiver.id), inArray(notices.key, keys), isNull(notices.overAt)))
    .groupBy(notices.key, notices.event);
  return new Map(rows.map(row => [markOf(row), new Date(row.at)]));
}

/** What lasts, by the newest notice of each trouble, for whoever wants to be told again. */
async function tellAgain(tx: Transaction, now: Date): Promise<void> {
  const patient = await tx
    .select()
    .from(receivers)
    .where(and(ne(receivers.state, 'deleted'), sql`${receivers.repeat_hours} is not null`));
  for (const receiver of patient) {
    const rules = rulesOf(receiver);
    const due = await lastingSince(tx, receiver, now);
    for (const { row, toldAt } of due) {
      if (!isDueAgain(rules, toldAt, now) || !wants(rules, noticeOf(row))) continue;
      const subject = { kind: row.subjectKind, id: row.subjectId };
      if ((await findState(tx, subject)) === 'deleted') continue;
      await addTo(tx, receiver, { row, again: true, urgent: passesQuiet(rules, noticeOf(row)) });
    }
  }
}

async function lastingSince(
  tx: Transaction,
  receiver: ReceiverRow,
  now: Date,
): Promise<{ row: NoticeRow; toldAt: Date }[]> {
  const oldest = new Date(now.getTime() - longestRepeatDays * 24 * 3_600_000);
  const latest = new Date(now.getTime() - (receiver.repeat_hours ?? 0) * 3_600_000);
  const { rows } = await tx.execute<{ id: string; told_at: string }>(sql`
    select (array_agg(n.id order by n.at desc))[1] as id, max(d.created_at)::text as told_at
    from ${notices} n
    join ${deliveryNotices} dn on dn.notice = n.id
    join ${deliveries} d on d.id = dn.delivery
    where d.receiver = ${receiver.id} and n.over_at is null and n.at > ${oldest.toISOString()}
    group by n.key, n.event
    having max(d.created_at) <= ${latest.toISOString()}
      and not bool_or(d.state in ('collecting', 'sending'))`);
  if (rows.length === 0) return [];
  const told = new Map(rows.map(row => [row.id, new Date(row.told_at)]));
  const found = await selectNotices(tx).where(inArray(notices.id, [...told.keys()]));
  return found.map(each => ({ row: withProject(each), toldAt: told.get(each.notice.id) ?? now }));
}

interface Addition {
  row: NoticeRow;
  again: boolean;
  urgent: boolean;
}

/** The message that still collects gets it, else a new one. */
async function addTo(tx: Transaction, receiver: ReceiverRow, { row, again, urgent }: Addition): Promise<void> {
  const { id, organisation } = receiver;
  await tx.insert(deliveries).values({ id: ulid(), organisation, receiver: id, urgent }).onConflictDoNothing();
  const [collecting] = await tx
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(eq(deliveries.receiver, id), eq(deliveries.urgent, urgent), eq(deliveries.state, 'collecting')));
  if (!collecting) return;
  await tx.insert(deliveryNotices).values({ delivery: collecting.id, notice: row.id, again }).onConflictDoNothing();
  await notify(tx, { kind: 'entity', entityKind: 'receiver', id, organisation });
}

/** What has collected for long enough, and may come now. */
async function closeCollecting(tx: Transaction, now: Date): Promise<void> {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000);
  const ripe = await tx
    .select({ delivery: deliveries, receiver: receivers })
    .from(deliveries)
    .innerJoin(receivers, eq(receivers.id, deliveries.receiver))
    .where(and(eq(deliveries.state, 'collecting'), lt(deliveries.createdAt, before(collectSeconds))));
  for (const { delivery, receiver } of ripe) {
    if (!delivery.urgent && isQuiet(rulesOf(receiver), now)) continue;
    const [recent] = await tx
      .select({ id: deliveries.id })
      .from(deliveries)
      .where(
        and(
          eq(deliveries.receiver, receiver.id),
          ne(deliveries.state, 'collecting'),
          eq(deliveries.testBy, ''),
          or(isNull(deliveries.firstTriedAt), gt(deliveries.firstTriedAt, before(gapSeconds))),
          eq(deliveries.urgent, delivery.urgent),
        ),
      )
      .limit(1);
    if (recent) continue;
    await tx.update(deliveries).set({ state: 'sending' }).where(eq(deliveries.id, delivery.id));
    await notify(tx, { kind: 'entity', entityKind: 'receiver', id: receiver.id, organisation: receiver.organisation });
  }
}

async function waitingForEngine(tx: Transaction, now: Date): Promise<DueDelivery[]> {
  const since = new Date(now.getTime() - engineSeconds * 1000);
  const rows = await tx
    .select({ id: deliveries.id, engineAt: deliveries.engineAt })
    .from(deliveries)
    .where(and(eq(deliveries.state, 'sending'), or(isNull(deliveries.engineAt), lt(deliveries.engineAt, since))))
    .orderBy(asc(deliveries.id))
    .limit(100);
  return rows.map(({ id, engineAt }) => ({ id, isNew: engineAt === null }));
}

export function noticeOf(row: NoticeRow): Notice {
  const { id, event, key, environmentKind, operation, path, title, message, projectName } = row;
  const subject = { kind: row.subjectKind, id: row.subjectId, name: row.subjectName };
  const project = row.project === null ? null : { id: row.project, name: projectName ?? row.project };
  const at = row.at.toISOString();
  return { id, event, key, subject, project, environmentKind, operation, path, title, message, at };
}

function rulesOf(row: ReceiverRow): ReceiverRules {
  return {
    project: row.project,
    events: row.events,
    environmentKinds: row.environment_kinds,
    repeatHours: row.repeat_hours,
    quietFrom: row.quiet_from,
    quietUntil: row.quiet_until,
    timeZone: row.time_zone,
    urgentPasses: row.urgent_passes,
  };
}
