// The one way to say that people should hear of something: a row in the transaction in which it happens. What is rolled back
// is never told, and what is committed is, whatever dies afterwards. Who is told is decided later (dispatch-notices.ts).

import { and, eq, inArray, isNull, type SQL } from 'drizzle-orm';
import { ulid } from 'ulid';
import type { Attention } from '../attention.ts';
import type { EntityKind } from '../entities.ts';
import { type NoticeEvent, noticeEvents, noticeLasts, operationKey } from '../notices.ts';
import type { SubjectReference } from '../plan.ts';
import type { Db, Transaction } from './database.ts';
import type { OperationRow } from './operations.ts';
import { archives, backups, environments, notices, releases } from './schema/index.ts';

export interface NewNotice {
  organisation: string;
  event: NoticeEvent;
  subject: SubjectReference;
  /** What makes it the same trouble as another one. Default: event and subject. */
  key?: string;
  /** Default: that of the event. */
  title?: string;
  /** Of which it is, where the subject belongs to none. */
  project?: string | null;
  /** In words for a person; masked, as everything that is stored. */
  message: string;
  operation?: string;
  /** Page that says more, where it is neither that of the Operation nor of the subject: `rollouts/01K…`. */
  path?: string;
}

export async function raiseNotice(tx: Transaction, notice: NewNotice): Promise<void> {
  const { organisation, event, subject, title = '', message, operation = null, path = '' } = notice;
  await tx.insert(notices).values({
    ...{ id: ulid(), organisation, event, title, message, operation, path },
    ...{ subjectKind: subject.kind, subjectId: subject.id, subjectName: subject.name },
    key: notice.key ?? noticeKey(event, subject),
    overAt: noticeLasts(event) ? null : new Date(),
    ...(await belongingOf(tx, subject)),
    ...(notice.project ? { project: notice.project } : {}),
  });
}

/** For those who come to the same result again and again: of a trouble that lasts, the same words are said once. */
export async function raiseUnlessTold(tx: Transaction, notice: NewNotice & { key: string }): Promise<void> {
  const { organisation, key, message } = notice;
  const isTold = and(eq(notices.organisation, organisation), eq(notices.key, key), eq(notices.message, message));
  const [told] = await tx
    .select({ id: notices.id })
    .from(notices)
    .where(and(isTold, isNull(notices.overAt)))
    .limit(1);
  if (!told) await raiseNotice(tx, notice);
}

export const noticeKey = (event: NoticeEvent, { kind, id }: Pick<SubjectReference, 'kind' | 'id'>) =>
  `${event}:${kind}:${id}`;

/** The trouble of a key is over. Who heard of it hears that, too, where there was any and words for it are given. */
export async function endNotices(
  tx: Transaction,
  { organisation, key, recovered }: { organisation: string; key: string; recovered?: string },
): Promise<void> {
  const ended = await endThose(tx, and(eq(notices.organisation, organisation), eq(notices.key, key)));
  const last = ended.at(-1);
  if (!last || recovered === undefined) return;
  const subject = { kind: last.subjectKind, id: last.subjectId, name: last.subjectName };
  const title = last.title || noticeEvents[last.event].title;
  await raiseNotice(tx, { organisation, event: 'recovered', subject, key, title, message: recovered });
}

async function endThose(tx: Transaction, which: SQL | undefined) {
  const ended = await tx
    .update(notices)
    .set({ overAt: new Date() })
    .where(and(which, isNull(notices.overAt)))
    .returning();
  return ended.filter(({ event }) => noticeLasts(event));
}

/** What is told already, and of which Organisation it is, for those who look for it from time to time. */
export async function lastingKeys(db: Db, event: NoticeEvent): Promise<Map<string, string>> {
  const rows = await db
    .select({ key: notices.key, organisation: notices.organisation })
    .from(notices)
    .where(and(eq(notices.event, event), isNull(notices.overAt)));
  return new Map(rows.map(({ key, organisation }) => [key, organisation]));
}

/** The end of an Operation. Of nested ones the outermost says it. */
export async function noticeEnd(tx: Transaction, row: OperationRow): Promise<void> {
  if (row.parent) return;
  const { organisation, id: operation, type, title, message } = row;
  const subject = subjectOf(row);
  const key = operationKey(type, subject);
  const asked = and(eq(notices.operation, operation), eq(notices.event, 'needs_attention'));
  await endThose(tx, and(eq(notices.operation, operation), eq(notices.event, 'approval_wanted')));
  if (row.state === 'failed')
    await raiseNotice(tx, { organisation, event: 'operation_failed', subject, key, title, message, operation });
  if (row.state !== 'succeeded') {
    await endThose(tx, asked);
    return;
  }
  const [question] = await tx.select({ id: notices.id }).from(notices).where(asked).limit(1);
  const ended = await endThose(tx, and(eq(notices.organisation, organisation), eq(notices.key, key)));
  if (!question && ended.length === 0) return;
  const words = ended.some(({ event }) => event === 'operation_failed')
    ? 'It has succeeded after a failure.'
    : 'It has succeeded after a question.';
  await raiseNotice(tx, { organisation, event: 'recovered', subject, key, title, message: words, operation });
}

/** @param row the outermost Operation, whatever it is in it that asks. */
export async function noticeAttention(tx: Transaction, row: OperationRow, attention: Attention): Promise<void> {
  const { organisation, id: operation, type, title } = row;
  const subject = subjectOf(row);
  const notice = { organisation, subject, title, message: attention.message, operation };
  // No trouble of this type: the success after a yes is no recovery.
  if (attention.about === 'approval')
    await raiseNotice(tx, { ...notice, event: 'approval_wanted', key: `approval:${operation}` });
  else await raiseNotice(tx, { ...notice, event: 'needs_attention', key: operationKey(type, subject) });
}

/** Nothing in it asks any more. */
export async function noticeDecided(tx: Transaction, operation: string): Promise<void> {
  await endThose(tx, and(eq(notices.operation, operation), isQuestion));
}

const isQuestion = inArray(notices.event, ['needs_attention', 'approval_wanted']);

function subjectOf({ subjectKind, subjectId, subjectName }: OperationRow): SubjectReference {
  return { kind: subjectKind, id: subjectId, name: subjectName };
}

/** By which receivers choose. */
async function belongingOf(
  tx: Transaction,
  { kind, id }: SubjectReference,
): Promise<{ project: string | null; environmentKind: string | null }> {
  const none = { project: null, environmentKind: null };
  if (kind === 'project') return { ...none, project: id };
  if (kind === 'release') {
    const [release] = await tx.select({ project: releases.project }).from(releases).where(eq(releases.id, id));
    return { ...none, ...release };
  }
  const environment = kind === 'environment' ? id : await environmentOf(tx, kind, id);
  if (!environment) return none;
  const [found] = await tx
    .select({ project: releases.project, environmentKind: environments.kind })
    .from(environments)
    .innerJoin(releases, eq(releases.id, environments.release))
    .where(eq(environments.id, environment));
  return found ?? none;
}

async function environmentOf(tx: Transaction, kind: EntityKind, id: string): Promise<string | null> {
  const table = kind === 'backup' ? backups : kind === 'archive' ? archives : null;
  if (!table) return null;
  const [row] = await tx.select({ environment: table.environment }).from(table).where(eq(table.id, id));
  return row?.environment ?? null;
}
