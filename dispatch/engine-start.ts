// Starts the engine's run of an Operation.

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, type Connection, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { AppError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { attemptAttribute, searchAttributeValues } from '../model/search-attributes.ts';
import type { Starter } from './dependencies.ts';
import { engineUnavailable } from './engine-trouble.ts';

/** Longer than an answer of a loaded server takes, short enough for a page that waits. */
export const callTimeoutMs = 5000;

/** Between the moment at which a run says that its Operation is over and its own end: a resume may come in between. */
const closingMs = 3000;

export interface StarterOptions {
  client: Client;
  connection: Pick<Connection, 'withDeadline'>;
  taskQueue: string;
}

/** `refusedAt`: when it last took no run, 0 when it took the last one. With a full disk it answers questions and takes nothing. */
export function createStarter({ client, connection, taskQueue }: StarterOptions): Starter & { refusedAt(): number } {
  const soon = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + callTimeoutMs, call);
  let refusedAt = 0;

  /** null: another attempt has the id. */
  const startOrFind = async (plan: Plan, attempt: number): Promise<string | null> => {
    const args = { plan, attempt, root: plan.operationId, outputs: {}, within: [], fences: [] };
    try {
      const handle = await soon(() =>
        client.workflow.start(plan.type, {
          workflowId: plan.operationId,
          taskQueue,
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

  return {
    refusedAt: () => refusedAt,
    async start(plan, attempt) {
      for (const end = Date.now() + closingMs; ; ) {
        const run = await startOrFind(plan, attempt);
        if (run) return run;
        if (Date.now() > end) throw new AppError('unavailable', 'The attempt before is not over in the engine.');
        await delay(100);
      }
    },
  };
}

const attemptKey = defineSearchAttributeKey(attemptAttribute, 'KEYWORD');

function typedAttributes(plan: Plan, attempt: number): TypedSearchAttributes {
  return searchAttributeValues(plan).reduce(
    (typed, [name, value]) => typed.updateCopy([{ key: defineSearchAttributeKey(name, 'KEYWORD'), value }]),
    new TypedSearchAttributes([{ key: attemptKey, value: String(attempt) }]),
  );
}
