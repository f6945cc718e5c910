// Composition root of a worker: carries out Operations, wherever it runs.

import { join } from 'node:path';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createBackends, createSshMasters, sweepRunFolders } from './activities/backends/index.ts';
import { createActivities } from './activities/index.ts';
import { createFolderStore } from './catalogue/versions.ts';
import { readConfig, requireDatabase } from './config.ts';
import { errorText } from './model/errors.ts';
import { openDatabase } from './model/store/database.ts';
import { openKeyRing } from './secrets/key-ring.ts';
import { createPayloadCodec } from './secrets/payload-codec.ts';
import { createVault } from './secrets/vault.ts';
import { bundleWorkflows } from './start/workflow-bundle.ts';

/** Nothing that takes long ends by itself in any grace time: running Tasks are aborted soon and carried out again. */
const shutdownGrace = '1 second';

async function main(): Promise<void> {
  const config = readConfig(process.env, import.meta.dirname);
  const databaseUrl = requireDatabase(config);
  Runtime.install({ shutdownSignals: [] });
  const keys = openKeyRing(config.secretKey, line => process.stderr.write(`${line}\n`));
  const open = openDatabase(databaseUrl, config.worker.concurrentTasks + 5);
  const connection = await NativeConnection.connect({ address: config.temporal.address });
  const runFolder = config.worker.runFolder;
  const masters = createSshMasters({ runFolder });
  const backendDependencies = { python: config.python, runFolder, masters };
  await sweepRunFolders(backendDependencies);
  const worker = await Worker.create({
    connection,
    namespace: config.temporal.namespace,
    taskQueue: config.temporal.taskQueue,
    workflowBundle: { codePath: await bundleWorkflows(config.installation, join(config.home, 'workflow-bundles')) },
    activities: createActivities({
      db: open.db,
      vault: createVault(keys),
      backends: createBackends(backendDependencies),
      folderOf: createFolderStore(open.db, join(config.home, 'task-types')),
      apiUrl: config.api.urlForWorkers,
    }) as unknown as Record<string, (...args: never[]) => Promise<unknown>>,
    dataConverter: { payloadCodecs: [createPayloadCodec(keys)] },
    maxConcurrentActivityTaskExecutions: config.worker.concurrentTasks,
    // A cancel is heard with the next heartbeat that is sent.
    maxHeartbeatThrottleInterval: '2 seconds',
    defaultHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: shutdownGrace,
  });
  let stopping = false;
  const stop = () => {
    if (!stopping) worker.shutdown();
    stopping = true;
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const running = worker.run();
  process.stdout.write('worker ready\n');
  await running;
  await masters.closeAll();
  await connection.close();
  await open.close();
}

main().catch(error => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exit(1);
});
