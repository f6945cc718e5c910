// Carries out a Task type that is written for Terraform: plans and applies in a private folder, with the state that the
// database keeps, and writes every change of it back at once.

import { AppError, errorText } from '../../../model/errors.ts';
import type { Backend, Preview, Run, RunReport, RunResult } from '../backend.ts';
import type { BackendDependencies } from '../dependencies.ts';
import { endAttempt, enter, isPermitted, leave } from '../fence.ts';
import { renderGuard } from '../guard.ts';
import { thisMachine } from '../machine.ts';
import { runMarker } from '../process-tree.ts';
import { applyRun } from './apply.ts';
import { isPlan, type MadePlan, makePlan, type NoPlan } from './plan.ts';
import { checkRun, hasState, settingsOf } from './program.ts';
import { renderKept } from './render.ts';
import { notRun } from './result.ts';
import type { RunWithState } from './store.ts';
import { takeState } from './take-state.ts';
import { makeWorkplace } from './workplace.ts';

export function createTerraformBackend(dependencies: BackendDependencies): Backend {
  return {
    name: 'terraform',
    check: run => checkRun(run, dependencies),
    preview: (run, report, signal) => preview(run, { report, signal, dependencies }),
    run: (run, report, signal, token) => start(run, { report, signal, dependencies }, token),
    // It lives in the scope of its worker and dies with it.
    attach: async () => null,
    end: async (run, previousAttempt) => {
      await endAttempt(run, previousAttempt, dependencies);
      await settingsOf(dependencies).store.release(run.taskId, previousAttempt);
    },
  };
}

interface Around {
  report: RunReport;
  signal: AbortSignal;
  dependencies: BackendDependencies;
}

async function preview(run: Run, around: Around): Promise<Preview> {
  const mistakes = await checkRun(run, around.dependencies);
  if (mistakes.length > 0 || !hasState(run)) throw new AppError('invalid', mistakes.join(' '));
  const made = await planOnly(run, around);
  if (!isPlan(made)) throw new AppError('invalid', made.problem);
  const token = await settingsOf(around.dependencies).store.keepPlan(run, made.kept);
  const diff = made.differences.map(({ task, resource, text }) => `${task} ${resource}\n${text}`).join('\n');
  return { changed: made.changed, diff, token, differences: made.differences };
}

/** Nothing is changed, so nothing is locked: it is of the state as it is now. */
async function planOnly(run: RunWithState, { report, signal, dependencies }: Around): Promise<MadePlan | NoPlan> {
  const { text } = await settingsOf(dependencies).store.read(run);
  const place = await makeWorkplace({ run, report, signal, dependencies, guard: [] }, text);
  try {
    return await makePlan(place, { state: text, destroys: run.destroys === true, dependencies });
  } finally {
    await place.remove().catch(error => report.line(`The folder of the run remains: ${errorText(error)}`));
  }
}

async function start(run: Run, around: Around, token: string | undefined): Promise<RunResult> {
  const { report, signal, dependencies } = around;
  const mistakes = await checkRun(run, dependencies);
  if (mistakes.length > 0 || !hasState(run)) return notRun('failed', mistakes.join(' '));
  await report.kept(renderKept(run));
  if (run.checkMode) return look(run, around);
  const machine = thisMachine(undefined, dependencies);
  const entry = await enter(machine, run, signal);
  if (!isPermitted(entry)) return entry;
  const held = await takeState(run, { report, signal, store: settingsOf(dependencies).store });
  if (!held) return leave(machine, entry.permit, notRun('cancelled', 'Cancelled before anything was started.'));
  const guard = renderGuard(runMarker(run.taskId, run.attempt), entry.permit);
  try {
    return await leave(machine, entry.permit, await applyRun(run, { ...around, held, guard, token }));
  } finally {
    await held.release();
  }
}

/** In check mode. */
async function look(run: RunWithState, around: Around): Promise<RunResult> {
  const made = await planOnly(run, around);
  if (!isPlan(made)) {
    if (made.aborted) return notRun('cancelled', 'Cancelled.');
    return { ...notRun('failed', made.problem), exitCode: made.exitCode };
  }
  const { changed, differences, outputs } = made;
  return { status: 'succeeded', exitCode: 0, changed, outputs, message: '', differences };
}
