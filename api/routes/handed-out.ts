// Secrets that somebody else has to know too, such as the one by which a receiver checks our signature: made here on demand,
// answered once, sealed like any other. A new one replaces the former at once.

import { z } from '@hono/zod-openapi';
import { actorOf } from '../../dispatch/access.ts';
import { editVerb } from '../../model/access.ts';
import { entities } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import { findEntity, updateEntity } from '../../model/store/entities.ts';
import { makePassword } from '../../secrets/token.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

export function addHandedOutRoutes(app: App, deps: ApiDependencies): void {
  for (const { kind, plural, title, fields } of Object.values(entities)) {
    for (const { name, label = name } of fields.filter(field => field.handedOut)) {
      const make = {
        method: 'post',
        path: `/api/${plural}/{id}/secrets/${name}`,
        summary: `${title}: makes a new ${label.toLowerCase()} and answers it, once`,
        access: editVerb(kind),
        status: 201,
        answer: z.object({ secret: z.string() }),
      } as const;
      defineRoute(app, deps, make, async ({ params, principal }) => {
        const organisation = principal.organisation.id;
        const entity = await findEntity(deps.db, kind, params.id ?? '', organisation);
        if (entity.state === 'deleted') throw new AppError('conflict', `This ${title} is deleted.`);
        // Also base64 of 36 bytes, which is what libraries for signatures want.
        const secret = makePassword();
        const values = { [name]: await deps.vault.put(deps.db, organisation, secret) };
        await updateEntity(deps.db, actorOf(principal), kind, entity.id, { values });
        return { secret };
      });
    }
  }
}
