// What lock workflows need of the world: their recorded queue, and who of it is still alive.

import { activityInfo } from '@temporalio/activity';
import { type Claim, type EntityReference, lockWorkflowId } from '../model/lock.ts';
import { loadClaims, recordClaims } from '../model/store/locks.ts';
import { refuse } from './admission.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface Locksmith {
  loadClaims(lock: EntityReference): Promise<Claim[]>;
  /** Answers the tokens of the holders, by Operation. */
  recordClaims(lock: EntityReference, claims: Claim[]): Promise<Record<string, number>>;
  /** Runs of those that are over. */
  findDead(lock: EntityReference, claims: Claim[]): Promise<string[]>;
}

export function createLocksmith({ db, locks }: ActivityDependencies): Locksmith {
  const within = async <T>(lock: EntityReference, work: () => Promise<T>): Promise<T> => {
    if (activityInfo().workflowExecution?.workflowId !== lockWorkflowId(lock)) refuse('This belongs to another lock.');
    return work();
  };
  return {
    loadClaims: lock => within(lock, () => loadClaims(db, lock)),
    recordClaims: (lock, claims) => within(lock, () => recordClaims(db, lock, claims)),
    findDead: (lock, claims) => within(lock, () => locks.findDead(claims)),
  };
}
