// Asks again what did not go by reason of the way or of a server that is away: soon at first, then every few seconds, until
// it goes or the run is ended. What was never reached at all is given up sooner: there the address is wrong.

import { setTimeout as delay } from 'node:timers/promises';
import { isPassing, isStatus } from './api-error.ts';
import type { Api, Call } from './client.ts';

/** A server that is being restarted is back within this; who enters an address wants to know soon that it is wrong. */
const firstContactMs = 15_000;
const firstDelayMs = 200;
/** A server that comes up does not know all accounts and rights at once, and refuses what it will allow. */
const comingUpMs = 30_000;
/** An internal error may be one for good: a webhook that is away is back within this, or somebody has to look at it. */
const internalMs = 60_000;
/** Of a cluster that is away for hours nobody needs to know within less; it is no burden for one that comes back. */
const longestDelayMs = 5000;

export interface Patience {
  signal: AbortSignal;
  say(line: string): void;
  /** At most so long for each request; nothing: as long as the run. */
  limitMs?: number;
}

function mostFor(error: unknown, hasAnswered: boolean): number {
  if (isStatus(error, 500)) return internalMs;
  return hasAnswered ? Number.POSITIVE_INFINITY : firstContactMs;
}

export class Aborted extends Error {}

export function withPatience(api: Api, { signal, say, limitMs }: Patience): Api {
  let hasAnswered = false;
  let isAway = false;
  let lastAway = 0;
  const patiently = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const begun = Date.now();
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
      try {
        const answer = await attempt();
        hasAnswered = true;
        if (isAway) say('The API server answers again.');
        isAway = false;
        return answer;
      } catch (error) {
        if (signal.aborted) throw new Aborted();
        const mostMs = limitMs ?? mostFor(error, hasAnswered);
        if (isPassing(error)) lastAway = Date.now();
        const isNew = isStatus(error, 401, 403) && Date.now() - lastAway < comingUpMs;
        if (!(isPassing(error) || isNew) || Date.now() - begun > mostMs) throw error;
        if (!isAway && delayMs > firstDelayMs) {
          say(`The API server does not answer (${(error as Error).message}); it is asked again until it does.`);
          isAway = true;
        }
        const wanted = isStatus(error, 429) && error.retryAfter ? error.retryAfter * 1000 : delayMs;
        await delay(wanted, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) throw new Aborted();
      }
    }
  };
  const within = (call: Call = {}): Call => ({ ...call, signal: call.signal ?? signal });
  return {
    cluster: api.cluster,
    get: (path, call) => patiently(() => api.get(path, within(call))),
    send: (method, path, call) => patiently(() => api.send(method, path, within(call))),
    stream: (path, call) => patiently(() => api.stream(path, within(call))),
    close: api.close,
  };
}
