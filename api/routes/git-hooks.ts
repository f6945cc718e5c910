// Where git servers report pushes. Whoever has the secret of the Project is believed, and nothing is read before that; what
// comes of it is done afterwards (dispatch/follow-branch.ts), so the answer is quick.

import { z } from '@hono/zod-openapi';
import { visibleTo } from '../../dispatch/access.ts';
import { AppError } from '../../model/errors.ts';
import { readPush } from '../../model/pushes.ts';
import { findEntity } from '../../model/store/entities.ts';
import {
  countUnsigned,
  findHookProject,
  type HookProject,
  keepPush,
  listPushes,
  type PushRow,
} from '../../model/store/pushes.ts';
import type { PushPage, PushView } from '../contract-pushes.ts';
import { type App, defineRoute, pageQuery } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { isSigned, readHookHead } from '../hook-signature.ts';

export function addGitHookRoutes(app: App, deps: ApiDependencies): void {
  const receive = {
    method: 'post',
    path: '/api/hooks/git/{project}',
    summary: 'Takes a push that GitHub, GitLab or Gitea reports',
    access: 'signature',
    status: 202,
    answer: z.object({ id: z.string(), state: z.string(), message: z.string() }),
  } as const;
  defineRoute(app, deps, receive, async ({ params, c }) => {
    const header = (name: string) => c.req.header(name);
    const head = readHookHead(header);
    if (!head)
      throw new AppError(
        'invalid',
        'This is for webhooks of GitHub, GitLab and Gitea; none of their headers is there.',
      );
    const project = await findHookProject(deps.db, params.project ?? '');
    const secret = project?.secret ? await deps.vault.open(deps.db, project.secret) : null;
    const body = Buffer.from(await c.req.arrayBuffer());
    if (!project || secret === null || !isSigned(head.provider, header, body, secret)) {
      if (project && secret !== null) await countUnsigned(deps.db, project, head.provider);
      // Nobody is told which Projects there are.
      throw new AppError('forbidden', 'The signature is wrong, or the Project takes no webhooks.');
    }
    const { id, state, message } = await keepPush(deps.db, {
      project,
      ...head,
      ...readBody(head.event, body, project),
    });
    return { id, state, message };
  });

  const list = {
    method: 'get',
    path: '/api/projects/{id}/pushes',
    summary: 'What git servers have reported, newest first, and what came of it',
    access: 'read',
    query: pageQuery,
  } as const;
  defineRoute(app, deps, list, async ({ params, query, principal }): Promise<PushPage> => {
    const { id } = await findEntity(deps.db, 'project', params.id ?? '', principal.organisation.id);
    const { limit, after } = query;
    const scope = { ...visibleTo(principal), project: id, ...(after ? { after } : {}) };
    const rows = await listPushes(deps.db, { ...scope, limit: limit + 1 });
    const items = rows.slice(0, limit).map(viewOf);
    const next = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
    return { url: `${deps.publicUrl}/api/hooks/git/${id}`, items, next };
  });
}

function readBody(event: string, body: Buffer, { repository }: HookProject) {
  const read = readPush(event, parse(body), repository);
  if ('push' in read) return { state: 'received' as const, message: '', push: read.push };
  if ('refused' in read) return { state: 'refused' as const, message: read.refused };
  return {
    state: 'ignored' as const,
    message: read.ignored,
    ...(read.branch === undefined ? {} : { push: { branch: read.branch } }),
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new AppError('invalid', 'The body is no JSON: choose the content type “application/json” at the git server.');
  }
}

function viewOf(row: PushRow): PushView {
  const { id, provider, event, branch, commit, pusher, state, message, count, release, look, builds, updates } = row;
  const operations = [look, ...builds.map(each => each.operation), ...updates.map(each => each.operation)];
  return {
    ...{ id, provider, event, branch, commit, pusher, state, message, count, release },
    operations: operations.filter(each => each !== null),
    receivedAt: row.receivedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}
