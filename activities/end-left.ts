// Before an Operation asks, or is over: ends what attempts have left of which nobody has told how they ended (their worker
// was lost, or the connection). Whoever decides then is to find nothing that still runs.

import { errorText } from '../model/errors.ts';
import { placeOfStep, runnablesOf } from '../model/plan.ts';
import type { RunOf } from '../model/store/operation-run.ts';
import { findOperation } from '../model/store/operations.ts';
import { type Left, listUntold, noteLeft } from '../model/store/over.ts';
import { createMask } from '../secrets/mask.ts';
import { makeToken } from '../secrets/token.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { prepareRun } from './prepare-run.ts';

/** A Server that is away must not hold up the question for long. */
const patienceMs = 20_000;

/** What could not be ended, in words; '' = nothing is left. */
export async function endLeft(deps: ActivityDependencies, run: RunOf): Promise<string> {
  const { plan, root } = run;
  const left = await listUntold(deps.db, { operation: plan.operationId, engineRun: run.engineRun });
  if (left.length === 0) return '';
  // The run itself brings its plan without steps.
  const whole = (await findOperation(deps.db, root)).plan;
  const steps = whole ? [...runnablesOf(whole)] : [];
  const problems = left.map(({ task, ...attempt }) => {
    const step = steps.find(({ taskId }) => taskId === task);
    return step ? endOrNote(deps, { plan, root, step, attempt }) : '';
  });
  return (await Promise.all(problems)).filter(Boolean).join(' ');
}

type Ended = Left & { step: NonNullable<Left['step']> };

/** What cannot be ended now is followed up (follow-up.ts). */
async function endOrNote(deps: ActivityDependencies, left: Ended): Promise<string> {
  const problem = await endOne(deps, left);
  if (problem) await noteLeft(deps.db, left.attempt.id, true);
  return problem;
}

/** Why it could not be ended, in words; '' = nothing of it runs any more. */
export async function endOne(deps: ActivityDependencies, left: Ended): Promise<string> {
  const { plan, root, step, attempt } = left;
  const { operationId, organisation, startedBy, subject } = plan;
  const unknown = `Whether something of ${step.title} still runs${step.server || step.cluster ? ` on ${placeOfStep(step)}` : ''} is not known`;
  const end = async () => {
    const operation = { id: operationId, root, organisation, startedBy, subject };
    const prepared = await prepareRun(deps, { operation, step, bound: {}, fences: [] }, attempt, makeToken());
    const mask = createMask(prepared.secretValues);
    return deps.backends[step.backend].end(prepared.run, attempt.number).then(
      () => '',
      (error: unknown) => mask(errorText(error)),
    );
  };
  const late = new Promise<string>(resolve => {
    setTimeout(() => resolve(`${unknown}: there was no answer in time.`), patienceMs).unref();
  });
  return Promise.race([end().catch(error => `${unknown}: ${errorText(error)}`), late]);
}
