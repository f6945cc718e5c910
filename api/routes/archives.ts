// Archives: uploaded by people, brought by runs of “Export”, fetched by runs of “Import”, downloaded, deleted. Their bodies
// go from the connection to the disk and back; nothing else of the API takes as much.

import type { ReadableStream } from 'node:stream/web';
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ulid } from 'ulid';
import { readTaskTypeVersion } from '../../catalogue/versions.ts';
import { actorOf } from '../../dispatch/access.ts';
import { type Entity, entities } from '../../model/entities.ts';
import { AppError, invalid } from '../../model/errors.ts';
import { checkHostName, stampOf } from '../../model/names.ts';
import type { TaskStep } from '../../model/plan.ts';
import { deleteArchive, putArchive } from '../../model/store/archives.ts';
import { type Actor, recordChange } from '../../model/store/audit.ts';
import { findEntity } from '../../model/store/entities.ts';
import { loadRoot } from '../../model/store/roots.ts';
import type { TaskType } from '../../model/task-type.ts';
import { validateFields } from '../../model/validate.ts';
import { answerArchive, receiveArchive, removeArchiveFile } from '../archive-files.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { type Feedback, identify, stepOf } from './feedback.ts';

const collection = '/api/archives';
const ofRun = '/api/feedback/{task}/archive';

/** Whether the body of a request is an archive. */
export function isArchiveBody(method: string, path: string): boolean {
  return (
    (method === 'POST' && path === collection) || (method === 'PUT' && /^\/api\/feedback\/[^/]+\/archive$/.test(path))
  );
}

export function addArchiveRoutes(app: App, deps: ApiDependencies): void {
  addPeoplesRoutes(app, deps);
  addRunsRoutes(app, deps);
}

function addPeoplesRoutes(app: App, deps: ApiDependencies): void {
  const upload = {
    method: 'post',
    path: collection,
    summary: 'Uploads an archive (.tar.gz) as the body; header x-archive-sha256 = its checksum, where it is known',
    access: 'edit',
    query: z.object({ name: z.string().max(63).optional() }),
    status: 201,
  } as const;
  defineRoute(app, deps, upload, async ({ query, principal, c }) => {
    const name = query.name ?? `upload-${stampOf(new Date())}`;
    const nameField = entities.archive.fields.filter(field => field.name === 'name');
    const { problems } = validateFields(nameField, { name });
    if (problems.length > 0) throw invalid(problems, 'The archive cannot be taken.');
    return receive(deps, c, { id: ulid(), actor: actorOf(principal), values: { name, origin: 'upload' } });
  });

  const download = {
    method: 'get',
    path: `${collection}/{id}/content`,
    summary: 'The archive itself, or a range of it',
    // As “Export” and “Import”.
    access: 'run',
  } as const;
  defineRoute(app, deps, download, async ({ params, principal, c }) => {
    const archive = await findKept(deps, params.id, principal.organisation.id);
    const range = c.req.header('range');
    const answer = await answerArchive(deps.archives, describe(archive), range);
    // The rest of one that was interrupted is not written down again.
    if (answer.status === 200 || range?.startsWith('bytes=0-')) {
      const object = { kind: 'archive', id: archive.id, name: String(archive.values.name) } as const;
      await deps.db.transaction(tx => recordChange(tx, actorOf(principal), { verb: 'download', object }));
    }
    return answer;
  });

  const remove = {
    method: 'delete',
    path: `${collection}/{id}`,
    summary: 'Deletes an archive with its file',
    access: 'edit',
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) => {
    const archive = await findKept(deps, params.id, principal.organisation.id);
    await deleteArchive(deps.db, actorOf(principal), archive.id);
    await removeArchiveFile(deps.archives, archive.id);
  });
}

/** Of a Task whose type says `archive:`. */
function addRunsRoutes(app: App, deps: ApiDependencies): void {
  const bring = {
    method: 'put',
    path: ofRun,
    summary: 'Brings the archive that a Task makes; primary_name = name of a site that is of no Environment',
    access: 'run token',
    query: z.object({ primary_name: z.string().optional() }),
    status: 201,
  } as const;
  defineRoute(app, deps, bring, async ({ params, query, c }) => {
    const feedback = await admit(deps, c, params.task, 'add');
    const { operation, task } = feedback;
    const values = await valuesOf(deps, stepOf(feedback).roots, query.primary_name);
    const actor = { name: `${operation.startedBy} (${operation.title})`, organisation: operation.organisation };
    const { id, values: kept } = await receive(deps, c, {
      ...{ id: task.id, actor, values },
      // A later attempt may have begun meanwhile: then this one brings nothing any more.
      check: () => admit(deps, c, params.task, 'add'),
    });
    return { id, name: kept.name, bytes: kept.bytes, sha256: kept.sha256, goes_at: kept.goes_at };
  });

  const fetch = {
    method: 'get',
    path: ofRun,
    summary: 'The archive that a Task is to read',
    access: 'run token',
  } as const;
  defineRoute(app, deps, fetch, async ({ params, c }) => {
    const feedback = await admit(deps, c, params.task, 'read');
    const archive = await findKept(deps, stepOf(feedback).roots.archive, feedback.operation.organisation);
    return answerArchive(deps.archives, describe(archive), c.req.header('range'));
  });
}

/** What is known of the site: by its Environment, or by the Project for which it was found on a Server. */
async function valuesOf(
  deps: ApiDependencies,
  { environment, project }: TaskStep['roots'],
  foundName = '',
): Promise<Record<string, unknown>> {
  const kind = environment ? 'environment' : 'project';
  const id = environment ?? project;
  if (!id) throw new AppError('forbidden', 'This Task is neither one of an Environment nor one of a Project.');
  const root = await loadRoot(deps.db, kind, id);
  const primary = checkHostName(foundName) === null ? foundName : null;
  const of = kind === 'project' && primary ? primary.replaceAll('.', '-') : root.name;
  const name = `${of.slice(0, 40).replace(/-+$/, '')}-${stampOf(new Date())}`;
  if (kind === 'project') return { name, origin: 'collect', application: root.application, primary_name: primary };
  const { application } = (root.release as { project: { application: string } }).project;
  const { primary_name, deployed_hash } = root;
  return { name, environment, origin: 'export', application, primary_name, deployed_hash };
}

async function admit(
  deps: ApiDependencies,
  c: Context,
  task: string | undefined,
  access: NonNullable<TaskType['archive']>,
): Promise<Feedback> {
  const feedback = await identify(deps, c, task);
  const type = await readTaskTypeVersion(deps.db, stepOf(feedback).version);
  if (type.archive !== access)
    throw new AppError('forbidden', `The Task type ${type.name} does not say “archive: ${access}” in meta/aegir.yml.`);
  return feedback;
}

interface Incoming {
  id: string;
  actor: Actor;
  values: Record<string, unknown>;
  /** Throws when it is not wanted any more. */
  check?(): Promise<unknown>;
}

function receive(deps: ApiDependencies, c: Context, { id, actor, values, check }: Incoming): Promise<Entity> {
  const length = c.req.header('content-length');
  const sender = {
    bytes: length === undefined ? null : Number(length),
    sha256: c.req.header('x-archive-sha256') ?? null,
  };
  const body = c.req.raw.body as ReadableStream | null;
  return receiveArchive(deps.archives, id, body, sender, async (received, place) => {
    await check?.();
    const goes = new Date(Date.now() + deps.archives.days * 86_400_000);
    const all = { ...values, ...received, goes_at: goes.toISOString() };
    return putArchive(deps.db, actor, { id, values: all, place });
  });
}

async function findKept(deps: ApiDependencies, id: string | undefined, organisation: string): Promise<Entity> {
  const archive = await findEntity(deps.db, 'archive', id ?? '', organisation);
  if (archive.state === 'kept') return archive;
  throw new AppError('not_found', `The Archive ${String(archive.values.name)} is deleted. Export or upload it again.`);
}

const describe = ({ id, values }: Entity) => ({ id, name: String(values.name), sha256: String(values.sha256) });
