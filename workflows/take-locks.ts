// The locks of an Operation: taken one after the other in the plan's order, kept to its end. Its nested ones live under them.

import { condition, continueAsNew, defineSignal, workflowInfo } from '@temporalio/workflow';
import { lockKey } from '../model/plan-locks.ts';
import type { OperationArguments, Running } from './operation.ts';
import { recorder } from './step-activities.ts';

export interface Grant {
  /** Of the lock. */
  key: string;
  /** Run of the engine that it is for. */
  run: string;
  token: number;
}

export const grantedSignal = defineSignal<[Grant]>('granted');

/** A lock workflow that was terminated is started again by a repeated claim; it reads who holds it from the database. */
const claimAgainAfter = '30 seconds';

export async function takeLocks(running: Running): Promise<void> {
  for (const lock of running.args.plan.locks) {
    const key = lockKey(lock);
    const isGranted = () => running.granted.has(key);
    for (;;) {
      await recorder().claimLock(running.of, lock);
      if (await condition(isGranted, claimAgainAfter)) break;
      if (workflowInfo().continueAsNewSuggested) await goOnWaiting(running);
    }
    if (lock.mode === 'exclusive') running.fences.push({ key, token: running.granted.get(key) ?? 0 });
  }
}

/** Behind one that is parked for days: as the same run, to everybody else, with a history that is empty again. */
function goOnWaiting({ args, granted, questions }: Running): Promise<never> {
  return continueAsNew<(args: OperationArguments) => Promise<unknown>>({
    ...args,
    granted: Object.fromEntries(granted),
    questions,
  });
}
