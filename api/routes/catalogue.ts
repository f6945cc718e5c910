// The catalogue, custom fields, overrides, audit.

import { z } from '@hono/zod-openapi';
import { isManifestFile, renderHeads } from '../../catalogue/read-manifests.ts';
import { readTaskTypeFiles } from '../../catalogue/versions.ts';
import { actorOf, visibleTo } from '../../dispatch/access.ts';
import { type EntityDefinition, entities, entityKinds } from '../../model/entities.ts';
import { AppError, invalid, type Problem } from '../../model/errors.ts';
import { type FieldSpec, fieldFormats, fieldTypes } from '../../model/fields.ts';
import { overridingKinds } from '../../model/overrides.ts';
import { listAudit } from '../../model/store/audit.ts';
import { findEntity } from '../../model/store/entities.ts';
import {
  addFieldDefinition,
  listFieldDefinitions,
  removeFieldDefinition,
} from '../../model/store/field-definitions.ts';
import { listOverrides, setOverride } from '../../model/store/overrides.ts';
import type { TaskType } from '../../model/task-type.ts';
import { validateFields } from '../../model/validate.ts';
import type { AuditView, CatalogueView, OverrideView, TemplateView } from '../contract.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

export function addCatalogueRoutes(app: App, deps: ApiDependencies): void {
  const list = {
    method: 'get',
    path: '/api/catalogue',
    summary: 'Task, Operation and Application types, and what was refused',
    access: 'read',
  } as const;
  defineRoute(app, deps, list, async (): Promise<CatalogueView> => {
    const { taskTypes, operationTypes, applicationTypes, problems } = await deps.catalogue.current();
    return {
      taskTypes: [...taskTypes.values()],
      operationTypes: [...operationTypes.values()],
      applicationTypes: [...applicationTypes.values()],
      problems: [...problems],
    };
  });
  addFieldRoutes(app, deps);
  for (const kind of overridingKinds) addOverrideRoutes(app, deps, entities[kind]);
  addTemplate(app, deps);
  addAudit(app, deps);
}

const fieldBody = z.object({
  entityKind: z.enum(entityKinds),
  name: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be lower-case letters, digits and _, beginning with a letter'),
  type: z.enum(fieldTypes),
  label: z.string().max(200).optional(),
  help: z.string().max(2000).optional(),
  required: z.boolean().optional(),
  default: z.unknown().optional(),
  choices: z.array(z.unknown()).optional(),
  elements: z.enum(fieldTypes).optional(),
  to: z.enum(entityKinds).optional(),
  secret: z.boolean().optional(),
  format: z.enum(fieldFormats).optional(),
});

function addFieldRoutes(app: App, deps: ApiDependencies): void {
  const path = '/api/field-definitions';
  defineRoute(
    app,
    deps,
    { method: 'get', path, summary: 'Custom fields of every kind of entity', access: 'read' },
    async () => listFieldDefinitions(deps.db),
  );
  const add = {
    method: 'post',
    path,
    summary: 'Defines a custom field',
    access: 'administer',
    body: fieldBody,
    status: 201,
  } as const;
  defineRoute(app, deps, add, async ({ body, principal }) => {
    const { entityKind, ...given } = body;
    const spec = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as unknown as FieldSpec;
    const problems = checkDefinition(entityKind, spec);
    if (problems.length > 0) throw invalid(problems, 'This field cannot be defined.');
    return addFieldDefinition(deps.db, actorOf(principal), entityKind, spec);
  });
  const remove = {
    method: 'delete',
    path: `${path}/{id}`,
    summary: 'Removes a custom field; values stay',
    access: 'administer',
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) =>
    removeFieldDefinition(deps.db, actorOf(principal), params.id ?? ''),
  );
}

function checkDefinition(kind: EntityDefinition['kind'], spec: FieldSpec): Problem[] {
  const problems: Problem[] = [];
  const builtIn = [...entities[kind].fields, ...entities[kind].resultFields].some(field => field.name === spec.name);
  if (builtIn) problems.push({ path: 'name', message: `"${spec.name}" is a built-in field. Choose another name.` });
  if (spec.type === 'reference' && !spec.to)
    problems.push({ path: 'to', message: 'A reference needs the kind of entity that it names.' });
  if (spec.secret && spec.type !== 'str') problems.push({ path: 'secret', message: 'Only a str can be secret.' });
  if (spec.default !== undefined)
    problems.push(...validateFields([{ ...spec, required: false }], { [spec.name]: spec.default }).problems);
  return problems;
}

function addOverrideRoutes(app: App, deps: ApiDependencies, { kind, plural, title }: EntityDefinition): void {
  const path = `/api/${plural}/{id}/overrides`;
  const list = { method: 'get', path, summary: `Templates that this ${title} overrides`, access: 'read' } as const;
  defineRoute(app, deps, list, async ({ params, principal }): Promise<OverrideView[]> => {
    const { id } = await findEntity(deps.db, kind, params.id ?? '', principal.organisation.id);
    const rows = await listOverrides(deps.db, kind, id);
    return rows.map(row => ({
      taskType: row.task_type,
      template: row.template,
      text: row.text ?? '',
      version: row.version,
      changedBy: row.changed_by,
      changedAt: row.changed_at.toISOString(),
    }));
  });
  const put = {
    method: 'put',
    path: `${path}/{taskType}/{template}`,
    summary: 'Sets an override; text null removes it',
    // An override is code that runs on the Server.
    access: 'edit_code',
    body: z.object({ text: z.string().max(200_000).nullable() }),
    status: 204,
  } as const;
  defineRoute(app, deps, put, async ({ params, body, principal }) => {
    const { taskType = '', template = '' } = params;
    const entity = await findEntity(deps.db, kind, params.id ?? '', principal.organisation.id);
    const isThere = (await listOverrides(deps.db, kind, entity.id)).some(
      row => row.task_type === taskType && row.template === template,
    );
    // What a Task type has no more can still be removed.
    if (body.text !== null || !isThere) await needTemplate(deps, taskType, template);
    const named = { kind, id: entity.id, name: String(entity.values.name) };
    await setOverride(deps.db, actorOf(principal), { entity: named, taskType, template, text: body.text });
  });
}

function addTemplate(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/task-types/{taskType}/templates/{template}',
    summary: 'A template as the Task type brings it',
    access: 'read',
  } as const;
  defineRoute(app, deps, spec, async ({ params }): Promise<TemplateView> => {
    const { taskType = '', template = '' } = params;
    const { version } = await needTemplate(deps, taskType, template);
    const files = await readTaskTypeFiles(deps.db, version);
    // Manifests lie beside the templates, and are called by their whole path.
    const text = files[`templates/${template}`] ?? files[template] ?? '';
    return { text, override: isManifestFile(template) ? renderHeads(text) : text };
  });
}

async function needTemplate(deps: ApiDependencies, taskType: string, template: string): Promise<TaskType> {
  const known = (await deps.catalogue.current()).taskTypes.get(taskType);
  if (known?.templates.includes(template)) return known;
  const there = known ? `It has: ${known.templates.join(', ') || 'none'}.` : 'There is no such Task type.';
  throw new AppError('not_found', `${taskType} has no template "${template}". ${there}`);
}

function addAudit(app: App, deps: ApiDependencies): void {
  const spec = {
    method: 'get',
    path: '/api/audit',
    summary: 'Who changed what, newest first',
    access: 'read',
    query: pageQuery,
  } as const;
  defineRoute(app, deps, spec, async ({ query, principal }) => {
    const rows = await listAudit(deps.db, {
      ...visibleTo(principal),
      limit: query.limit + 1,
      ...(query.after ? { after: query.after } : {}),
    });
    const items = rows.slice(0, query.limit).map((row): AuditView => ({ ...row, at: row.at.toISOString() }));
    return { items, next: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
  });
}
