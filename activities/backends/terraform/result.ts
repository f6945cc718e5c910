// Ends of a run in words.

import type { RunResult } from '../backend.ts';

export function notRun(status: RunResult['status'], message: string): RunResult {
  return { status, exitCode: null, changed: false, outputs: {}, message };
}

const anew = 'End the Operation and resume it: then it is planned, shown and asked for anew.';

export const planGone = `The plan that was approved is not there any more. ${anew}`;

export const planStale = `The plan that was approved is stale: what Terraform knows has changed since, so it was not carried out. ${anew}`;

export function restDiffers(steps: string[]): string {
  return `It was carried out in part, and what is left is not a part of what was approved (${steps.join(', ')}). ${anew}`;
}

export const killed =
  'Terraform did not stop in time and was killed: what it was just making may be there, and nobody knows of it. Look at it before you go on.';
