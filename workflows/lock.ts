// The lock of one entity: who holds it, who waits behind whom. It lives while anybody does either, and its queue is recorded
// for people with every change. Whoever holds it has a token that is higher than all before it.

import {
  ApplicationFailure,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Claim, ClaimSignal, EntityReference, ReleaseSignal } from '../model/lock.ts';
import { arrangeClaims, lockWorkflowId } from '../model/lock.ts';
import { lockKey } from '../model/plan-locks.ts';
import { locksmith } from './step-activities.ts';
import { grantedSignal } from './take-locks.ts';

export interface LockArguments {
  lock: EntityReference;
  /** Of the run that this one continues; a first one reads them from the database. */
  claims?: Claim[];
}

const claimSignal = defineSignal<[ClaimSignal]>('claim');
const releaseSignal = defineSignal<[ReleaseSignal]>('release');

/** While somebody waits, a holder that was terminated must not hold things up; nobody is in a hurry otherwise. */
const lookAfter = (claims: Claim[]) => (claims.some(({ position }) => position > 0) ? '15 seconds' : '10 minutes');

/** A lock may never end: where workers have versions it follows them. */
const asNewest = { initialVersioningBehavior: 'AUTO_UPGRADE' } as const;

function isDueToGoOn(): boolean {
  const { continueAsNewSuggested, targetWorkerDeploymentVersionChanged } = workflowInfo();
  return continueAsNewSuggested || targetWorkerDeploymentVersionChanged;
}

export async function runLock(args: LockArguments): Promise<undefined> {
  const { lock } = args;
  if (workflowInfo().workflowId !== lockWorkflowId(lock))
    throw ApplicationFailure.nonRetryable('This belongs to another lock.', 'Forged');
  const key = lockKey(lock);
  let claims: Claim[] = args.claims ?? [];
  let isChanged = true;
  const remove = (gone: (claim: Claim) => boolean) => {
    claims = claims.filter(claim => !gone(claim));
    isChanged = true;
  };
  setHandler(claimSignal, ({ key: wanted, claim }) => {
    if (wanted !== key) return;
    const known = claims.find(({ run }) => run === claim.run);
    // It has not heard that it was granted, or it would not ask again.
    if (known) known.isTold = false;
    // A resumed Operation comes with another run; the former one is over.
    else claims = [...claims.filter(({ operation }) => operation !== claim.operation), claim];
    isChanged = true;
  });
  setHandler(releaseSignal, ({ key: wanted, operation, run }) => {
    if (wanted === key) remove(claim => claim.operation === operation && (run === null || claim.run === run));
  });
  if (!args.claims) {
    const kept = await locksmith().loadClaims(lock);
    claims = [...kept.filter(({ run }) => !claims.some(claim => claim.run === run)), ...claims];
  }
  for (;;) {
    if (isChanged) {
      isChanged = false;
      arrangeClaims(claims);
      const tokens = await locksmith().recordClaims(lock, claims);
      for (const claim of claims) claim.token = claim.position === 0 ? (tokens[claim.operation] ?? null) : null;
      for (const claim of claims.filter(each => each.token !== null && !each.isTold)) {
        claim.isTold = true;
        const gone = await tell(claim, key);
        if (gone) remove(({ run }) => run === claim.run);
      }
    }
    if (claims.length === 0 && !isChanged) return undefined;
    // Also while claims come faster than they are recorded. What has changed is in the claims: the next run arranges them.
    if (isDueToGoOn()) await makeContinueAsNewFunc<typeof runLock>(asNewest)({ lock, claims });
    if (isChanged || (await condition(() => isChanged, lookAfter(claims)))) continue;
    const dead = await locksmith().findDead(lock, claims);
    if (dead.length > 0) remove(({ run }) => dead.includes(run));
  }
}

/** True: nobody is there to hear it. */
async function tell({ operation, run, token }: Claim, key: string): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(operation).signal(grantedSignal, { key, run, token: token ?? 0 });
    return false;
  } catch {
    return true;
  }
}
