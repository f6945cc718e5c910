// What an entity belongs to: its Release, its Servers, its Project. Given as nested objects (store/roots.ts).

import type { EntityKind } from './entities.ts';

/** Which reference gives which further root. */
const owners: [from: EntityKind, field: string, gives: EntityKind][] = [
  ['backup', 'release', 'release'],
  ['backup', 'environment', 'environment'],
  ['environment', 'release', 'release'],
  ['environment', 'web_server', 'server'],
  ['environment', 'cluster', 'cluster'],
  ['environment', 'backup_store', 'backup_store'],
  ['release', 'project', 'project'],
  ['server', 'cluster', 'cluster'],
  ['project', 'organisation', 'organisation'],
  ['cluster', 'organisation', 'organisation'],
];

/** The given ones and what they belong to; what is given stays. */
export function withOwners<T extends Record<string, unknown>>(
  given: Partial<Record<EntityKind, T>>,
): Partial<Record<EntityKind, T>> {
  const roots = { ...given };
  for (const [from, field, gives] of owners) {
    // Nested entities have the shape of those that they belong to.
    const root = roots[from]?.[field] as T | undefined | null;
    if (root && !roots[gives]) roots[gives] = root;
  }
  return roots;
}
