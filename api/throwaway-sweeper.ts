// Removes Environments that were to be there for one Operation only and are there still: it was terminated, or could not remove
// them. They go by an Operation of their own, which everybody sees.

import type { Principal } from '../dispatch/access.ts';
import { startOperation } from '../dispatch/start-operation.ts';
import { errorText } from '../model/errors.ts';
import { type LeftOver, listLeftOver } from '../model/store/throwaways.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Soon enough that nobody meets one; the query reads an index of few rows. */
const intervalMs = 10_000;

export function startThrowawaySweeper(deps: ApiDependencies): () => void {
  let lastTrouble = '';
  const sweep = async () => {
    try {
      for (const left of await listLeftOver(deps.db)) await remove(deps, left);
      lastTrouble = '';
    } catch (error) {
      const trouble = errorText(error);
      if (trouble !== lastTrouble) deps.log('Environments of Operations that are over could not be removed', error);
      lastTrouble = trouble;
    }
  };
  const timer = setInterval(sweep, intervalMs);
  return () => clearInterval(timer);
}

async function remove(deps: ApiDependencies, { id, organisation, removals }: LeftOver): Promise<void> {
  await startOperation(deps, aegir(organisation), {
    kind: 'environment',
    id,
    type: 'delete_environment',
    input: { although_enabled: true, without_backup: true },
    reason: 'It was there for one Operation, which is over.',
    // Several that look at the same time start one.
    idempotencyKey: `throwaway-${id}-${removals}`,
  });
}

const aegir = (id: string): Principal => ({
  userId: '',
  name: 'Aegir',
  email: 'Aegir',
  role: 'administrator',
  organisation: { id, name: '' },
});
