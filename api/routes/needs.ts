// What needs a person, from everywhere, in one answer.

import { z } from '@hono/zod-openapi';
import { actorOf, visibleTo } from '../../dispatch/access.ts';
import { findNeeds, markSeen } from '../../model/store/needs.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

export function addNeedRoutes(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/needs',
    summary: 'Everything that waits for a person, each with its next step; of each topic the first fifty, and how many',
    access: 'read',
  } as const;
  defineRoute(app, deps, list, async ({ principal }) => findNeeds(deps.db, visibleTo(principal).organisation));

  const seen = {
    method: 'post',
    path: '/api/operations/{id}/seen',
    summary: 'Somebody has looked at a failure: it waits for nobody any more',
    access: 'run',
    body: z.object({}),
    status: 204,
  } as const;
  defineRoute(app, deps, seen, async ({ params, principal }) => {
    await markSeen(deps.db, actorOf(principal), params.id ?? '');
  });
}
