// Outputs of a run against what its Task type declares.

import { isDict } from '../model/coerce.ts';
import { cronRunFields } from '../model/cron-run.ts';
import { madeFields } from '../model/entities.ts';
import type { RunnableStep } from '../model/plan.ts';
import { validateFields } from '../model/validate.ts';
import { verdictFields } from '../model/verdict.ts';
import type { RunResult } from './backends/backend.ts';

/** Undeclared ones are left out with a note; a declared one of the wrong type fails the Task. */
export function checkOutputs(step: RunnableStep, result: RunResult): { result: RunResult; notes: string[] } {
  if (result.status !== 'succeeded') return { result: { ...result, outputs: withVerdicts(step, result) }, notes: [] };
  const declared = new Set(step.outputs.map(output => output.name));
  const given = Object.entries(result.outputs).filter(([, value]) => value !== null && value !== undefined);
  const notes = given
    .filter(([name]) => !declared.has(name))
    .map(([name]) => `Note: the output "${name}" is not declared and was left out.`);
  const specs = step.outputs.map(({ name, type, creates, judges, reports }) => ({
    name,
    type,
    ...(creates ? { options: madeFields(creates) } : {}),
    ...(judges ? { options: verdictFields } : {}),
    ...(reports && type === 'list' ? { elements: 'dict' as const, options: cronRunFields } : {}),
  }));
  const kept = Object.fromEntries(given.filter(([name]) => declared.has(name)));
  const { values, problems } = validateFields(specs, kept);
  // null is a value of its own: it empties the field that the output sets.
  for (const [name, value] of Object.entries(result.outputs))
    if (declared.has(name) && value === null) values[name] = null;
  if (problems.length === 0) return { result: { ...result, outputs: values }, notes };
  const list = problems.map(problem => `${problem.path} ${problem.message}`).join('; ');
  return {
    result: { ...result, status: 'failed', outputs: {}, message: `The Task gave outputs of the wrong type: ${list}` },
    notes,
  };
}

/** Also one that has failed may have found something out. */
function withVerdicts(step: RunnableStep, { outputs }: RunResult): RunResult['outputs'] {
  const judging = new Set(step.outputs.filter(({ judges }) => judges).map(({ name }) => name));
  const isWrong = ([name, value]: [string, unknown]) =>
    judging.has(name) && (!isDict(value) || validateFields(verdictFields, value).problems.length > 0);
  return Object.fromEntries(Object.entries(outputs).filter(entry => !isWrong(entry)));
}
