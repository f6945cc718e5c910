// States and plans of Terraform in PostgreSQL, sealed: they are secrets of the Organisation, so a rotation of keys reaches
// them like any other.

import { createHash } from 'node:crypto';
import { errorText } from '../model/errors.ts';
import type { Database } from '../model/store/database.ts';
import {
  findPlan,
  findState,
  forgetStates,
  holderOf,
  holdState,
  isStateHeld,
  keepPlan,
  releaseStates,
  type StateKey,
  type StateRow,
  writeState,
} from '../model/store/terraform-states.ts';
import type { Vault } from '../secrets/vault.ts';
import type { HeldState, KeptPlan, KnownState, RunWithState, TerraformStore } from './backends/terraform/store.ts';
import { createPatientWrite } from './patient-write.ts';

export function createTerraformStore(db: Database, vault: Vault): TerraformStore {
  const known = async (row: StateRow | null): Promise<KnownState> => ({
    text: row?.secret ? await vault.open(db, row.secret) : '',
    madeBy: row?.madeBy ?? '',
    changedBy: row?.changedBy ?? '',
  });
  return {
    read: async run => known(await findState(db, keyOf(run))),
    take: async run => {
      const key = keyOf(run);
      const holder = { task: run.taskId, attempt: run.attempt };
      const row = await db.transaction(tx => holdState(tx, key, holder));
      return row && held(db, vault, { key, holder, state: await known(row) });
    },
    holder: run => holderOf(db, keyOf(run)),
    release: (task, attempt) => releaseStates(db, { task, attempt }),
    keepPlan: async (run, plan) => {
      const text = JSON.stringify(plan);
      const token = createHash('sha256').update(text).digest('hex');
      await db.transaction(async tx => {
        const { $secret } = await vault.put(tx, run.state.organisation, text);
        await keepPlan(tx, { task: run.taskId, token, secret: $secret });
      });
      return token;
    },
    findPlan: async (task, token) => {
      const secret = await findPlan(db, { task, token });
      return secret === null ? null : (JSON.parse(await vault.open(db, secret)) as KeptPlan);
    },
  };
}

const keyOf = ({ state, taskType }: RunWithState): StateKey => ({
  of: state,
  taskType: taskType.name,
  organisation: state.organisation,
});

interface Held {
  key: StateKey;
  holder: { task: string; attempt: number };
  state: KnownState;
}

function held(db: Database, vault: Vault, { key, holder, state }: Held): HeldState {
  const write = createPatientWrite(async (text: string) => {
    await db.transaction(async tx => {
      const { serial, resources } = summaryOf(text);
      const { $secret } = await vault.put(tx, key.organisation, text);
      const row = await writeState(tx, key, holder, { secret: $secret, serial, resources });
      Object.assign(own, { text, madeBy: row.madeBy ?? '', changedBy: row.changedBy ?? '' });
    });
  });
  const own: HeldState = {
    ...state,
    write,
    isMine: () => isStateHeld(db, key, holder),
    release: () => releaseStates(db, holder),
    forget: () =>
      db.transaction(async tx => {
        if (await isStateHeld(tx, key, holder)) await forgetStates(tx, key.of, key.taskType);
      }),
  };
  return own;
}

/** @throws an error in words for what is no state of Terraform. */
function summaryOf(text: string): { serial: number; resources: number } {
  try {
    const { serial = 0, resources = [] } = JSON.parse(text) as { serial?: number; resources?: { mode?: string }[] };
    return { serial, resources: resources.filter(({ mode }) => mode === 'managed').length };
  } catch (error) {
    throw new TypeError(`This is no state of Terraform: ${errorText(error)}`);
  }
}
