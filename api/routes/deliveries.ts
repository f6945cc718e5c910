// Messages to a Receiver: what was sent and what came of it, a test, and once more.

import { z } from '@hono/zod-openapi';
import { actorOf, visibleTo } from '../../dispatch/access.ts';
import { editVerb } from '../../model/access.ts';
import { AppError } from '../../model/errors.ts';
import { recordChange } from '../../model/store/audit.ts';
import {
  addTest,
  type DeliveryRow,
  listDeliveries,
  noticesOf,
  sendAgain,
  type ToldNotice,
} from '../../model/store/deliveries.ts';
import { findEntity } from '../../model/store/entities.ts';
import type { DeliveryView } from '../contract-deliveries.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

const view = z.looseObject({ id: z.string(), state: z.string() }).openapi('Delivery');

export function addDeliveryRoutes(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/receivers/{id}/deliveries',
    summary: 'Messages to a Receiver, newest first',
    access: 'read',
    query: pageQuery,
    answer: z.object({ items: z.array(view), next: z.string().nullable() }),
  } as const;
  defineRoute(app, deps, list, async ({ params, query, principal }) => {
    const { id } = await findEntity(deps.db, 'receiver', params.id ?? '', principal.organisation.id);
    const { limit, after } = query;
    const rows = await listDeliveries(deps.db, { ...visibleTo(principal), receiver: id, after, limit: limit + 1 });
    const shown = rows.slice(0, limit);
    const told = await noticesOf(
      deps.db,
      shown.map(row => row.id),
    );
    const items = shown.map(row => viewOf(row, told.get(row.id) ?? []));
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  });

  const test = {
    method: 'post',
    path: '/api/receivers/{id}/test',
    summary: 'Sends a test message to a Receiver',
    access: editVerb('receiver'),
    status: 201,
    answer: view,
  } as const;
  defineRoute(app, deps, test, async ({ params, principal }) => {
    const receiver = await findEntity(deps.db, 'receiver', params.id ?? '', principal.organisation.id);
    if (receiver.state === 'deleted') throw new AppError('conflict', 'This Receiver is deleted.');
    return viewOf(await addTest(deps.db, actorOf(principal), receiver.id), []);
  });

  const again = {
    method: 'post',
    path: '/api/deliveries/{id}/again',
    summary: 'Sends a message once more, at once',
    access: editVerb('receiver'),
    status: 202,
    answer: view,
  } as const;
  defineRoute(app, deps, again, async ({ params, principal }) => {
    const row = await sendAgain(deps.db, principal.organisation.id, params.id ?? '');
    const receiver = await findEntity(deps.db, 'receiver', row.receiver, principal.organisation.id);
    const object = { kind: 'receiver' as const, id: receiver.id, name: String(receiver.values.name) };
    await deps.db.transaction(tx =>
      recordChange(tx, actorOf(principal), { verb: 'send again', object, after: { message: row.id } }),
    );
    return viewOf(row, (await noticesOf(deps.db, [row.id])).get(row.id) ?? []);
  });
}

const time = (at: Date | null) => at?.toISOString() ?? null;

function viewOf(row: DeliveryRow, notices: ToldNotice[]): DeliveryView {
  const { id, state, testBy, attempts, answer } = row;
  return {
    ...{ id, state, testBy, notices, attempts, answer },
    createdAt: row.createdAt.toISOString(),
    triedAt: time(row.triedAt),
    nextAt: time(row.nextAt),
    endedAt: time(row.endedAt),
  };
}
