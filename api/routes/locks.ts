// Locks: who holds them, who waits, and how an administrator takes one away.

import { z } from '@hono/zod-openapi';
import { actorOf, visibleTo } from '../../dispatch/access.ts';
import { type EntityKind, entityKinds } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import { recordChange } from '../../model/store/audit.ts';
import { findEntity } from '../../model/store/entities.ts';
import { listClaimsOn } from '../../model/store/locks.ts';
import { findOperation } from '../../model/store/operations.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimViewOf } from '../views.ts';

export function addLockRoutes(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/locks',
    summary: 'Who holds the lock of an entity, and who waits behind whom',
    access: 'read',
    query: z.object({ kind: z.enum(entityKinds), id: z.string().max(255) }),
  } as const;
  defineRoute(app, deps, list, async ({ query, principal }) => {
    const entity = await findEntity(deps.db, query.kind, query.id, principal.organisation.id);
    return (await listClaimsOn(deps.db, { kind: query.kind, id: entity.id })).map(claimViewOf);
  });
  const release = {
    method: 'delete',
    path: '/api/locks/{kind}/{id}/{operation}',
    summary:
      'Takes a lock away from an Operation; the next in line begins at once, and ends what the former does on its Servers',
    access: 'administer',
    status: 204,
  } as const;
  defineRoute(app, deps, release, async ({ params, principal }) => {
    const row = await findOperation(deps.db, params.operation ?? '', visibleTo(principal).organisation);
    const lock = { kind: params.kind as EntityKind, id: params.id ?? '' };
    const claims = await listClaimsOn(deps.db, lock);
    if (!claims.some(claim => claim.operation === row.id))
      throw new AppError('not_found', `${row.title} ${row.subjectName} has no such lock, nor waits for it.`);
    await deps.engine.releaseLock(lock, row.id);
    await deps.db.transaction(tx =>
      recordChange(tx, actorOf(principal), {
        verb: 'release_lock',
        object: { kind: 'operation', id: row.id, name: `${row.title} ${row.subjectName}` },
        after: { lock: `${lock.kind} ${lock.id}` },
      }),
    );
  });
}
