// Composition root of a worker: carries out Operations, wherever it runs.

import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import {
  createBackends,
  createForkServer,
  createSshMasters,
  makeRunFolder,
  removeRunFolder,
  sweepRunFolders,
} from './activities/backends/index.ts';
import type { ActivityDependencies } from './activities/dependencies.ts';
import { startFollowUp } from './activities/follow-up.ts';
import {
  createActionActivities,
  createActivities,
  createDeliveryActivities,
  createRecordActivities,
} from './activities/index.ts';
import { createLocks } from './activities/locks.ts';
import { startDispatcher } from './activities/notify/dispatcher.ts';
import { startSignsOfLife } from './activities/sign-of-life.ts';
import { createTerraformStore } from './activities/terraform-store.ts';
import { createFolderStore, createPublishedCatalogue } from './catalogue/versions.ts';
import { type Config, readConfig, requireDatabase } from './config.ts';
import type { DispatchDependencies } from './dispatch/dependencies.ts';
import { createStarter } from './dispatch/engine-start.ts';
import { errorText } from './model/errors.ts';
import { openDatabase } from './model/store/database.ts';
import { actionQueue, deliveryQueue, recordQueue } from './model/task-queues.ts';
import { createDataConverter } from './secrets/data-converter.ts';
import { openKeyRing } from './secrets/key-ring.ts';
import { createPayloadCodec } from './secrets/payload-codec.ts';
import { createVault } from './secrets/vault.ts';
import { bundleWorkflows } from './start/workflow-bundle.ts';

/** Nothing that takes long ends by itself in any grace time: running Tasks are aborted soon and carried out again. */
const shutdownGrace = '1 second';

/** People who press a button in the same second, times four; an Action is short and mostly waits for its Server. */
const concurrentActions = 20;

/** Each is a transaction of milliseconds. */
const concurrentRecords = 20;

/** Each is a wait of 15 s at most; receivers that hang take some of them. */
const concurrentDeliveries = 20;

/** An engine that needs longer to say anything is away, as far as this worker is concerned. */
const answerMs = 2000;

async function main(): Promise<void> {
  const config = readConfig(process.env, import.meta.dirname);
  const databaseUrl = requireDatabase(config);
  Runtime.install({ shutdownSignals: [] });
  const keys = openKeyRing(config.secretKey, line => process.stderr.write(`${line}\n`));
  const open = openDatabase(databaseUrl, config.worker.concurrentTasks + 10);
  const connection = await NativeConnection.connect({ address: config.temporal.address });
  const runFolder = config.worker.runFolder;
  const masters = createSshMasters({ runFolder });
  await sweepRunFolders({ runFolder });
  // Goes with this process, like the folder of a run.
  const ownFolder = await makeRunFolder(runFolder, '');
  const modules = join(ownFolder, 'modules');
  const forkServer = createForkServer({ python: config.python, runFolder }, join(ownFolder, 'ansible'));
  // The first run finds it ready.
  forkServer.socket();
  const { namespace } = config.temporal;
  const dataConverter = createDataConverter(createPayloadCodec(keys));
  const client = new Client({ connection, namespace, dataConverter });
  const vault = createVault(keys);
  const dispatch: DispatchDependencies = {
    db: open.db,
    vault,
    catalogue: { current: createPublishedCatalogue(open.db) },
    engine: createStarter({ client, connection, taskQueue: config.temporal.taskQueue }),
    log: (line, detail) => process.stderr.write(`${line}${detail === undefined ? '' : `: ${errorText(detail)}`}\n`),
  };
  const deps: ActivityDependencies = {
    db: open.db,
    vault,
    dispatch,
    locks: createLocks(client, config.temporal.taskQueue, open.db),
    backends: createBackends({
      ...{ python: config.python, runFolder, masters, modules, forkServer },
      terraform: { ...config.terraform, store: createTerraformStore(open.db, vault) },
    }),
    folderOf: createFolderStore(open.db, join(config.home, 'task-types')),
    apiUrl: config.api.urlForWorkers,
    logLimitBytes: config.logLimitBytes,
  };
  const common = {
    connection,
    namespace,
    dataConverter,
    // A cancel is heard with the next heartbeat that is sent.
    maxHeartbeatThrottleInterval: '2 seconds',
    defaultHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: shutdownGrace,
    ...(config.worker.version ? { workerDeploymentOptions: deploymentOf(config) } : {}),
  } satisfies Partial<WorkerOptions>;
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: config.temporal.taskQueue,
      workflowBundle: { codePath: await bundleWorkflows(config.installation, join(config.home, 'workflow-bundles')) },
      activities: servedByName(createActivities(deps)),
      maxConcurrentActivityTaskExecutions: config.worker.concurrentTasks,
    }),
    Worker.create({
      ...common,
      taskQueue: recordQueue(config.temporal.taskQueue),
      activities: servedByName(createRecordActivities(deps)),
      maxConcurrentActivityTaskExecutions: concurrentRecords,
    }),
    Worker.create({
      ...common,
      taskQueue: actionQueue(config.temporal.taskQueue),
      activities: servedByName(createActionActivities(deps)),
      maxConcurrentActivityTaskExecutions: concurrentActions,
    }),
    Worker.create({
      ...common,
      taskQueue: deliveryQueue(config.temporal.taskQueue),
      activities: servedByName(
        createDeliveryActivities({ db: open.db, vault, smtp: config.smtp, publicUrl: config.api.publicUrl }),
      ),
      maxConcurrentActivityTaskExecutions: concurrentDeliveries,
    }),
  ]);
  const signs = await startSignsOfLife(open.db, () =>
    connection.withDeadline(Date.now() + answerMs, () => connection.workflowService.getSystemInfo({})),
  );
  const stopFollowUp = startFollowUp(deps);
  const stopDispatcher = startDispatcher({ db: open.db, client, taskQueue: config.temporal.taskQueue });
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void signs.end();
    stopFollowUp();
    stopDispatcher();
    for (const worker of workers) worker.shutdown();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const running = Promise.all(workers.map(worker => worker.run()));
  process.stdout.write('worker ready\n');
  await running;
  await signs.end();
  await masters.closeAll();
  await forkServer.close();
  await removeRunFolder(ownFolder);
  await connection.close();
  await open.close();
}

/** Runs that have begun stay with this version (workflows/index.ts), new ones go to the version that was made current. */
function deploymentOf({ temporal, worker }: Config): NonNullable<WorkerOptions['workerDeploymentOptions']> {
  return {
    version: { deploymentName: temporal.taskQueue, buildId: worker.version },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'PINNED',
  };
}

/** The SDK's type is of functions that take anything. */
function servedByName(activities: object): Record<string, (...args: never[]) => Promise<unknown>> {
  return activities as Record<string, (...args: never[]) => Promise<unknown>>;
}

main().catch(error => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exit(1);
});
