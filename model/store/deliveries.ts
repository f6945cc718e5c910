// Messages on their way to a receiver: what is in them, each attempt, how it ended.

import { and, asc, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { ulid } from 'ulid';
import { AppError } from '../errors.ts';
import { type Notice, pauseAfter } from '../notices.ts';
import type { Actor } from './audit.ts';
import type { Database, Db, Transaction } from './database.ts';
import { noticeOf } from './dispatch-notices.ts';
import { changeEntity } from './entities.ts';
import { notify } from './events.ts';
import { deliveries, deliveryNotices, notices, projects, receivers } from './schema/index.ts';

export type DeliveryRow = typeof deliveries.$inferSelect;
export type ReceiverRow = typeof receivers.$inferSelect;
export type ToldNotice = Notice & { again: boolean };

export interface Message {
  delivery: DeliveryRow;
  receiver: ReceiverRow;
  /** Empty for a test. */
  notices: ToldNotice[];
}

/** Counts the attempt that begins; null = it is over. Of one that died in the middle the number is used up. */
export async function beginAttempt(db: Database, id: string): Promise<Message | null> {
  return db.transaction(async tx => {
    const now = new Date();
    const [delivery] = await tx
      .update(deliveries)
      .set({
        attempts: sql`${deliveries.attempts} + 1`,
        triedAt: now,
        firstTriedAt: sql`coalesce(${deliveries.firstTriedAt}, ${now.toISOString()}::timestamptz)`,
        nextAt: null,
      })
      .where(and(eq(deliveries.id, id), eq(deliveries.state, 'sending')))
      .returning();
    if (!delivery) return null;
    const [receiver] = await tx.select().from(receivers).where(eq(receivers.id, delivery.receiver));
    if (!receiver) throw new AppError('not_found', `There is no Receiver ${delivery.receiver}.`);
    const found = await noticesOf(tx, [id]);
    return { delivery, receiver, notices: found.get(id) ?? [] };
  });
}

export async function noticesOf(db: Db, ids: string[]): Promise<Map<string, ToldNotice[]>> {
  const rows = await db
    .select({ of: deliveryNotices, notice: notices, projectName: projects.name })
    .from(deliveryNotices)
    .innerJoin(notices, eq(notices.id, deliveryNotices.notice))
    .leftJoin(projects, eq(projects.id, notices.project))
    .where(inArray(deliveryNotices.delivery, ids))
    .orderBy(asc(notices.at), asc(notices.id));
  const found = new Map<string, ToldNotice[]>();
  for (const { of, notice, projectName } of rows) {
    const told = { ...noticeOf({ ...notice, projectName }), again: of.again };
    found.set(of.delivery, [...(found.get(of.delivery) ?? []), told]);
  }
  return found;
}

export interface AttemptEnd {
  isDelivered: boolean;
  /** No further attempt will help. */
  isHopeless: boolean;
  /** Without anything secret. */
  answer: string;
}

/** Answers after how many seconds it is tried again; null = it is over. */
export async function endAttempt(
  db: Database,
  { delivery, receiver }: Message,
  end: AttemptEnd,
): Promise<number | null> {
  return db.transaction(async tx => {
    const now = new Date();
    const { isDelivered, isHopeless, answer } = end;
    const mayGoOn = !isDelivered && !isHopeless;
    const pause = mayGoOn ? pauseAfter(delivery.attempts, delivery.firstTriedAt ?? now, now) : null;
    const over =
      pause === null ? { state: isDelivered ? ('delivered' as const) : ('given_up' as const), endedAt: now } : {};
    const nextAt = pause === null ? null : new Date(now.getTime() + pause * 1000);
    const [row] = await tx
      .update(deliveries)
      .set({ ...over, answer, nextAt })
      .where(and(eq(deliveries.id, delivery.id), eq(deliveries.state, 'sending')))
      .returning();
    if (!row) return null;
    await noteTrouble(tx, receiver, isDelivered ? null : answer);
    await tell(tx, row);
    return pause;
  });
}

/** Said with the first failure and taken back with the first success: nobody wants a line of the audit log for each attempt. */
async function noteTrouble(tx: Transaction, { id, organisation }: ReceiverRow, trouble: string | null): Promise<void> {
  const [receiver] = await tx.select().from(receivers).where(eq(receivers.id, id)).for('update');
  if (!receiver || (receiver.trouble === null) === (trouble === null)) return;
  const verb = trouble === null ? 'delivered' : 'not delivered';
  await changeEntity(tx, { name: 'Aegir', organisation }, { kind: 'receiver', id, verb, values: { trouble } });
}

export interface DeliveryQuery {
  organisation: string;
  receiver: string;
  after?: string | undefined;
  limit: number;
}

/** Newest first. */
export async function listDeliveries(db: Db, { organisation, receiver, after, limit }: DeliveryQuery) {
  return db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.organisation, organisation),
        eq(deliveries.receiver, receiver),
        after ? lt(deliveries.id, after) : undefined,
      ),
    )
    .orderBy(desc(deliveries.id))
    .limit(limit);
}

/** A message with nothing to tell. The dispatcher hands it to the engine. */
export async function addTest(db: Database, actor: Actor, receiver: string): Promise<DeliveryRow> {
  return db.transaction(async tx => {
    const { name, organisation } = actor;
    const values = { id: ulid(), organisation, receiver, state: 'sending' as const, urgent: true, testBy: name };
    const [row] = await tx.insert(deliveries).values(values).returning();
    if (!row) throw new AppError('internal', 'The message was not written.');
    await tell(tx, row);
    return row;
  });
}

/** At once, also what is over: with its id, by which a receiver that has it knows it. @throws AppError */
export async function sendAgain(db: Database, organisation: string, id: string): Promise<DeliveryRow> {
  return db.transaction(async tx => {
    const [row] = await tx
      .update(deliveries)
      .set({ state: 'sending', attempts: 0, engineAt: null, firstTriedAt: null, endedAt: null })
      .where(and(eq(deliveries.id, id), eq(deliveries.organisation, organisation)))
      .returning();
    if (!row) throw new AppError('not_found', `There is no message ${id}.`);
    await tell(tx, row);
    return row;
  });
}

async function tell(tx: Transaction, { receiver, organisation }: DeliveryRow): Promise<void> {
  await notify(tx, { kind: 'entity', entityKind: 'receiver', id: receiver, organisation });
}

/** Both are kept as long as anybody asks who was told what: a quarter of a year. */
const keptDays = 90;

export async function forgetOldNotices(db: Database, now: Date): Promise<void> {
  const since = new Date(now.getTime() - keptDays * 24 * 3_600_000);
  await db.delete(deliveries).where(lt(deliveries.endedAt, since));
  await db
    .delete(notices)
    .where(
      and(
        lt(notices.at, since),
        sql`${notices.dispatchedAt} is not null`,
        sql`not exists (select from ${deliveryNotices} where ${deliveryNotices.notice} = ${notices.id})`,
      ),
    );
}

/** Of an installation of which this database is a copy: that one tells of it. */
export async function settleLeftBehind(tx: Transaction, at: string): Promise<void> {
  const now = new Date();
  await tx.update(notices).set({ dispatchedAt: now }).where(sql`${notices.dispatchedAt} is null`);
  const answer = `It was under way when the copy of Aegir was made from which this one was restored (${at}). Send it again where it is still wanted.`;
  await tx
    .update(deliveries)
    .set({ state: 'given_up', endedAt: now, answer })
    .where(or(eq(deliveries.state, 'sending'), eq(deliveries.state, 'collecting')));
}
