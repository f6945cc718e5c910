// The routes of every kind of entity, made from the table in model/entities.ts.

import { z } from '@hono/zod-openapi';
import { actorOf, type Principal, visibleTo } from '../../dispatch/access.ts';
import { checkedApprovalRule } from '../../dispatch/check-approval-rule.ts';
import { checkedBlackout, checkedSchedule } from '../../dispatch/check-schedule.ts';
import { readEntityInput } from '../../dispatch/entity-input.ts';
import { placingAgain, placingNew } from '../../dispatch/place-environment.ts';
import { editVerb } from '../../model/access.ts';
import { driftFilters, hasDrift } from '../../model/drift.ts';
import { type Entity, type EntityDefinition, type EntityKind, entities } from '../../model/entities.ts';
import { AppError, invalid } from '../../model/errors.ts';
import { refuseSide } from '../../model/sides.ts';
import { listCron } from '../../model/store/cron-runs.ts';
import { deleteEntity } from '../../model/store/delete-entity.ts';
import { countOf, listDriftCounts } from '../../model/store/drift.ts';
import { type Completion, createEntity, findEntity, listEntities, updateEntity } from '../../model/store/entities.ts';
import { listFieldDefinitions } from '../../model/store/field-definitions.ts';
import { listOperations } from '../../model/store/operations.ts';
import { listProofs } from '../../model/store/proofs.ts';
import { listPresences } from '../../model/store/roots.ts';
import { listUpdates } from '../../model/store/updates.ts';
import type { EntityView, ListedEntity } from '../contract.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { ownCurrentRelease, refuseLocked } from '../release-rules.ts';
import { summaryOf } from '../views.ts';
import { driftCountSchema, driftQuery } from './drift.ts';

const record = z.record(z.string(), z.unknown());
const input = z.object({ values: record.default({}), fields: record.default({}) });
const entitySchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: z.string(),
    values: record,
    fields: record,
    createdAt: z.string(),
    updatedAt: z.string(),
    update: z.object({ id: z.string(), name: z.string() }).nullable().optional(),
    proven: z
      .object({
        backup: z.string(),
        madeAt: z.string(),
        provenAt: z.string().nullable(),
        recoverySeconds: z.number().nullable(),
      })
      .nullable()
      .optional(),
    drift: driftCountSchema.optional(),
  })
  .openapi('Entity');

export function addEntityRoutes(app: App, deps: ApiDependencies): void {
  for (const definition of Object.values(entities)) {
    addReading(app, deps, definition);
    if (!definition.madeOn || definition.edited) addWriting(app, deps, definition);
  }
}

function addReading(app: App, deps: ApiDependencies, { kind, plural, title, titlePlural }: EntityDefinition): void {
  defineRoute(
    app,
    deps,
    {
      method: 'get',
      path: `/api/${plural}`,
      summary: `${titlePlural}, filtered by any field`,
      access: 'read',
      query: pageQuery
        .extend({ search: z.string().optional(), state: z.string().optional(), ...driftQuery(kind) })
        .catchall(z.string()),
      answer: z.object({ items: z.array(entitySchema), next: z.string().nullable() }),
    },
    async ({ query, principal }) => {
      const { limit, after, search, ...rest } = query;
      const drift = hasDrift(kind) ? driftFilters.find(each => each === rest.drift) : undefined;
      const given = Object.entries(rest).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string' && !(drift && entry[0] === 'drift'),
      );
      const custom = given
        .filter(([name]) => name.startsWith('fields.'))
        .map(([name, value]) => [name.slice(7), value]);
      const items = await listEntities(deps.db, kind, {
        ...visibleTo(principal),
        filters: Object.fromEntries(given.filter(([name]) => !name.startsWith('fields.'))),
        customFilters: Object.fromEntries(custom),
        limit: limit + 1,
        ...(search ? { search } : {}),
        ...(drift ? { drift } : {}),
        ...(after ? { after } : {}),
      });
      const page = await asListed(deps, kind, items.slice(0, limit));
      return { items: page, next: items.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  );
  defineRoute(
    app,
    deps,
    {
      method: 'get',
      path: `/api/${plural}/{id}`,
      summary: `One ${title} by id or name`,
      access: 'read',
      answer: entitySchema.loose(),
    },
    async ({ params, principal }) => viewOf(deps, principal, await findOwn(deps, principal, kind, params.id)),
  );
}

function addWriting(app: App, deps: ApiDependencies, definition: EntityDefinition): void {
  const { kind, plural, title } = definition;
  const edit = {
    method: 'patch',
    path: `/api/${plural}/{id}`,
    summary: `Edits a ${title}`,
    access: editVerb(kind),
    body: input,
    answer: entitySchema,
  } as const;
  defineRoute(app, deps, edit, async ({ params, body, principal }) => {
    const entity = await findOwn(deps, principal, kind, params.id);
    if (entity.state === 'deleted') throw new AppError('conflict', `This ${title} is deleted.`);
    refuseSide(entity.values);
    refuseOthers(definition, body);
    const read = await readEntityInput(deps, principal, { kind, ...body, before: entity });
    refuseLocked(entity, read);
    return updateEntity(deps.db, actorOf(principal), kind, entity.id, read, await completing(deps, principal, entity));
  });
  if (!definition.single && !definition.madeOn) addMaking(app, deps, definition);
}

/** What Tasks say of an entity that they make is not for people. */
function refuseOthers({ edited, title }: EntityDefinition, { values, fields }: z.infer<typeof input>): void {
  if (!edited) return;
  const names = [...Object.keys(values), ...Object.keys(fields).map(name => `fields.${name}`)];
  const problems = names
    .filter(name => !edited.includes(name))
    .map(name => ({ path: `values.${name}`, message: `People edit only ${edited.join(' and ')} of a ${title}.` }));
  if (problems.length > 0) throw invalid(problems, `This ${title} cannot be saved.`);
}

function addMaking(app: App, deps: ApiDependencies, { kind, plural, title }: EntityDefinition): void {
  const path = `/api/${plural}`;
  const access = editVerb(kind);
  const create = {
    method: 'post',
    path,
    summary: `Creates a ${title}`,
    access,
    body: input,
    status: 201,
    answer: entitySchema,
  } as const;
  defineRoute(app, deps, create, async ({ body, principal }) => {
    const read = await readEntityInput(deps, principal, { kind, ...body });
    return createEntity(deps.db, actorOf(principal), kind, read, await completing(deps, principal, { kind }));
  });
  const remove = {
    method: 'delete',
    path: `${path}/{id}`,
    summary: `Deletes a ${title} that nothing uses`,
    access,
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) => {
    const entity = await findOwn(deps, principal, kind, params.id);
    refuseSide(entity.values);
    await deleteEntity(deps.db, actorOf(principal), kind, entity.id);
  });
}

/** What else has to be right, or is filled in, when one is written. */
async function completing(
  deps: ApiDependencies,
  principal: Principal,
  before: Entity | { kind: EntityKind; id?: undefined },
): Promise<Completion | undefined> {
  const { kind, id } = before;
  const organisation = principal.organisation.id;
  if (kind === 'project') return ownCurrentRelease(organisation, id);
  if (kind === 'schedule') return checkedSchedule(deps, principal, id === undefined ? undefined : before);
  if (kind === 'blackout') return checkedBlackout(id === undefined ? undefined : before);
  if (kind !== 'environment' && kind !== 'approval_rule') return undefined;
  const catalogue = await deps.catalogue.current();
  if (kind === 'approval_rule') return checkedApprovalRule(catalogue, id === undefined ? undefined : before);
  return id === undefined ? placingNew(catalogue, organisation) : placingAgain(catalogue, organisation, id);
}

function findOwn(
  deps: ApiDependencies,
  principal: Principal,
  kind: EntityKind,
  id: string | undefined,
): Promise<Entity> {
  return findEntity(deps.db, kind, id ?? '', principal.organisation.id);
}

/** Environments say what they could be updated to, and how old their last proven backup is, and how cron went; they and Servers, what differs there. */
async function asListed(deps: ApiDependencies, kind: EntityKind, items: Entity[]): Promise<ListedEntity[]> {
  const ids = items.map(item => item.id);
  const drift = hasDrift(kind) ? await listDriftCounts(deps.db, kind, ids) : null;
  const own =
    kind === 'environment'
      ? ([await listUpdates(deps.db, ids), await listProofs(deps.db, ids), await listCron(deps.db, ids)] as const)
      : null;
  return items.map(item => ({
    ...item,
    ...(own
      ? {
          update: own[0].get(item.id) ?? null,
          proven: own[1].get(item.id) ?? null,
          cron: own[2].get(item.id) ?? null,
        }
      : {}),
    ...(drift ? { drift: drift.get(item.id) ?? countOf(null) } : {}),
  }));
}

async function viewOf(deps: ApiDependencies, principal: Principal, entity: Entity): Promise<EntityView> {
  const { organisation } = visibleTo(principal);
  const references: EntityView['references'] = {};
  const custom = await listFieldDefinitions(deps.db, entity.kind);
  const all = { ...entity.fields, ...entity.values };
  const { fields, resultFields } = entities[entity.kind];
  for (const { name, to } of [...custom, ...fields, ...resultFields]) {
    const value = all[name];
    if (!to || typeof value !== 'string') continue;
    const found = await findEntity(deps.db, to, value, organisation);
    references[name] = { id: found.id, kind: to, name: String(found.values.name), state: found.state };
  }
  const operations = await listOperations(deps.db, {
    organisation,
    subjectKind: entity.kind,
    subjectId: entity.id,
    limit: 10,
  });
  const [listed = entity] = await asListed(deps, entity.kind, [entity]);
  return {
    ...listed,
    references,
    referredBy: await referredBy(deps, organisation, entity),
    presences: await presencesOf(deps, organisation, entity),
    recentOperations: operations.map(summaryOf),
  };
}

/** Up to a page of each kind. */
async function referredBy(
  deps: ApiDependencies,
  organisation: string,
  entity: Entity,
): Promise<EntityView['referredBy']> {
  const found: EntityView['referredBy'] = {};
  for (const { kind, fields } of Object.values(entities)) {
    for (const field of fields.filter(entry => entry.to === entity.kind && entity.kind !== 'organisation')) {
      const rows = await listEntities(deps.db, kind, { organisation, filters: { [field.name]: entity.id } });
      const known = found[kind] ?? [];
      const listed = await asListed(deps, kind, rows);
      const further = listed.filter(row => known.every(one => one.id !== row.id));
      if (further.length > 0) found[kind] = [...known, ...further];
    }
  }
  return found;
}

async function presencesOf(
  deps: ApiDependencies,
  organisation: string,
  entity: Entity,
): Promise<EntityView['presences']> {
  if (entity.kind !== 'release' && entity.kind !== 'server') return [];
  const rows = await listPresences(deps.db, { [entity.kind]: entity.id });
  const nameOf = async (kind: EntityKind, id: string) =>
    String((await findEntity(deps.db, kind, id, organisation)).values.name);
  return Promise.all(
    rows.map(async row => ({
      ...row,
      serverName: await nameOf('server', row.server),
      releaseName: await nameOf('release', row.release),
    })),
  );
}
