// The API's side of Temporal: start, cancel, look at a run, and the settings of the namespace.

import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey, type PayloadCodec, TypedSearchAttributes } from '@temporalio/common';
import { AppError } from '../model/errors.ts';
import { type EntityReference, lockWorkflowId, type ReleaseSignal } from '../model/lock.ts';
import type { Plan } from '../model/plan.ts';
import { lockKey } from '../model/plan-locks.ts';
import { attemptAttribute, searchAttributes, searchAttributeValues } from '../model/search-attributes.ts';
import { createDataConverter } from '../secrets/data-converter.ts';
import type { EngineView } from './contract.ts';
import { createActionRunner, isUnimplemented, type RunAction } from './engine-action.ts';
import { openFailures } from './engine-failures.ts';
import { describeHistory } from './engine-history.ts';
import { engineUnavailable } from './engine-trouble.ts';

export interface EngineOptions {
  address: string;
  namespace: string;
  taskQueue: string;
  codec: PayloadCodec;
  publicUrl: string;
}

export type RunStatus = 'running' | 'closed' | 'unknown';

export interface Engine {
  /** Answers the id of the run; harmless when it has been started already. Waits a little for the attempt before to close. */
  start(plan: Plan, attempt: number): Promise<string>;
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
  healthy(): Promise<boolean>;
  close(): Promise<void>;
}

/** Longer than an answer of a loaded server takes, short enough for a page that waits. */
const callTimeoutMs = 5000;

/** Between the moment at which a run says that its Operation is over and its own end: a resume may come in between. */
const closingMs = 3000;

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

  // With a full disk it answers questions and takes nothing.
  let refusedAt = 0;

  /** null: another attempt has the id. */
  const startOrFind = async (plan: Plan, attempt: number): Promise<string | null> => {
    const args = { plan, attempt, root: plan.operationId, outputs: {}, within: [], fences: [] };
    try {
      const handle = await soon(() =>
        client.workflow.start(plan.type, {
          workflowId: plan.operationId,
          taskQueue: options.taskQueue,
          args: [{ ...args, onFailure: plan.onFailure }],
          // One that is over may be resumed; the first start is never repeated after its end.
          workflowIdReusePolicy: attempt === 1 ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE',
          typedSearchAttributes: typedAttributes(plan, attempt),
          staticSummary: `${plan.title} ${plan.subject.name}`,
        }),
      );
      refusedAt = 0;
      return handle.firstExecutionRunId;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) {
        refusedAt = Date.now();
        throw engineUnavailable(error);
      }
      const found = await soon(() => client.workflow.getHandle(plan.operationId).describe());
      // Runs of earlier versions do not say it.
      const theirs = found.typedSearchAttributes.get(attemptKey) ?? String(attempt);
      // One that waits long goes on as a new run; its Operation is known by the first.
      const first = found.raw.workflowExecutionInfo?.firstRunId || found.runId;
      return theirs === String(attempt) ? first : null;
    }
  };

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
    runAction: createActionRunner({ client, connection, taskQueue: options.taskQueue }),
    async start(plan, attempt) {
      for (const end = Date.now() + closingMs; ; ) {
        const run = await startOrFind(plan, attempt);
        if (run) return run;
        if (Date.now() > end) throw new AppError('unavailable', 'The attempt before is not over in the engine.');
        await delay(100);
      }
    },
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
        () => Date.now() - refusedAt > refusalMs,
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

const attemptKey = defineSearchAttributeKey(attemptAttribute, 'KEYWORD');

function typedAttributes(plan: Plan, attempt: number): TypedSearchAttributes {
  return searchAttributeValues(plan).reduce(
    (typed, [name, value]) => typed.updateCopy([{ key: defineSearchAttributeKey(name, 'KEYWORD'), value }]),
    new TypedSearchAttributes([{ key: attemptKey, value: String(attempt) }]),
  );
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
