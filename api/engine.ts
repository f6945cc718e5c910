// The API's side of Temporal: start, cancel, look at a run, and the settings of the namespace.

import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { Starter } from '../dispatch/dependencies.ts';
import { callTimeoutMs, createStarter } from '../dispatch/engine-start.ts';
import { engineUnavailable } from '../dispatch/engine-trouble.ts';
import { type EntityReference, lockWorkflowId, type ReleaseSignal } from '../model/lock.ts';
import { lockKey } from '../model/plan-locks.ts';
import { attemptAttribute, searchAttributes } from '../model/search-attributes.ts';
import { createDataConverter } from '../secrets/data-converter.ts';
import type { EngineView } from './contract.ts';
import { createActionRunner, isUnimplemented, type RunAction } from './engine-action.ts';
import { openFailures } from './engine-failures.ts';
import { describeHistory } from './engine-history.ts';
import { createEngineRollouts, type EngineRollouts } from './engine-rollouts.ts';
import { createEngineSchedules, type EngineSchedules } from './engine-schedules.ts';

export interface EngineOptions {
  address: string;
  namespace: string;
  taskQueue: string;
  codec: PayloadCodec;
  publicUrl: string;
}

export type RunStatus = 'running' | 'closed' | 'unknown';

export interface Engine extends Starter {
  /** Hints that somebody has decided. */
  tellDecided(operationId: string): Promise<void>;
  /** Takes a lock away from an Operation. */
  releaseLock(lock: EntityReference, operationId: string): Promise<void>;
  cancel(operationId: string): Promise<void>;
  /** Resolves with its end, also when it has failed. Throws AppError unavailable when nobody carried it out. */
  runAction: RunAction;
  /** Of the given run, or the newest one. */
  statusOf(operationId: string, run: string | null): Promise<{ status: RunStatus; words: string }>;
  view(operationId: string): Promise<EngineView>;
  consolePage(operationId: string): string;
  /** Runs and Actions, open or ended, that the engine still keeps and that began before. */
  countRunsBefore(time: Date): Promise<number>;
  schedules: EngineSchedules;
  rollouts: EngineRollouts;
  healthy(): Promise<boolean>;
  close(): Promise<void>;
}

/** A start that was refused is tried again within a third of this, by the sweeper. */
const refusalMs = 30_000;

export async function connectEngine(options: EngineOptions): Promise<Engine> {
  const connection = Connection.lazy({ address: options.address });
  const { namespace, codec } = options;
  const client = new Client({ connection, namespace, dataConverter: createDataConverter(codec) });
  const soon = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + callTimeoutMs, call);
  const consolePage = (id: string) => `${options.publicUrl}/temporal/namespaces/${namespace}/workflows/${id}`;

  const statusOf: Engine['statusOf'] = async (id, run) => {
    try {
      const { status } = await soon(() => client.workflow.getHandle(id, run ?? undefined).describe());
      return {
        status: status.name === 'RUNNING' ? 'running' : 'closed',
        words: status.name.toLowerCase().replaceAll('_', ' '),
      };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { status: 'unknown', words: 'expired' };
      throw engineUnavailable(error);
    }
  };

  const starter = createStarter({ client, connection, taskQueue: options.taskQueue });

  const signal = async (id: string, name: string, ...args: unknown[]) => {
    try {
      await soon(() => client.workflow.getHandle(id).signal(name, ...args));
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw engineUnavailable(error);
    }
  };

  return {
    statusOf,
    consolePage,
    rollouts: createEngineRollouts({ client, connection, taskQueue: options.taskQueue }),
    schedules: createEngineSchedules({ client, connection, taskQueue: options.taskQueue }),
    runAction: createActionRunner({ client, connection, taskQueue: options.taskQueue }),
    start: starter.start,
    tellDecided: id => signal(id, 'decided'),
    releaseLock: (lock, operation) =>
      signal(lockWorkflowId(lock), 'release', { key: lockKey(lock), operation, run: null } satisfies ReleaseSignal),
    async cancel(id) {
      try {
        await soon(() => client.workflow.getHandle(id).cancel());
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw engineUnavailable(error);
      }
    },
    async view(id) {
      const base = { workflowId: id, console: consolePage(id) };
      try {
        const handle = client.workflow.getHandle(id);
        const description = await soon(() => handle.describe());
        const history = await soon(() => handle.fetchHistory());
        return {
          ...base,
          runId: description.runId,
          status: description.status.name.toLowerCase(),
          entries: describeHistory(await openFailures(codec, history)),
        };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { ...base, runId: null, status: 'expired', entries: [] };
        throw engineUnavailable(error);
      }
    },
    async countRunsBefore(time) {
      const query = `StartTime < '${time.toISOString()}'`;
      try {
        const { count } = await soon(() => client.workflow.count(query));
        return count + (await soon(() => countActivities(client, query)));
      } catch (error) {
        throw engineUnavailable(error);
      }
    },
    async healthy() {
      return soon(() => connection.workflowService.describeNamespace({ namespace })).then(
        () => Date.now() - starter.refusedAt() > refusalMs,
        () => false,
      );
    },
    close: () => connection.close(),
  };
}

/** None on servers that run no activity by itself. */
async function countActivities(client: Client, query: string): Promise<number> {
  try {
    return (await client.activity.count(query)).count;
  } catch (error) {
    if (isUnimplemented(error)) return 0;
    throw error;
  }
}

/** A month: longer than anyone looks back in the console; the Operations themselves stay in PostgreSQL. */
const retentionSeconds = 30 * 24 * 3600;

/** Makes the namespace with its retention and search attributes where they are missing. */
export async function prepareNamespace(options: EngineOptions): Promise<void> {
  const connection = await Connection.connect({ address: options.address });
  const { namespace } = options;
  const retention = { seconds: retentionSeconds as unknown as Long };
  try {
    await connection.workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention })
      .catch((error: { code?: number }) => {
        if (error.code !== alreadyExists) throw error;
      });
    const wanted = Object.fromEntries(
      [attemptAttribute, ...Object.keys(searchAttributes)].map(name => [name, keyword]),
    );
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.fromEntries(Object.entries(wanted).filter(([name]) => !(name in (customAttributes ?? {}))));
    if (Object.keys(missing).length > 0) {
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
    }
  } finally {
    await connection.close();
  }
}

type Long = NonNullable<
  NonNullable<
    Parameters<Connection['workflowService']['registerNamespace']>[0]['workflowExecutionRetentionPeriod']
  >['seconds']
>;

/** INDEXED_VALUE_TYPE_KEYWORD of Temporal's API; its generated enums come as CommonJS only. */
const keyword = 2;
/** gRPC status ALREADY_EXISTS. */
const alreadyExists = 6;
