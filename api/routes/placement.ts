// Where an Environment of given values would be put, before it is created.

import { z } from '@hono/zod-openapi';
import { definitionOf, findReferences } from '../../dispatch/entity-input.ts';
import { previewPlacement } from '../../dispatch/place-environment.ts';
import { invalid, type Problem } from '../../model/errors.ts';
import { serverFields } from '../../model/placement.ts';
import type { PlacementView } from '../contract.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

const word = z.string().max(255).optional();

export function addPlacementRoutes(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/placement',
    summary: 'Where an Environment of these values would be put, and why',
    access: 'read',
    query: z.object({ release: word, cluster: word, web_server: word, database_server: word, php_version: word }),
    answer: z.object({
      servers: z.array(
        z.object({ field: z.enum(Object.values(serverFields)), id: z.string(), name: z.string(), reason: z.string() }),
      ),
      problems: z.array(z.object({ path: z.string(), message: z.string() })),
    }),
  } as const;
  defineRoute(app, deps, spec, async ({ query, principal }): Promise<PlacementView> => {
    const catalogue = await deps.catalogue.current();
    const values: Record<string, unknown> = Object.fromEntries(Object.entries(query).filter(([, value]) => value));
    const problems: Problem[] = [];
    const specs = definitionOf('environment', catalogue).fields;
    await findReferences(deps, principal, { specs, values, path: '' }, problems);
    if (problems.length > 0) throw invalid(problems, 'It cannot be placed.');
    return previewPlacement(deps.db, { catalogue, organisation: principal.organisation.id, values });
  });
}
