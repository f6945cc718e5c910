// The engine's run of a Rollout.

import { type Client, type Connection, WorkflowNotFoundError } from '@temporalio/client';
import { callTimeoutMs } from '../dispatch/engine-start.ts';
import { engineUnavailable } from '../dispatch/engine-trouble.ts';
import { rolloutChanged, rolloutWorkflowId, rolloutWorkflowType } from '../model/rollout.ts';

export interface EngineRollouts {
  /** Harmless while it runs; one that was lost begins anew, from what is in the database. */
  start(rollout: { id: string; title: string }): Promise<void>;
  /** Somebody has decided something. */
  hint(id: string): Promise<void>;
}

export interface RolloutsOptions {
  client: Client;
  connection: Pick<Connection, 'withDeadline'>;
  taskQueue: string;
}

export function createEngineRollouts({ client, connection, taskQueue }: RolloutsOptions): EngineRollouts {
  const soon = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + callTimeoutMs, call);
  return {
    async start({ id, title }) {
      const starting = soon(() =>
        client.workflow.start(rolloutWorkflowType, {
          workflowId: rolloutWorkflowId(id),
          taskQueue,
          args: [{ rollout: id }],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `Rollout of ${title}`,
        }),
      );
      await starting.catch(error => {
        throw engineUnavailable(error);
      });
    },
    async hint(id) {
      try {
        await soon(() => client.workflow.getHandle(rolloutWorkflowId(id)).signal(rolloutChanged));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw engineUnavailable(error);
      }
    },
  };
}
