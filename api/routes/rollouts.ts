// Rollouts: preview, begin, look, and what a person may say to one.

import { z } from '@hono/zod-openapi';
import { authorizeRole, visibleTo } from '../../dispatch/access.ts';
import { commandRollout, rolloutCommands, undoRollout } from '../../dispatch/rollout-commands.ts';
import { createRollout, previewRollout, rolloutFieldsOf } from '../../dispatch/rollouts.ts';
import { AppError } from '../../model/errors.ts';
import { budgetOf, rolloutItemStates, rolloutStates } from '../../model/rollout.ts';
import { listAuditOf } from '../../model/store/audit.ts';
import { countItems, findRollout, listItems, listRollouts, type RolloutRow } from '../../model/store/rollouts.ts';
import type { RolloutItemView, RolloutSummary, RolloutView } from '../contract-rollouts.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { reportOf } from '../rollout-report.ts';

const record = z.record(z.string(), z.unknown());
const request = z.object({ values: record.default({}), without: z.array(z.string().max(64)).max(50_000).default([]) });

export function addRolloutRoutes(app: App, deps: ApiDependencies): void {
  addBeginning(app, deps);
  addLooking(app, deps);
  addCommands(app, deps);
}

/** When the engine is away now, the sweeper starts it as soon as it answers. */
async function setGoing(deps: ApiDependencies, row: RolloutRow): Promise<void> {
  try {
    await deps.engine.rollouts.start(row);
    await deps.engine.rollouts.hint(row.id);
  } catch (error) {
    deps.log(`The Rollout ${row.id} waits for the engine`, error);
  }
}

function addBeginning(app: App, deps: ApiDependencies): void {
  const fields = {
    method: 'get',
    path: '/api/rollouts/fields',
    summary: 'What a Rollout asks',
    access: 'read',
  } as const;
  defineRoute(app, deps, fields, async () => rolloutFieldsOf(await deps.catalogue.current()));

  const preview = {
    method: 'post',
    path: '/api/rollouts/preview',
    summary: 'What a Rollout of these values would be about, wave by wave, and what is wrong with it',
    access: 'read',
    body: request,
  } as const;
  defineRoute(app, deps, preview, async ({ body, principal }) => previewRollout(deps, principal, body));

  const create = {
    method: 'post',
    path: '/api/rollouts',
    summary: 'Begins a Rollout; its list is frozen by that',
    // The role that the Operation type asks for is checked in the handler.
    access: 'read',
    body: request,
    status: 201,
  } as const;
  defineRoute(app, deps, create, async ({ body, principal, c }) => {
    const idempotencyKey = c.req.header('idempotency-key') ?? null;
    const row = await createRollout(deps, principal, { ...body, idempotencyKey });
    await setGoing(deps, row);
    return viewOf(deps, row);
  });
}

function addLooking(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/rollouts',
    summary: 'Rollouts, newest first',
    access: 'read',
    query: pageQuery.extend({ state: z.enum(rolloutStates).optional() }),
  } as const;
  defineRoute(app, deps, list, async ({ query, principal }) => {
    const { limit, after, state } = query;
    const own = { ...visibleTo(principal), ...(state ? { state } : {}), ...(after ? { after } : {}) };
    const rows = await listRollouts(deps.db, { ...own, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const items = await Promise.all(page.map(row => summaryOf(deps, row)));
    return { items, next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
  });

  const one = { method: 'get', path: '/api/rollouts/{id}', summary: 'One Rollout', access: 'read' } as const;
  defineRoute(app, deps, one, async ({ params, principal }) =>
    viewOf(deps, await findRollout(deps.db, params.id ?? '', visibleTo(principal).organisation)),
  );

  const items = {
    method: 'get',
    path: '/api/rollouts/{id}/items',
    summary: 'What a Rollout is about, in its order',
    access: 'read',
    query: pageQuery.extend({
      state: z.enum(rolloutItemStates).optional(),
      wave: z.coerce.number().int().min(1).optional(),
    }),
  } as const;
  defineRoute(app, deps, items, async ({ params, query, principal }) => {
    const row = await findRollout(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const { limit, after, state, wave } = query;
    const rows = await listItems(deps.db, {
      rollout: row.id,
      limit: limit + 1,
      ...(state ? { states: [state] } : {}),
      ...(wave ? { wave: wave - 1 } : {}),
      ...(after ? { after: Number(after) } : {}),
    });
    const page = rows.slice(0, limit).map(
      ({ subjectId, subjectName, startedAt, endedAt, ...item }): RolloutItemView => ({
        ...{ id: item.id, position: item.position, wave: item.wave + 1, state: item.state, attempt: item.attempt },
        ...{ operation: item.operation, message: item.message },
        subject: { kind: row.subjectKind, id: subjectId, name: subjectName },
        startedAt: startedAt?.toISOString() ?? null,
        endedAt: endedAt?.toISOString() ?? null,
      }),
    );
    return { items: page, next: rows.length > limit ? String(page.at(-1)?.position ?? '') : null };
  });

  const report = {
    method: 'get',
    path: '/api/rollouts/{id}/report',
    summary: 'What became of it, as text: for the file, or a mail',
    access: 'read',
  } as const;
  defineRoute(app, deps, report, async ({ params, principal, c }) => {
    const row = await findRollout(deps.db, params.id ?? '', visibleTo(principal).organisation);
    return c.text(await reportOf(deps, row));
  });
}

function addCommands(app: App, deps: ApiDependencies): void {
  const say = {
    method: 'post',
    path: '/api/rollouts/{id}/{command}',
    summary: `Says to a Rollout: ${rolloutCommands.join(', ')}, undo`,
    access: 'run',
    body: z.object({
      reason: z.string().max(1000).default(''),
      settings: z
        .object({
          atOnce: z.number().int().optional(),
          perServer: z.number().int().nullable().optional(),
          budget: z.string().max(20).optional(),
        })
        .default({}),
      subjects: z.array(z.string().max(64)).max(50_000).default([]),
    }),
    status: 202,
  } as const;
  defineRoute(app, deps, say, async ({ params, body, principal }) => {
    const row = await findRollout(deps.db, params.id ?? '', visibleTo(principal).organisation);
    const { operationTypes } = await deps.catalogue.current();
    authorizeRole(principal, operationTypes.get(row.operationType)?.minimumRole ?? 'operator');
    if (params.command === 'undo') {
      const undo = await undoRollout(deps, principal, row);
      await setGoing(deps, undo);
      return viewOf(deps, undo);
    }
    const command = rolloutCommands.find(each => each === params.command);
    if (!command)
      throw new AppError(
        'not_found',
        `A Rollout knows no “${params.command}”, but ${rolloutCommands.join(', ')}, undo.`,
      );
    const settings = Object.fromEntries(Object.entries(body.settings).filter(([, value]) => value !== undefined));
    await commandRollout(deps, principal, row, { ...body, command, settings });
    await setGoing(deps, row);
    return viewOf(deps, await findRollout(deps.db, row.id));
  });
}

async function summaryOf(deps: ApiDependencies, row: RolloutRow): Promise<RolloutSummary> {
  const { id, title, operationType, state, waves, message, startedBy, reason, createdAt, endedAt } = row;
  const counts = await countItems(deps.db, id);
  return {
    ...{ id, title, operationType, state, waves, counts, message, startedBy, reason },
    wave: row.wave + 1,
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

async function viewOf(deps: ApiDependencies, row: RolloutRow): Promise<RolloutView> {
  const summary = await summaryOf(deps, row);
  const { operationTypes } = await deps.catalogue.current();
  const { settings, input, selection, undoes } = row;
  const events = await listAuditOf(deps.db, row.id);
  return {
    ...summary,
    ...{ settings, input, selection, undoes },
    budget: budgetOf(settings.budget, summary.counts),
    takenBackBy: operationTypes.get(operationTypes.get(row.operationType)?.takenBackBy ?? '')?.title ?? null,
    events: events.map(({ at, actor, verb, after }) => ({ at: at.toISOString(), actor, verb, after })),
    console: deps.engine.consolePage(`rollout-${row.id}`),
  };
}
