// What a sweep tells of the cron of many sites: taken out of its outputs, which go through the engine, and each site's words
// masked by that site's own secrets, which the run itself does not need.

import { isDict } from '../model/coerce.ts';
import { type CronRun, cronRunFields, cronStateWords } from '../model/cron-run.ts';
import { isSecretReference } from '../model/fields.ts';
import type { RunnableStep } from '../model/plan.ts';
import { namesOfSites } from '../model/store/cron-runs.ts';
import { loadRoot } from '../model/store/roots.ts';
import { validateFields } from '../model/validate.ts';
import { createMask, type Mask } from '../secrets/mask.ts';
import type { RunResult } from './backends/backend.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Of more that fail at once the words are not kept: they have one cause, and the secrets of each would have to be opened. */
export const mostWords = 200;

export interface TakenRuns {
  outputs: RunResult['outputs'];
  runs: CronRun[];
  /** For the log: one for each that did not go well. */
  lines: string[];
}

export async function takeCronRuns(
  deps: Pick<ActivityDependencies, 'db' | 'vault'>,
  { outputs: declared, roots }: Pick<RunnableStep, 'outputs' | 'roots'>,
  given: RunResult['outputs'],
): Promise<TakenRuns> {
  const names = declared.filter(({ reports, type }) => reports === 'cron' && type === 'list').map(({ name }) => name);
  const outputs = Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
  const told = names.flatMap(name => readRuns(given[name]));
  // The word of a Server must not choose whose secrets are opened.
  const sites = await namesOfSites(
    deps.db,
    roots.server,
    told.map(({ environment }) => environment),
  );
  const runs = told.filter(({ environment }) => sites.has(environment));
  const isBad = ({ state }: CronRun) => state !== 'ok' && state !== 'skipped';
  const worded = new Set(runs.filter(isBad).slice(0, mostWords));
  const clear = new Map<string, string>();
  const lines: string[] = [];
  for (const run of runs) {
    // Why one is skipped are words of ours.
    if (run.state === 'skipped') continue;
    if (!worded.has(run)) run.words = isBad(run) ? 'Many failed at once: see the words of another one.' : '';
    else {
      run.words = (await maskOf(deps, run.environment, clear))(run.words);
      lines.push(
        `${sites.get(run.environment)}: ${cronStateWords[run.state as keyof typeof cronStateWords]} after ${Math.round(run.seconds)} s. ${run.words}`,
      );
    }
  }
  const further = runs.filter(isBad).length - worded.size;
  return { outputs, runs, lines: further > 0 ? [...lines, `${further} more failed.`] : lines };
}

/** Those that are of the right form: also a Task that has failed may have told some. */
function readRuns(given: unknown): CronRun[] {
  return (Array.isArray(given) ? given : []).flatMap(run => {
    const { values, problems } = isDict(run) ? validateFields(cronRunFields, run) : { values: {}, problems: [''] };
    return problems.length > 0 ? [] : [values as unknown as CronRun];
  });
}

/** @param clear opened before, by id: many sites have some in common. */
async function maskOf(
  { db, vault }: Pick<ActivityDependencies, 'db' | 'vault'>,
  environment: string,
  clear: Map<string, string>,
): Promise<Mask> {
  const values: string[] = [];
  for (const id of secretsIn(await loadRoot(db, 'environment', environment))) {
    const value = clear.get(id) ?? (await vault.open(db, id));
    clear.set(id, value);
    values.push(value);
  }
  return createMask(values);
}

/** Of the Environment and of all that it belongs to: it may have been given any of them. */
function secretsIn(value: unknown): Set<string> {
  if (isSecretReference(value)) return new Set([value.$secret]);
  if (typeof value !== 'object' || value === null) return new Set();
  return new Set(Object.values(value).flatMap(inner => [...secretsIn(inner)]));
}
