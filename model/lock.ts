// The queue of a lock: first come, first served, within a priority; several may share it, one may have it alone.

import type { EntityKind } from './entities.ts';
import type { LockMode } from './plan.ts';
import { lockKey } from './plan-locks.ts';

export interface EntityReference {
  kind: EntityKind;
  id: string;
}

export interface Claim {
  /** Id of the outermost Operation. */
  operation: string;
  /** Its run of the engine. */
  run: string;
  mode: LockMode;
  /** Most holders side by side of a shared one; null = any number. */
  limit: number | null;
  /** Higher ones come first. */
  priority: number;
  /** Milliseconds since 1970. */
  since: number;
  /** From 1 among those that wait; 0 = it holds the lock. */
  position: number;
  /** Of the holder; null = it waits. */
  token: number | null;
  /** The holder knows. */
  isTold: boolean;
}

export interface ClaimSignal {
  key: string;
  claim: Claim;
}

export interface ReleaseSignal {
  key: string;
  operation: string;
  /** null = whichever. */
  run: string | null;
}

export function lockWorkflowId(entity: EntityReference): string {
  return `lock-${lockKey(entity)}`;
}

/** Workflow type of locks; Operation types are verb_noun of entities. */
export const lockWorkflowType = 'entity_lock';

/** Grants what can be granted, and counts the others. Nobody overtakes: a stream of sharers must not starve the one who waits. */
export function arrangeClaims(claims: Claim[]): void {
  const holders = claims.filter(({ position }) => position === 0);
  const waiting = claims.filter(({ position }) => position > 0).sort(byRank);
  let place = 0;
  for (const claim of waiting) {
    if (place === 0 && fits(claim, holders)) {
      claim.position = 0;
      holders.push(claim);
    } else {
      place += 1;
      claim.position = place;
    }
  }
}

function byRank(one: Claim, other: Claim): number {
  return other.priority - one.priority || one.since - other.since || (one.operation < other.operation ? -1 : 1);
}

function fits({ mode, limit }: Claim, holders: Claim[]): boolean {
  if (mode === 'exclusive') return holders.length === 0;
  return holders.every(holder => holder.mode === 'shared') && (limit === null || holders.length < limit);
}
