// Carries out a plan: the one that was approved, or one that is made now. While it works its state is written back.

import { writeFile } from 'node:fs/promises';
import { AppError, errorText } from '../../../model/errors.ts';
import type { RunReport, RunResult } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { supersededMessage } from '../fence.ts';
import { mirrorState } from './mirror.ts';
import { hashOf, isPlan, type MadePlan, makePlan } from './plan.ts';
import { settingsOf } from './program.ts';
import { applyArgv, planFile, stateFile } from './render.ts';
import { killed, notRun, planGone, planStale, restDiffers } from './result.ts';
import type { HeldState, KeptPlan, RunWithState } from './store.ts';
import { init, makeWorkplace, type Workplace } from './workplace.ts';

export interface Applying {
  report: RunReport;
  signal: AbortSignal;
  dependencies: RunDependencies;
  held: HeldState;
  guard: string[];
  /** Of the plan that was approved. */
  token: string | undefined;
}

export async function applyRun(run: RunWithState, applying: Applying): Promise<RunResult> {
  const { held, report } = applying;
  const done = run.destroys ? refuseDestroy(run, held) : null;
  if (done) return done;
  // Whoever has lost the state stops as if it were cancelled.
  const lost = new AbortController();
  const signal = AbortSignal.any([applying.signal, lost.signal]);
  const place = await makeWorkplace({ ...applying, run, signal }, held.text);
  try {
    return await carryOut(place, run, { ...applying, signal, lose: error => lost.abort(error) });
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') return notRun('superseded', supersededMessage);
    throw error;
  } finally {
    await place.remove().catch(error => report.line(`The folder of the run remains: ${errorText(error)}`));
  }
}

/** An undo removes what its Task has made, and nothing that was there before. null: it is to be destroyed. */
function refuseDestroy({ undoes, state }: RunWithState, held: HeldState): RunResult | null {
  if (held.text === '' || held.madeBy === '') return { ...notRun('succeeded', ''), exitCode: 0 };
  if (undoes === undefined || held.madeBy === undoes) return null;
  if (held.changedBy !== undoes) return { ...notRun('succeeded', ''), exitCode: 0 };
  return notRun(
    'failed',
    `What Terraform manages for ${state.name} was there before this Operation, so it is not destroyed, but it was changed: run it again with the former values.`,
  );
}

type Carrying = Applying & { lose(error: unknown): void };

async function carryOut(place: Workplace, run: RunWithState, carrying: Carrying): Promise<RunResult> {
  const plan = await choosePlan(place, run, carrying);
  if ('status' in plan) return plan;
  if (!plan.changed) return finish(place, run, carrying, { exitCode: 0, changed: false });
  const { held, signal } = carrying;
  const before = held.text;
  const mirror = mirrorState(place.path(stateFile), held, carrying.lose);
  const end = await place.command(applyArgv);
  await mirror.finish();
  const changed = held.text !== before;
  if (end.aborted || signal.aborted) {
    const message = `Cancelled. ${end.isCutOff ? killed : ''}`.trim();
    return { ...notRun('cancelled', message), exitCode: end.exitCode, changed };
  }
  if (end.exitCode === 0) return finish(place, run, carrying, { exitCode: 0, changed });
  const why = end.complaint || `Terraform ended with ${end.exitCode === null ? 'a signal' : `code ${end.exitCode}`}.`;
  const message = `${why} What was made until then is in the state: it is known to the next attempt.`;
  return { ...notRun('failed', message), exitCode: end.exitCode, changed };
}

/** Its file lies ready afterwards. */
async function choosePlan(
  place: Workplace,
  run: RunWithState,
  { held, token, report, dependencies }: Carrying,
): Promise<{ changed: boolean } | RunResult> {
  const { store, plugins } = settingsOf(dependencies);
  const approved = token === undefined ? null : await store.findPlan(run.taskId, token);
  if (token !== undefined && !approved) return notRun('failed', planGone);
  if (approved && approved.basis === hashOf(held.text)) {
    const refused = await init(place, plugins);
    if (refused) return notRun('failed', refused);
    await writeFile(place.path(planFile), Buffer.from(approved.file, 'base64'), { mode: 0o600 });
    report.line('The plan that was approved is carried out.');
    return { changed: true };
  }
  // Only an earlier attempt of this very Task may have come in between.
  if (approved && held.changedBy !== run.taskId) return notRun('failed', planStale);
  const made = await makePlan(place, { state: held.text, destroys: run.destroys === true, dependencies });
  if (!isPlan(made)) {
    const status = made.aborted ? 'cancelled' : 'failed';
    return { ...notRun(status, made.aborted ? 'Cancelled.' : made.problem), exitCode: made.exitCode };
  }
  const refused = approved && checkRest(made, approved);
  if (refused) return notRun('failed', refused);
  if (approved) report.line('An earlier attempt has carried out a part of what was approved: the rest follows.');
  return made;
}

function checkRest({ kept }: MadePlan, approved: KeptPlan): string {
  const others = kept.steps.filter(step => !approved.steps.includes(step));
  return others.length > 0 ? restDiffers(others) : '';
}

async function finish(
  place: Workplace,
  run: RunWithState,
  { held }: Carrying,
  { exitCode, changed }: { exitCode: number; changed: boolean },
): Promise<RunResult> {
  const common = { status: 'succeeded' as const, exitCode, changed, message: '' };
  if (run.destroys) {
    await held.forget();
    return { ...common, outputs: {} };
  }
  const text = await place.ask(['output', '-json']);
  if (text === null) return { ...common, status: 'failed', outputs: {}, message: 'The outputs could not be read.' };
  const outputs = JSON.parse(text) as Record<string, { sensitive: boolean; value: unknown }>;
  // Outputs are kept in clear: what is sensitive stays in the state.
  const plain = Object.entries(outputs).filter(([, { sensitive }]) => !sensitive);
  return {
    ...common,
    outputs: {
      ...Object.fromEntries(plain.map(([name, { value }]) => [name, value])),
      made: held.madeBy === run.taskId,
    },
  };
}
