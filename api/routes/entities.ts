// The routes of every kind of entity, made from the table in model/entities.ts.

import { z } from '@hono/zod-openapi';
import { editVerb } from '../../model/access.ts';
import { type Entity, type EntityDefinition, type EntityKind, entities } from '../../model/entities.ts';
import { AppError } from '../../model/errors.ts';
import { refuseSide } from '../../model/sides.ts';
import { deleteEntity } from '../../model/store/delete-entity.ts';
import { type Completion, createEntity, findEntity, listEntities, updateEntity } from '../../model/store/entities.ts';
import { listFieldDefinitions } from '../../model/store/field-definitions.ts';
import { listOperations } from '../../model/store/operations.ts';
import { listPresences } from '../../model/store/roots.ts';
import { listUpdates } from '../../model/store/updates.ts';
import { actorOf, type Principal, visibleTo } from '../access.ts';
import type { EntityView, ListedEntity } from '../contract.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { readEntityInput } from '../entity-input.ts';
import { placingAgain, placingNew } from '../place-environment.ts';
import { ownCurrentRelease, refuseLocked } from '../release-rules.ts';
import { summaryOf } from '../views.ts';

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
  })
  .openapi('Entity');

export function addEntityRoutes(app: App, deps: ApiDependencies): void {
  for (const definition of Object.values(entities)) {
    addReading(app, deps, definition);
    if (!definition.madeOn) addWriting(app, deps, definition);
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
      query: pageQuery.extend({ search: z.string().optional(), state: z.string().optional() }).catchall(z.string()),
      answer: z.object({ items: z.array(entitySchema), next: z.string().nullable() }),
    },
    async ({ query, principal }) => {
      const { limit, after, search, ...rest } = query;
      const given = Object.entries(rest).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      const custom = given
        .filter(([name]) => name.startsWith('fields.'))
        .map(([name, value]) => [name.slice(7), value]);
      const items = await listEntities(deps.db, kind, {
        ...visibleTo(principal),
        filters: Object.fromEntries(given.filter(([name]) => !name.startsWith('fields.'))),
        customFilters: Object.fromEntries(custom),
        limit: limit + 1,
        ...(search ? { search } : {}),
        ...(after ? { after } : {}),
      });
      const page = await withUpdates(deps, kind, items.slice(0, limit));
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
    const read = await readEntityInput(deps, principal, { kind, ...body, before: entity });
    refuseLocked(entity, read);
    return updateEntity(deps.db, actorOf(principal), kind, entity.id, read, await completing(deps, principal, entity));
  });
  if (!definition.single) addMaking(app, deps, definition);
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

/** What else has to be right, or is filled in, when one is written. `id`: of one that is there. */
async function completing(
  deps: ApiDependencies,
  principal: Principal,
  { kind, id }: { kind: EntityKind; id?: string },
): Promise<Completion | undefined> {
  const organisation = principal.organisation.id;
  if (kind === 'project') return ownCurrentRelease(organisation, id);
  if (kind !== 'environment') return undefined;
  const catalogue = await deps.catalogue.current();
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

/** Environments say what they could be updated to. */
async function withUpdates(deps: ApiDependencies, kind: EntityKind, items: Entity[]): Promise<ListedEntity[]> {
  if (kind !== 'environment') return items;
  const updates = await listUpdates(
    deps.db,
    items.map(item => item.id),
  );
  return items.map(item => ({ ...item, update: updates.get(item.id) ?? null }));
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
  const [listed = entity] = await withUpdates(deps, entity.kind, [entity]);
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
      const listed = await withUpdates(deps, kind, rows);
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
