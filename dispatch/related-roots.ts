// The Environments beside the subject that steps know by a name: `source`, where data come from, and `target`, which is added.

import type { OperationType } from '../model/operation-type.ts';
import type { PathRoots } from '../model/step-values.ts';
import type { Db } from '../model/store/database.ts';
import { loadRoot, type Root, type Roots } from '../model/store/roots.ts';

export type RelatedRoots = Pick<PathRoots, 'source' | 'target' | 'archive'>;

interface Given {
  type: OperationType;
  roots: Roots;
  /** Id that was answered. */
  source: string | null;
  added: Root | undefined;
}

export async function relatedRoots(db: Db, { type, roots, source, added }: Given): Promise<RelatedRoots> {
  const { environment, backup } = roots;
  // The subject as it was.
  if (type.changes) return environment ? { source: environment } : {};
  if (type.adds) return { ...(added && { target: added }), ...(environment && { source: environment }) };
  const other = presetTarget(type);
  if (other !== null && environment) return { target: await loadRoot(db, 'environment', other), source: environment };
  if (source !== null && asksForSource(type)) return { source: await loadRoot(db, 'environment', source) };
  // A backup of another Environment.
  const owner = backup?.environment as Root | undefined;
  return owner && environment && owner.id !== environment.id ? { source: owner } : {};
}

/**
 * While a form is filled in, the subject stands for what is not chosen or not there yet: the same is asked.
 * @param answers those that are right: what is added is where they say.
 */
export async function standIns(
  db: Db,
  type: OperationType,
  { environment, archive }: Roots,
  answers: Record<string, unknown>,
): Promise<RelatedRoots> {
  const hasTarget = type.adds ?? type.fields.some(({ name }) => name === 'target');
  const open = !archive && type.fields.some(({ name }) => name === 'archive');
  return {
    ...(environment && asksForSource(type) && { source: environment }),
    ...(environment && hasTarget && { target: { ...environment, ...(await placeOf(db, type, answers)) } }),
    ...(open && { archive: { id: '', name: '', state: '' } }),
  };
}

async function placeOf(
  db: Db,
  { adds }: OperationType,
  answers: Record<string, unknown>,
): Promise<Record<string, Root>> {
  const chosen = (['cluster', 'web_server'] as const).filter(name => adds?.asks.includes(name));
  const found = await Promise.all(
    chosen.map(async name => {
      const id = answers[name];
      return typeof id === 'string'
        ? [[name, await loadRoot(db, name === 'cluster' ? name : 'server', id)] as const]
        : [];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** It is never asked: the subject says which one it is. */
function presetTarget({ fields }: OperationType): string | null {
  const value = fields.find(({ name }) => name === 'target')?.default;
  return typeof value === 'string' ? value : null;
}

const asksForSource = ({ fields }: OperationType) =>
  fields.some(({ name, to }) => name === 'source' && to === 'environment');
