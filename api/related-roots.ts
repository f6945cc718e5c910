// The Environments beside the subject that steps know by a name: `source`, where data come from, and `target`, which is added.

import type { OperationType } from '../model/operation-type.ts';
import type { PathRoots } from '../model/step-values.ts';
import type { Db } from '../model/store/database.ts';
import { loadRoot, type Root, type Roots } from '../model/store/roots.ts';

type Related = Pick<PathRoots, 'source' | 'target' | 'archive'>;

interface Given {
  type: OperationType;
  roots: Roots;
  /** Id that was answered. */
  source: string | null;
  added: Root | undefined;
}

export async function relatedRoots(db: Db, { type, roots, source, added }: Given): Promise<Related> {
  const { environment, backup } = roots;
  // The subject as it was.
  if (type.changes) return environment ? { source: environment } : {};
  if (type.adds) return { ...(added && { target: added }), ...(environment && { source: environment }) };
  if (source !== null && asksForSource(type)) return { source: await loadRoot(db, 'environment', source) };
  // A backup of another Environment.
  const other = backup?.environment as Root | undefined;
  return other && environment && other.id !== environment.id ? { source: other } : {};
}

/** While a form is filled in, the subject stands for what is not chosen or not there yet: the same is asked. */
export function standIns(type: OperationType, { environment, archive }: Roots): Related {
  const open = !archive && type.fields.some(({ name }) => name === 'archive');
  return {
    ...(environment && asksForSource(type) && { source: environment }),
    ...(environment && type.adds && { target: environment }),
    ...(open && { archive: { id: '', name: '', state: '' } }),
  };
}

const asksForSource = ({ fields }: OperationType) =>
  fields.some(({ name, to }) => name === 'source' && to === 'environment');
