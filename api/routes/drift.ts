// Drift: what differs on Servers from what Aegir would make there, and who has accepted it.

import { z } from '@hono/zod-openapi';
import { actorOf, type Principal, visibleTo } from '../../dispatch/access.ts';
import { driftFilters, hasDrift } from '../../model/drift.ts';
import { type EntityDefinition, type EntityKind, entities } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import {
  countOf,
  type DifferenceRow,
  findDifference,
  findDriftCheck,
  listDifferences,
  listDrifting,
} from '../../model/store/drift.ts';
import { findEntity } from '../../model/store/entities.ts';
import { acceptDifference } from '../../model/store/found-differences.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { DifferenceView, DriftingView, DriftView } from '../drift-contract.ts';

const count = {
  open: z.number(),
  accepted: z.number(),
  notCompared: z.number(),
  checkedAt: z.string().nullable(),
};
export const driftCountSchema = z.object(count).openapi('DriftCount');

/** Of a list; where nothing is compared it is no filter. */
export const driftQuery = (kind: EntityKind) => (hasDrift(kind) ? { drift: z.enum(driftFilters).optional() } : {});

const differenceSchema = z
  .object({
    id: z.string(),
    title: z.string(),
    task: z.string(),
    resource: z.string(),
    text: z.string(),
    leftOut: z.number(),
    content: z.string(),
    firstSeen: z.string(),
    changedAt: z.string(),
    lastSeen: z.string(),
    operation: z.string(),
    acceptance: z.object({ by: z.string(), at: z.string(), reason: z.string(), counts: z.boolean() }).nullable(),
  })
  .openapi('Difference');

export function addDriftRoutes(app: App, deps: ApiDependencies): void {
  for (const definition of Object.values(entities)) if (hasDrift(definition.kind)) addReading(app, deps, definition);
  const list = {
    method: 'get',
    path: '/api/drift',
    summary: 'Environments and Servers with differences that nobody has accepted, those with most first',
    access: 'read',
    query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
    answer: z.array(z.object({ ...count, kind: z.string(), id: z.string(), name: z.string() })),
  } as const;
  defineRoute(app, deps, list, async ({ query, principal }): Promise<DriftingView[]> => {
    const rows = await listDrifting(deps.db, { ...visibleTo(principal), limit: query.limit });
    return Promise.all(
      rows.map(async row => {
        const { values } = await findEntity(deps.db, row.entityKind, row.entityId, principal.organisation.id);
        return { kind: row.entityKind, id: row.entityId, name: String(values.name), ...countOf(row) };
      }),
    );
  });
  addDifferences(app, deps);
}

function addReading(app: App, deps: ApiDependencies, { kind, plural, title }: EntityDefinition): void {
  const read = {
    method: 'get',
    path: `/api/${plural}/{id}/drift`,
    summary: `What differs of a ${title} from what Aegir would make`,
    access: 'read',
    answer: z.object({
      ...count,
      operation: z.string(),
      parts: z.array(z.object({ title: z.string(), reason: z.string() })),
      checkedBy: z.string(),
      putRightBy: z.object({ type: z.string(), title: z.string() }).nullable(),
      differences: z.array(differenceSchema),
    }),
  } as const;
  defineRoute(app, deps, read, ({ params, principal }) => driftViewOf(deps, principal, kind, params.id ?? ''));
}

async function driftViewOf(
  deps: ApiDependencies,
  principal: Principal,
  kind: EntityKind,
  idOrName: string,
): Promise<DriftView> {
  const { id } = await findEntity(deps.db, kind, idOrName, principal.organisation.id);
  const { operationTypes } = await deps.catalogue.current();
  const type = [...operationTypes.values()].find(each => each.check && each.on === kind);
  const right = operationTypes.get(type?.putRightBy ?? '');
  const row = await findDriftCheck(deps.db, { kind, id });
  const rows = await listDifferences(deps.db, { kind, id });
  return {
    ...countOf(row),
    operation: row?.operation ?? '',
    parts: row?.notCompared ?? [],
    checkedBy: type?.name ?? '',
    putRightBy: right ? { type: right.name, title: right.title } : null,
    differences: rows.map(viewOf),
  };
}

function addDifferences(app: App, deps: ApiDependencies): void {
  const one = {
    method: 'get',
    path: '/api/differences/{id}',
    summary: 'One difference, as it was last seen',
    access: 'read',
    answer: differenceSchema,
  } as const;
  defineRoute(app, deps, one, async ({ params, principal }) =>
    viewOf(await findDifference(deps.db, params.id ?? '', principal.organisation.id)),
  );
  const path = '/api/differences/{id}/acceptance';
  const accept = {
    method: 'put',
    path,
    summary: 'Accepts a difference as it was shown: it counts again when it becomes another one',
    access: 'edit',
    body: z.object({ content: z.string().max(100), reason: z.string().max(2000) }),
    answer: differenceSchema,
  } as const;
  defineRoute(app, deps, accept, async ({ params, body, principal }) => {
    const reason = body.reason.trim();
    if (!reason) throw new AppError('invalid', 'Say why it is to stay: others will ask.');
    const as = { content: body.content, reason };
    return viewOf(await acceptDifference(deps.db, actorOf(principal), params.id ?? '', as));
  });
  const takeBack = {
    method: 'delete',
    path,
    summary: 'Takes the acceptance of a difference back',
    access: 'edit',
    answer: differenceSchema,
  } as const;
  defineRoute(app, deps, takeBack, async ({ params, principal }) =>
    viewOf(await acceptDifference(deps.db, actorOf(principal), params.id ?? '', null)),
  );
}

function viewOf(row: DifferenceRow): DifferenceView {
  const { id, title, task, resource, text, leftOut, content, operation } = row;
  const { acceptedBy, acceptedAt, acceptedReason, acceptedContent } = row;
  return {
    id,
    title,
    task,
    resource,
    text,
    leftOut,
    content,
    firstSeen: row.firstSeen.toISOString(),
    changedAt: row.changedAt.toISOString(),
    lastSeen: row.lastSeen.toISOString(),
    operation,
    acceptance:
      acceptedBy === null
        ? null
        : {
            by: acceptedBy,
            at: acceptedAt?.toISOString() ?? '',
            reason: acceptedReason ?? '',
            counts: acceptedContent !== content,
          },
  };
}
