// The API and the pages as one Hono application: what every request passes, then the routes.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getConnInfo } from '@hono/node-server/conninfo';
import { serveStatic } from '@hono/node-server/serve-static';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { AppError } from '../model/errors.ts';
import { createAddressOf } from './client-address.ts';
import { type App, bodyLimitBytes, newApp } from './define-route.ts';
import type { ApiDependencies } from './dependencies.ts';
import { toProblem } from './problem.ts';
import { addActionRoutes } from './routes/actions.ts';
import { addArchiveRoutes, isArchiveBody } from './routes/archives.ts';
import { addAttentionRoutes } from './routes/attention.ts';
import { addCatalogueRoutes } from './routes/catalogue.ts';
import { addConsoleRoutes } from './routes/console.ts';
import { addDeliveryRoutes } from './routes/deliveries.ts';
import { addDriftRoutes } from './routes/drift.ts';
import { addEntityRoutes } from './routes/entities.ts';
import { addFeedbackRoutes } from './routes/feedback.ts';
import { addGitHookRoutes } from './routes/git-hooks.ts';
import { addHandedOutRoutes } from './routes/handed-out.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addLockRoutes } from './routes/locks.ts';
import { addLogRoutes } from './routes/logs.ts';
import { addNeedRoutes } from './routes/needs.ts';
import { addOperationRoutes } from './routes/operations.ts';
import { addOwnAccessRoutes } from './routes/own-access.ts';
import { addPeopleRoutes } from './routes/people.ts';
import { addPlacementRoutes } from './routes/placement.ts';
import { addRepositoryRoutes, isRepositoryBody } from './routes/repository.ts';
import { addRetentionRoutes } from './routes/retention.ts';
import { addRolloutRoutes } from './routes/rollouts.ts';
import { addScheduleRoutes } from './routes/schedules.ts';
import { addSessionRoutes } from './routes/session.ts';
import { addTerraformRoutes } from './routes/terraform.ts';

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    frameAncestors: ["'none'"],
    baseUri: ["'self'"],
  },
  referrerPolicy: 'same-origin',
});

export function createApp(deps: ApiDependencies): App {
  const app = newApp();
  const addressOf = createAddressOf(deps.proxies);
  app.onError((error, c) => toProblem(error, c, deps.log));
  app.use(async (c, next) => {
    c.set('requestId', randomUUID());
    c.set('address', addressOf(getConnInfo(c).remote.address, c.req.header('x-forwarded-for')));
    await next();
    c.header('x-request-id', c.get('requestId'));
  });
  // The console brings its own scripts and styles.
  app.use((c, next) => (c.req.path.startsWith('/temporal') ? next() : headers(c, next)));
  const limit = bodyLimit({
    maxSize: bodyLimitBytes,
    onError: () => {
      throw new AppError('invalid', `The request is larger than ${bodyLimitBytes / 1024 / 1024} MiB.`);
    },
  });
  // They go to the disk while they come, archives with a limit of their own.
  const isStreamed = (method: string, path: string) => isArchiveBody(method, path) || isRepositoryBody(method, path);
  app.use('/api/*', (c, next) => (isStreamed(c.req.method, c.req.path) ? next() : limit(c, next)));
  addSessionRoutes(app, deps);
  addOwnAccessRoutes(app, deps);
  addPeopleRoutes(app, deps);
  // Before `/api/schedules/{id}`.
  addScheduleRoutes(app, deps);
  addRolloutRoutes(app, deps);
  addEntityRoutes(app, deps);
  addHandedOutRoutes(app, deps);
  addGitHookRoutes(app, deps);
  addDeliveryRoutes(app, deps);
  addPlacementRoutes(app, deps);
  addRetentionRoutes(app, deps);
  addOperationRoutes(app, deps);
  addNeedRoutes(app, deps);
  addAttentionRoutes(app, deps);
  addLockRoutes(app, deps);
  addTerraformRoutes(app, deps);
  addDriftRoutes(app, deps);
  addActionRoutes(app, deps);
  addLogRoutes(app, deps);
  addCatalogueRoutes(app, deps);
  addFeedbackRoutes(app, deps);
  addArchiveRoutes(app, deps);
  addRepositoryRoutes(app, deps);
  addConsoleRoutes(app, deps);
  addKeyRoutes(app, deps);
  addDocument(app, deps);
  app.all('/api/*', c => {
    throw new AppError('not_found', `There is no ${c.req.method} ${c.req.path}. See /api/openapi.json.`);
  });
  addPages(app, deps);
  return app;
}

function addDocument(app: App, deps: ApiDependencies): void {
  app.get('/api/openapi.json', async c => {
    await deps.auth.principalOf(c);
    const document = app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: { title: 'Aegir', version: '5' },
      servers: [{ url: deps.publicUrl }],
    });
    return c.json(document);
  });
}

/** The built pages; a path of theirs that is no file is the application itself. */
function addPages(app: App, { pages }: ApiDependencies): void {
  app.use('/assets/*', async (c, next) => {
    await next();
    // Their names carry a hash of their content.
    c.header('cache-control', 'public, max-age=31536000, immutable');
  });
  app.use('*', serveStatic({ root: pages }));
  app.get('*', async c => c.html(await readFile(join(pages, 'index.html'), 'utf8')));
}
