// A write that waits for a database which is away or has no room: restarts take seconds, outages minutes, and a run goes on
// meanwhile.

import { setTimeout as delay } from 'node:timers/promises';
import { databaseTrouble } from '../model/store/database-away.ts';

/** Longer outages end the Task: its worker may be the one that is cut off. */
const patienceMs = 15 * 60_000;
const shortestPauseMs = 100;
const longestPauseMs = 2000;

/** @param write must be harmless to repeat. */
export function createPatientWrite<T>(write: (value: T) => Promise<void>): (value: T) => Promise<void> {
  return async value => {
    const giveUpAt = Date.now() + patienceMs;
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      try {
        return await write(value);
      } catch (error) {
        if (!databaseTrouble(error) || Date.now() > giveUpAt) throw error;
      }
      await delay(pauseMs);
    }
  };
}
