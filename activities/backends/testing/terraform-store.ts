// States and plans of Terraform in memory, for tests of the backend alone.

import { AppError } from '../../../model/errors.ts';
import type { HeldState, KeptPlan, KnownState, RunWithState, TerraformStore } from '../terraform/store.ts';

export interface MemoryStore extends TerraformStore {
  /** How many things Terraform manages for an entity. */
  count(id: string): number;
}

interface Kept extends KnownState {
  holder: { task: string; attempt: number } | null;
}

export function createMemoryStore(): MemoryStore {
  const states = new Map<string, Kept>();
  const plans = new Map<string, KeptPlan>();
  const of = ({ state }: Pick<RunWithState, 'state'>) => {
    const known = states.get(state.id) ?? { text: '', madeBy: '', changedBy: '', holder: null };
    states.set(state.id, known);
    return known;
  };
  return {
    count: id => countOf(states.get(id)?.text ?? ''),
    read: async run => of(run),
    take: async run => {
      const { taskId: task, attempt } = run;
      const kept = of(run);
      if (kept.holder && kept.holder.task !== task) return null;
      const mine = { task, attempt };
      kept.holder = mine;
      const isMine = () => states.get(run.state.id)?.holder === mine;
      const held: HeldState = {
        ...kept,
        isMine: async () => isMine(),
        write: async text => {
          if (!isMine()) throw new AppError('conflict', 'Somebody else has it.');
          const madeBy = countOf(text) === 0 ? '' : countOf(kept.text) === 0 ? task : kept.madeBy;
          Object.assign(kept, { text, madeBy, changedBy: task });
          Object.assign(held, { text, madeBy, changedBy: task });
        },
        release: async () => {
          if (isMine()) kept.holder = null;
        },
        forget: async () => void states.delete(run.state.id),
      };
      return held;
    },
    holder: async run => `“${of(run).holder?.task}”`,
    release: async (task, upTo) => {
      for (const kept of states.values())
        if (kept.holder?.task === task && kept.holder.attempt <= upTo) kept.holder = null;
    },
    keepPlan: async (run, plan) => {
      plans.set(`${run.taskId} ${plan.basis}`, plan);
      return plan.basis;
    },
    findPlan: async (task, token) => plans.get(`${task} ${token}`) ?? null,
  };
}

function countOf(text: string): number {
  if (!text) return 0;
  const { resources } = JSON.parse(text) as { resources: unknown[] };
  return resources.length;
}
