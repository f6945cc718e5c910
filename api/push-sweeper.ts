// Goes on with what git servers have reported: nobody waits for it but people.

import { setTimeout as delay } from 'node:timers/promises';
import type { DispatchDependencies } from '../dispatch/dependencies.ts';
import { advancePushes } from '../dispatch/follow-branch.ts';
import { errorText } from '../model/errors.ts';

/** Steps of it take seconds to minutes. */
const intervalMs = 2000;

export function startPushSweeper(deps: DispatchDependencies): () => void {
  const ending = new AbortController();
  let lastTrouble = '';
  const goOn = async () => {
    for (;;) {
      await delay(intervalMs, null, { signal: ending.signal, ref: false });
      const trouble = await advancePushes(deps).then(
        () => '',
        error => errorText(error),
      );
      // An outage of hours is one line.
      if (trouble && trouble !== lastTrouble) deps.log('Pushes of git servers wait', trouble);
      lastTrouble = trouble;
    }
  };
  goOn().catch(() => undefined);
  return () => ending.abort();
}
