// The worker's way to the lock workflows.

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import {
  type Claim,
  type ClaimSignal,
  type EntityReference,
  lockWorkflowId,
  lockWorkflowType,
  type ReleaseSignal,
} from '../model/lock.ts';
import type { PlannedLock } from '../model/plan.ts';
import { lockKey } from '../model/plan-locks.ts';
import type { Database } from '../model/store/database.ts';
import { forgetClaim } from '../model/store/locks.ts';
import type { RunOf } from '../model/store/operation-run.ts';

export interface Locks {
  /** Stands in the queue from now on; harmless when it does already. */
  claim(run: RunOf, lock: PlannedLock): Promise<void>;
  /** Also those that it only waits for. */
  release(run: RunOf): Promise<void>;
  findDead(claims: Claim[]): Promise<string[]>;
}

export function createLocks(client: Client, taskQueue: string, db: Database): Locks {
  return {
    async claim({ plan, engineRun }, lock) {
      const { kind, id, name, mode, limit } = lock;
      const claim: Claim = {
        operation: plan.operationId,
        run: engineRun,
        ...{ mode, limit, priority: plan.priority, since: Date.now() },
        ...{ position: Number.MAX_SAFE_INTEGER, token: null, isTold: false },
      };
      const signal: ClaimSignal = { key: lockKey(lock), claim };
      await client.workflow.signalWithStart(lockWorkflowType, {
        workflowId: lockWorkflowId(lock),
        taskQueue,
        args: [{ lock: { kind, id } }],
        signal: 'claim',
        signalArgs: [signal],
        staticSummary: `Lock of the ${kind} ${name}`,
      });
    },
    async release({ plan, engineRun }) {
      for (const lock of plan.locks)
        await releaseLock(client, db, lock, { operation: plan.operationId, run: engineRun });
    },
    async findDead(claims) {
      const runs = await Promise.all(claims.map(async claim => ((await isAlive(client, claim)) ? [] : [claim.run])));
      return runs.flat();
    },
  };
}

async function releaseLock(
  client: Client,
  db: Database,
  lock: EntityReference,
  { operation, run }: { operation: string; run: string },
): Promise<void> {
  const signal: ReleaseSignal = { key: lockKey(lock), operation, run };
  try {
    await client.workflow.getHandle(lockWorkflowId(lock)).signal('release', signal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // It was terminated, or never heard of this Operation.
    await forgetClaim(db, lock, operation);
  }
}

/** Whichever run: one that was reset in the console has another id. */
async function isAlive(client: Client, { operation }: Claim): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(operation).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
