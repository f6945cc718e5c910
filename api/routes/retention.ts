// Which backups of an Environment “Remove old backups” would remove now, and why each other one stays.

import { z } from '@hono/zod-openapi';
import { visibleTo } from '../../dispatch/access.ts';
import type { RetentionView } from '../../model/retention.ts';
import { findEntity } from '../../model/store/entities.ts';
import { retentionOf } from '../../model/store/retentions.ts';
import { loadRoot } from '../../model/store/roots.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

const fate = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  madeAt: z.string(),
  bytes: z.number().nullable(),
  reasons: z.array(z.string()),
});

export function addRetentionRoutes(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/environments/{id}/retention',
    summary: 'Which backups the rule of an Environment keeps, why, and which it does not',
    access: 'read',
    answer: z.object({ rule: z.string(), of: z.string(), safetyDays: z.number(), fates: z.array(fate) }),
  } as const;
  defineRoute(app, deps, spec, async ({ params, principal }): Promise<RetentionView> => {
    const { id } = await findEntity(deps.db, 'environment', params.id ?? '', visibleTo(principal).organisation);
    const { fates, ...rule } = await retentionOf(deps.db, await loadRoot(deps.db, 'environment', id));
    return { ...rule, fates: fates.map(({ snapshot: _snapshot, ...shown }) => shown) };
  });
}
