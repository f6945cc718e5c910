// What a Task would do, before somebody approves it: its backend makes a plan, which is kept, shown, and then carried out
// exactly so. Nothing is changed, so there is neither an attempt nor a log of it.

import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { ulid } from 'ulid';
import { AppError, errorText } from '../model/errors.ts';
import type { Planned } from '../model/plan.ts';
import { recordPlanned } from '../model/store/planned.ts';
import { createMask } from '../secrets/mask.ts';
import { makeToken } from '../secrets/token.ts';
import type { RunReport } from './backends/backend.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { differencesOf } from './differences.ts';
import { prepareRun } from './prepare-run.ts';
import type { TaskArguments } from './run-task.ts';

/** As Tasks do: a cancel is heard soon. */
const heartbeatMs = 1000;

/** Its lines say nothing that the plan does not. */
const silent: RunReport = {
  line: () => undefined,
  mark: () => undefined,
  room: () => undefined,
  hostKey: async () => undefined,
  adopted: async () => undefined,
  kept: async () => undefined,
};

/** A plan that cannot be made is told to whoever is to approve it, and stops nothing. */
export async function planTask(deps: ActivityDependencies, args: TaskArguments): Promise<void> {
  const { operation, step } = args;
  const beat = setInterval(() => heartbeat(), heartbeatMs);
  try {
    const planned = await makePlanned(deps, args);
    if (cancellationSignal().aborted) throw cancellationSignal().reason;
    const { root, engineRun } = operation;
    await recordPlanned(deps.db, { taskId: step.taskId, root, engineRun }, planned);
  } finally {
    clearInterval(beat);
  }
}

async function makePlanned(deps: ActivityDependencies, args: TaskArguments): Promise<Planned> {
  const { step, bound } = args;
  let mask = createMask([]);
  try {
    const open = Object.entries(step.inputs).filter(
      ([name, { from }]) => from === 'output' && (bound[name] === null || bound[name] === undefined),
    );
    if (open.length > 0) throw new AppError('invalid', 'It works with what an earlier step would give.');
    // No attempt: what an attempt leaves is ended by the next one, and a plan leaves nothing.
    const attempt = { id: ulid(), number: 0 };
    const prepared = await prepareRun(deps, args, attempt, makeToken());
    mask = createMask(prepared.secretValues);
    const { token, differences = [] } = await deps.backends[step.backend].preview(
      prepared.run,
      silent,
      cancellationSignal(),
    );
    const result = { status: 'succeeded' as const, exitCode: 0, changed: false, outputs: {}, message: '', differences };
    return { token, problem: '', differences: differencesOf({ ...step, check: 'dry_run' }, result, mask) };
  } catch (error) {
    return { token: '', problem: mask(errorText(error)), differences: [] };
  }
}
