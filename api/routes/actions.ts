// Actions: what answers at once, outside of any Operation. What there is and what it asks is told beside the Operations.

import { z } from '@hono/zod-openapi';
import { type EntityDefinition, entities } from '../../model/entities.ts';
import { findEntity } from '../../model/store/entities.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { runAction } from '../run-action.ts';

export function addActionRoutes(app: App, deps: ApiDependencies): void {
  for (const definition of Object.values(entities)) addSubjectRoute(app, deps, definition);
}

function addSubjectRoute(app: App, deps: ApiDependencies, { kind, plural, title }: EntityDefinition): void {
  const run = {
    method: 'post',
    path: `/api/${plural}/{id}/actions`,
    summary: `Runs an Action on a ${title} and answers its outputs`,
    // The role that the Action asks for is checked in the handler.
    access: 'read',
    body: z.object({ type: z.string(), input: z.record(z.string(), z.unknown()).default({}) }),
  } as const;
  defineRoute(app, deps, run, async ({ params, body, principal, c }) => {
    const { id } = await findEntity(deps.db, kind, params.id ?? '', principal.organisation.id);
    // It may be a link that signs somebody in.
    c.header('cache-control', 'no-store');
    return runAction(deps, principal, { kind, id, ...body });
  });
}
