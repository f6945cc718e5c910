// Composition root of the API with the pages.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { pino } from 'pino';
import { createApp } from './api/app.ts';
import { startArchiveSweeper } from './api/archive-sweeper.ts';
import { createAuth } from './api/auth.ts';
import { createCatalogueSource } from './api/catalogue-source.ts';
import type { ApiDependencies } from './api/dependencies.ts';
import { connectEngine, prepareNamespace } from './api/engine.ts';
import { startHistorySweeper } from './api/history-sweeper.ts';
import { startPushSweeper } from './api/push-sweeper.ts';
import { startScheduleReconciler } from './api/schedule-reconciler.ts';
import { startSweeper } from './api/sweeper.ts';
import { startThrowawaySweeper } from './api/throwaway-sweeper.ts';
import { type Config, readConfig, requireDatabase } from './config.ts';
import { AppError, errorText } from './model/errors.ts';
import { migrateDatabase, openDatabase } from './model/store/database.ts';
import { listen } from './model/store/events.ts';
import { ensureFirstAdministrator } from './model/store/people.ts';
import { openKeyRing } from './secrets/key-ring.ts';
import { createPayloadCodec } from './secrets/payload-codec.ts';
import { noteSealingKey } from './secrets/rotation.ts';
import { createVault } from './secrets/vault.ts';

/** EX_CONFIG of sysexits.h: whoever supervises this process must not start it again as it is. */
const misconfigured = 78;

/** Streams that are open longer are cut when the process stops. */
const closeGraceMs = 2000;

async function main(): Promise<void> {
  const config = readConfig(process.env, import.meta.dirname);
  const databaseUrl = requireDatabase(config);
  const logger = pino();
  const log = (line: string, detail?: unknown) =>
    detail === undefined ? logger.info(line) : logger.error({ err: detail }, line);
  const keys = openKeyRing(config.secretKey, line => log(line));
  const open = openDatabase(databaseUrl, 20);
  await migrateDatabase(open);
  await ensureFirstAdministrator(open.db);
  await noteSealingKey(open.db, keys);

  const codec = createPayloadCodec(keys);
  const engineOptions = { ...config.temporal, codec, publicUrl: config.api.publicUrl };
  await prepareNamespace(engineOptions);
  const events = listen(databaseUrl);
  const vault = createVault(keys);
  const deps: ApiDependencies = {
    db: open.db,
    events,
    keys,
    vault,
    codec,
    engine: await connectEngine(engineOptions),
    auth: createAuth({
      db: open.db,
      // It signs sessions and encrypts second factors, also when the key that seals is another one.
      secret: await vault.own(open.db, 'sign-in', line => log(line)),
      publicUrl: config.api.publicUrl,
      localToken: writeLocalToken(config),
    }),
    catalogue: createCatalogueSource(open.db, config.paths),
    publicUrl: config.api.publicUrl,
    proxies: config.api.proxies,
    consoleUrl: config.temporal.consoleUrl,
    pages: join(config.installation, 'ui', 'dist'),
    archives: config.archives,
    history: config.history,
    logLimitBytes: config.logLimitBytes,
    log,
  };
  const { problems } = await deps.catalogue.current();
  for (const { file, line, message } of problems) log(`Refused by the catalogue: ${file}:${line}: ${message}`);

  const sweepers = [
    startSweeper,
    startPushSweeper,
    startArchiveSweeper,
    startThrowawaySweeper,
    startHistorySweeper,
    startScheduleReconciler,
  ];
  const loops = sweepers.map(start => start(deps));
  const app = createApp(deps);
  // An archive of 20 GiB comes for longer than the five minutes that Node gives a request.
  const serverOptions = { requestTimeout: 0 };
  const server = serve({ fetch: app.fetch, hostname: config.api.host, port: config.api.port, serverOptions }, () =>
    log(`listening on ${config.api.port}`),
  );
  server.on('error', error => fail(error));

  const stop = async () => {
    for (const stopLoop of loops) stopLoop();
    server.close();
    setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), closeGraceMs).unref();
    await events.close();
    await deps.engine.close();
    await open.close();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** Whoever can read this file owns the data folder: local tools act as the first administrator with it. */
function writeLocalToken(config: Config): string {
  const token = randomBytes(32).toString('base64url');
  const file = join(config.home, 'local-token');
  mkdirSync(config.home, { recursive: true });
  writeFileSync(file, token, { mode: 0o600 });
  chmodSync(file, 0o600);
  return token;
}

function fail(error: unknown): never {
  process.stderr.write(`${errorText(error)}\n`);
  const lasting = error instanceof AppError && (error.code === 'conflict' || error.code === 'invalid');
  process.exit(lasting ? misconfigured : 1);
}

main().catch(fail);
