// Which parts answer. Each question has a time limit of its own, so that an answer comes also when a part is silent.

import { hasWorker, silenceSeconds } from '../model/store/workers.ts';
import type { HealthView } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Together with the signs of life of workers and the questions of pages below the 15 s within which everything is noticed. */
const patienceMs = 3000;

export function createHealth({ db, engine }: Pick<ApiDependencies, 'db' | 'engine'>): () => Promise<HealthView> {
  const askDatabase = oneAtATime(() => hasWorker(db));
  const askEngine = oneAtATime(() => engine.healthy());
  let workersKnownFrom = 0;
  return async () => {
    const [worker, isEngineThere] = await Promise.all([withinPatience(askDatabase()), withinPatience(askEngine())]);
    const parts = { database: worker !== null, engine: isEngineThere === true };
    const ok = parts.database && parts.engine;
    // Workers say that they live by both; after an outage they get the time to say it again.
    if (!ok) workersKnownFrom = Date.now() + silenceSeconds * 1000;
    if (worker === null || (!worker && Date.now() < workersKnownFrom)) return { ok, parts };
    return { ok, parts: { ...parts, workers: worker } };
  };
}

/** A silent database is not asked once more by every page that asks here. */
function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | null = null;
  return () => {
    pending ??= ask().finally(() => {
      pending = null;
    });
    return pending;
  };
}

/** null: no answer, or a refusal. */
async function withinPatience<T>(answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<null>(resolve => {
    timer = setTimeout(resolve, patienceMs, null);
  });
  return Promise.race([answer.catch(() => null), silence]).finally(() => clearTimeout(timer));
}
