// States of Terraform: which there are, and how an administrator goes back to a former one. Nobody is shown what is in them.

import { z } from '@hono/zod-openapi';
import { actorOf } from '../../dispatch/access.ts';
import { type EntityKind, entityKinds } from '../../model/entities.ts';
import { recordChange } from '../../model/store/audit.ts';
import { findEntity } from '../../model/store/entities.ts';
import { holderOf, listFormer, listStates, restoreState } from '../../model/store/terraform-states.ts';
import type { TerraformStateView } from '../contract-terraform.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

export function addTerraformRoutes(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/terraform-states',
    summary: 'What Terraform manages for an entity, by Task type, and former states',
    access: 'read',
    query: z.object({ kind: z.enum(entityKinds), id: z.string().max(255) }),
  } as const;
  defineRoute(app, deps, list, async ({ query, principal }) => {
    const { id } = await findEntity(deps.db, query.kind, query.id, principal.organisation.id);
    return viewsOf(deps, { kind: query.kind, id });
  });
  const restore = {
    method: 'post',
    path: '/api/terraform-states/{kind}/{id}/restore',
    summary: 'Puts a former state into the place of the present one: what Terraform knows changes, and nothing else',
    access: 'administer',
    body: z.object({ former: z.string().max(255), reason: z.string().max(1000).default('') }),
  } as const;
  defineRoute(app, deps, restore, async ({ params, body, principal }) => {
    const kind = z.enum(entityKinds).parse(params.kind) as EntityKind;
    const entity = await findEntity(deps.db, kind, params.id ?? '', principal.organisation.id);
    const of = { kind, id: entity.id };
    await deps.db.transaction(async tx => {
      const { taskType, replacedAt } = await restoreState(tx, of, body.former);
      await recordChange(tx, actorOf(principal), {
        verb: 'restore terraform state',
        object: { ...of, name: String(entity.values.name ?? '') },
        after: { taskType, replacedAt: replacedAt.toISOString(), reason: body.reason },
      });
    });
    return viewsOf(deps, of);
  });
}

async function viewsOf({ db }: ApiDependencies, of: { kind: EntityKind; id: string }): Promise<TerraformStateView[]> {
  const former = await listFormer(db, of);
  const states = await listStates(db, of);
  return Promise.all(
    states.map(async ({ taskType, organisation, resources, serial, changedAt, heldBy }) => ({
      taskType,
      resources,
      serial,
      changedAt: changedAt.toISOString(),
      heldBy: heldBy ? await holderOf(db, { of, taskType, organisation }) : '',
      former: former
        .filter(row => row.taskType === taskType)
        .map(row => ({
          id: row.id,
          resources: row.resources,
          serial: row.serial,
          replacedAt: row.replacedAt.toISOString(),
        })),
    })),
  );
}
