// What people decide about an Operation on its way and after its end: retry, skip, undo, leave; resume; run again.

import { z } from '@hono/zod-openapi';
import { type Principal, visibleTo } from '../../dispatch/access.ts';
import { choices } from '../../model/attention.ts';
import { findOperation } from '../../model/store/operations.ts';
import { decideOn } from '../decide.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { resume, resumeViewOf } from '../resume.ts';
import { againViewOf } from '../run-again.ts';
import { operationViewOf } from '../views.ts';

/** New values of fields of failed Tasks, by Task. */
const inputs = z.record(z.string(), z.record(z.string(), z.unknown())).default({});

export function addAttentionRoutes(app: App, deps: ApiDependencies): void {
  const path = '/api/operations/{id}';
  const find = (principal: Principal, id: string | undefined) =>
    findOperation(deps.db, id ?? '', visibleTo(principal).organisation);

  const decisions = {
    method: 'post',
    path: `${path}/decisions`,
    summary: 'Answers what an Operation asks that needs attention',
    access: 'run',
    body: z.object({
      attention: z.string(),
      choice: z.enum(choices),
      inputs,
      reason: z.string().max(1000).default(''),
    }),
    status: 202,
  } as const;
  defineRoute(app, deps, decisions, async ({ params, body, principal }) => {
    await decideOn(deps, principal, await find(principal, params.id), body);
    return operationViewOf(deps, await find(principal, params.id));
  });

  const preview = {
    method: 'get',
    path: `${path}/resume`,
    summary: 'What a resume would run, and why it cannot',
    access: 'read',
  } as const;
  defineRoute(app, deps, preview, async ({ params, principal }) =>
    resumeViewOf(deps, principal, await find(principal, params.id)),
  );

  const again = {
    method: 'post',
    path: `${path}/resume`,
    summary: 'A further attempt at what has failed or was cancelled: finished steps are not run again',
    access: 'run',
    body: z.object({ inputs }),
    status: 202,
  } as const;
  defineRoute(app, deps, again, async ({ params, body, principal }) => {
    const row = await resume(deps, principal, await find(principal, params.id), body.inputs);
    return operationViewOf(deps, row);
  });

  const same = {
    method: 'get',
    path: `${path}/again`,
    summary: 'Its inputs for a new Operation, and what has changed in its types since',
    access: 'read',
  } as const;
  defineRoute(app, deps, same, async ({ params, principal }) => againViewOf(deps, await find(principal, params.id)));
}
