// Which locks an Operation takes: those of its type and of all nested ones, each entity once, in an order that is the same
// for all, so that two that want the same ones never wait for each other.

import type { EntityKind } from './entities.ts';
import type { OperationType } from './operation-type.ts';
import type { LockMode, PlannedLock } from './plan.ts';
import type { PathRoot, PathRoots } from './step-values.ts';
import { type ResolvedStep, resolvedOperations, resolvedTasks } from './walk-steps.ts';

interface Resolved {
  type: OperationType;
  roots: PathRoots;
  steps: ResolvedStep[];
}

export function planLocks({ type, roots, steps }: Resolved): PlannedLock[] {
  const locks = new Map<string, PlannedLock>();
  const add = (kind: EntityKind, root: PathRoot | undefined, mode: LockMode) => {
    if (!root) return;
    const key = lockKey({ kind, id: root.id });
    const isExclusive = (mode === 'exclusive' && !type.check) || locks.get(key)?.mode === 'exclusive';
    const limit = kind === 'server' ? Number(root.concurrent_operations) : null;
    locks.set(key, { kind, id: root.id, name: root.name, mode: isExclusive ? 'exclusive' : 'shared', limit });
  };
  addLocks(type, roots, steps, add);
  for (const nested of resolvedOperations(steps)) addLocks(nested.type, nested.scope.roots, nested.steps, add);
  return [...locks.values()].sort((one, other) => (lockKey(one) < lockKey(other) ? -1 : 1));
}

export function lockKey({ kind, id }: { kind: EntityKind; id: string }): string {
  return `${kind}-${id}`;
}

type Add = (kind: EntityKind, root: PathRoot | undefined, mode: LockMode) => void;

function addLocks(type: OperationType, roots: PathRoots, steps: ResolvedStep[], add: Add): void {
  for (const [root, mode] of Object.entries(type.locks) as [EntityKind | 'source', LockMode][]) {
    const kind = root === 'source' ? 'environment' : root;
    add(kind, roots[root], mode);
    if (kind !== 'server') continue;
    // Also those of its Tasks: the database's is another one than the web's.
    for (const { scope } of resolvedTasks(steps)) add(kind, scope.roots.server, mode);
  }
}
