// One Action: resolves its secrets, runs it through its backend, answers. Nothing of it is written anywhere: its outputs may
// be a link that signs somebody in.

import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import { type ActionArguments, type ActionEnd, type ActionPlan, actionFailure, failedAction } from '../model/action.ts';
import { errorText } from '../model/errors.ts';
import { cleanLine } from '../model/log-lines.ts';
import { updateHostKey } from '../model/store/host-keys.ts';
import { createMask, maskValue } from '../secrets/mask.ts';
import { makeToken } from '../secrets/token.ts';
import { admitAction } from './admission.ts';
import type { RunReport, RunResult } from './backends/backend.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { checkOutputs } from './outputs.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';

/** As Tasks do: a cancel is heard soon. */
const heartbeatMs = 1000;

/** Enough to see what a program stumbled over. */
const keptLines = 20;

export async function runAction(deps: ActivityDependencies, { action }: ActionArguments): Promise<ActionEnd> {
  admitAction(action);
  const beat = setInterval(() => heartbeat(), heartbeatMs);
  try {
    const end = await carryOut(deps, action);
    if (end.state === 'succeeded') return end;
    throw ApplicationFailure.create({
      ...{ message: end.message, type: actionFailure },
      nonRetryable: true,
      details: [end],
    });
  } finally {
    clearInterval(beat);
  }
}

async function carryOut(deps: ActivityDependencies, action: ActionPlan): Promise<ActionEnd> {
  const { id, step, organisation, startedBy, subject } = action;
  let mask = createMask([]);
  let lines: string[] = [];
  const report: RunReport = {
    line: text => {
      lines = [...lines, ...cleanLine(mask(text))].slice(-keptLines);
    },
    mark: () => undefined,
    room: () => undefined,
    hostKey: key => updateHostKey(deps.db, { name: startedBy, organisation }, { server: step.roots.server ?? '', key }),
    // It has one attempt, and no feedback.
    adopted: async () => undefined,
    kept: async () => undefined,
  };
  try {
    const operation = { id, root: id, organisation, startedBy, subject };
    const attempt = { id, number: 1 };
    const prepared = await prepareRun(deps, { operation, step, bound: {}, fences: [] }, attempt, makeToken());
    mask = createMask(prepared.secretValues);
    const result = await runBackend(deps, action, prepared, report);
    const outputs = maskValue(mask, result.outputs) as RunResult['outputs'];
    const checked = checkOutputs(step, { ...result, outputs }).result;
    if (checked.status === 'succeeded') return { state: 'succeeded', outputs: checked.outputs, message: '', lines: [] };
    return failedAction(mask(messageOf(checked)), lines);
  } catch (error) {
    return failedAction(mask(errorText(error)), lines);
  }
}

async function runBackend(
  deps: ActivityDependencies,
  { step }: ActionPlan,
  { run }: PreparedRun,
  report: RunReport,
): Promise<RunResult> {
  const backend = deps.backends[step.backend];
  const problems = await backend.check(run);
  if (problems.length === 0) return backend.run(run, report, cancellationSignal());
  return { status: 'failed', exitCode: null, changed: false, outputs: {}, message: problems.join(' ') };
}

function messageOf({ status, message }: RunResult): string {
  if (status !== 'cancelled') return message;
  // What could not be ended is worth its words.
  return `It was stopped in the middle. ${message.replace(/^Cancelled\.\s*/, '')}`.trim();
}
