// Operations: what is offered on an entity, its form, start, look, cancel.

import { z } from '@hono/zod-openapi';
import { readTaskTypeFiles } from '../../catalogue/versions.ts';
import { actorOf, type Principal, visibleTo } from '../../dispatch/access.ts';
import { startOperation } from '../../dispatch/start-operation.ts';
import { cancelChoices } from '../../model/attention.ts';
import { type EntityDefinition, entities } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import { isOver, type OperationState, operationStates } from '../../model/run.ts';
import { findEntity } from '../../model/store/entities.ts';
import { findOperation, listOperations, requestCancel } from '../../model/store/operations.ts';
import { findTask } from '../../model/store/tasks.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { dryRunViewOf } from '../dry-run.ts';
import { formOf, offersOf } from '../offers.ts';
import { operationViewOf, summaryOf } from '../views.ts';

const record = z.record(z.string(), z.unknown());

export function addOperationRoutes(app: App, deps: ApiDependencies): void {
  for (const definition of Object.values(entities)) addSubjectRoutes(app, deps, definition);
  addListing(app, deps);
  addRunRoutes(app, deps);
}

function addSubjectRoutes(app: App, deps: ApiDependencies, { kind, plural, title }: EntityDefinition): void {
  const path = `/api/${plural}/{id}`;
  const idOf = async (principal: Principal, id: string | undefined) =>
    (await findEntity(deps.db, kind, id ?? '', principal.organisation.id)).id;

  const offers = {
    method: 'get',
    path: `${path}/operation-types`,
    summary: `Operation types of a ${title}, with why not`,
    access: 'read',
  } as const;
  defineRoute(app, deps, offers, async ({ params, principal }) =>
    offersOf(deps, principal, kind, await idOf(principal, params.id)),
  );

  const form = {
    method: 'get',
    path: `${path}/operation-types/{type}/form`,
    summary: 'What still has to be asked, and what will be done',
    access: 'read',
    query: z.object({ input: z.string().max(100_000).optional() }),
  } as const;
  defineRoute(app, deps, form, async ({ params, query, principal }) => {
    const id = await idOf(principal, params.id);
    return formOf(deps, principal, { kind, id, type: params.type ?? '', input: parseInput(query.input) });
  });

  const start = {
    method: 'post',
    path: `${path}/operations`,
    summary: `Starts an Operation on a ${title}`,
    // The role that the Operation type asks for is checked in the handler.
    access: 'read',
    body: z.object({
      type: z.string(),
      input: record.default({}),
      reason: z.string().max(1000).default(''),
      priority: z.number().int().min(-10).max(10).default(0),
      dryRun: z.boolean().default(false),
    }),
    status: 201,
  } as const;
  defineRoute(app, deps, start, async ({ params, body, principal, c }) => {
    const id = await idOf(principal, params.id);
    const idempotencyKey = c.req.header('idempotency-key') ?? null;
    const row = await startOperation(deps, principal, { kind, id, ...body, idempotencyKey });
    return operationViewOf(deps, row);
  });
}

function parseInput(text: string | undefined): Record<string, unknown> {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Answered below like any other value that is no object.
  }
  throw new AppError('invalid', 'The parameter "input" must be a JSON object of field values.');
}

function addListing(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/operations',
    summary: 'Operations, newest first',
    access: 'read',
    query: pageQuery.extend({
      state: z.enum(operationStates).optional(),
      subject: z.string().optional(),
      type: z.string().optional(),
    }),
  } as const;
  defineRoute(app, deps, spec, async ({ query, principal }) => {
    const { limit, after, state, subject, type } = query;
    const rows = await listOperations(deps.db, {
      ...visibleTo(principal),
      limit: limit + 1,
      ...(after ? { after } : {}),
      ...(state ? { state: state as OperationState } : {}),
      ...(subject ? { subjectId: subject } : {}),
      ...(type ? { type } : {}),
    });
    const page = rows.slice(0, limit);
    return { items: page.map(summaryOf), next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
  });
}

function addRunRoutes(app: App, deps: ApiDependencies): void {
  const path = '/api/operations/{id}';
  const find = (principal: Principal, id: string | undefined) =>
    findOperation(deps.db, id ?? '', visibleTo(principal).organisation);

  defineRoute(
    app,
    deps,
    { method: 'get', path, summary: 'One Operation with its Tasks', access: 'read' },
    async ({ params, principal }) => operationViewOf(deps, await find(principal, params.id)),
  );
  const cancel = {
    method: 'post',
    path: `${path}/cancel`,
    summary: 'Cancels it; harmless when it is over',
    access: 'run',
    query: z.object({ choice: z.enum(cancelChoices).default('ask') }),
    status: 202,
  } as const;
  defineRoute(app, deps, cancel, async ({ params, query, principal }) => {
    const row = await find(principal, params.id);
    if (!isOver(row.state)) {
      await requestCancel(deps.db, actorOf(principal), { row, choice: query.choice });
      // The row is the truth: when the engine is away now, the sweeper tells it as soon as it answers.
      await deps.engine.cancel(row.id).catch(error => deps.log(`The cancel of ${row.id} waits for the engine`, error));
    }
    return summaryOf(await find(principal, params.id));
  });
  const differences = {
    method: 'get',
    path: `${path}/differences`,
    summary: 'Of a dry run: what it would change, and what could not be compared',
    access: 'read',
  } as const;
  defineRoute(app, deps, differences, async ({ params, principal }) =>
    dryRunViewOf(deps, await find(principal, params.id)),
  );
  const engine = {
    method: 'get',
    path: `${path}/engine`,
    summary: "The run's own history in words",
    access: 'read',
  } as const;
  defineRoute(app, deps, engine, async ({ params, principal }) =>
    deps.engine.view((await find(principal, params.id)).id),
  );

  const reproduce = {
    method: 'get',
    path: '/api/tasks/{id}/reproduce',
    summary: 'Files to run a Task by hand, without secrets',
    access: 'edit_code',
  } as const;
  defineRoute(app, deps, reproduce, async ({ params, principal }) => {
    const task = await findTask(deps.db, params.id ?? '');
    await find(principal, task.root);
    if (!task.kept)
      throw new AppError(
        'not_found',
        'Nothing was kept of this Task: it has not run yet, or its backend keeps no files.',
      );
    const { COMMAND: command = '', ...files } = task.kept;
    const role = Object.entries(await readTaskTypeFiles(deps.db, task.version)).map(([path, text]) => [
      `roles/${task.type}/${path}`,
      text,
    ]);
    // What is kept comes last: templates that were overridden lie over the role's own.
    return { command, files: { ...Object.fromEntries(role), ...files } };
  });
}
