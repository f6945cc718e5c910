// A plan: made of files, values and state, and read for people. What it does is carried out exactly so, or not at all.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FoundDifference } from '../../../model/drift.ts';
import type { RunDependencies } from '../dependencies.ts';
import { differencesOf, knownOutputs, type ShownPlan, stepsOf } from './differences.ts';
import { settingsOf } from './program.ts';
import { planFile, renderPlanArgv } from './render.ts';
import type { KeptPlan } from './store.ts';
import { init, type Workplace } from './workplace.ts';

export interface MadePlan {
  changed: boolean;
  differences: FoundDifference[];
  /** Of outputs, what is known beforehand. */
  outputs: Record<string, unknown>;
  kept: KeptPlan;
}

export type NoPlan = { problem: string; exitCode: number | null; aborted: boolean };

export const hashOf = (state: string) => createHash('sha256').update(state).digest('hex');

export async function makePlan(
  place: Workplace,
  { state, destroys, dependencies }: { state: string; destroys: boolean; dependencies: RunDependencies },
): Promise<MadePlan | NoPlan> {
  const refused = await init(place, settingsOf(dependencies).plugins);
  if (refused) return { problem: refused, exitCode: 1, aborted: false };
  const { exitCode, aborted, complaint } = await place.command(renderPlanArgv(destroys));
  if (aborted || (exitCode !== 0 && exitCode !== 2)) {
    const problem = `Terraform could not plan it: ${complaint || `it ended with ${exitCode === null ? 'a signal' : `code ${exitCode}`}.`}`;
    return { problem, exitCode, aborted };
  }
  const text = await place.ask(['show', '-json', planFile]);
  if (text === null) return { problem: 'The plan of Terraform could not be read.', exitCode, aborted };
  const shown = JSON.parse(text) as ShownPlan;
  const file = (await readFile(place.path(planFile))).toString('base64');
  return {
    changed: exitCode === 2,
    differences: differencesOf(shown),
    outputs: knownOutputs(shown),
    kept: { file, basis: hashOf(state), steps: stepsOf(shown) },
  };
}

export const isPlan = (made: MadePlan | NoPlan): made is MadePlan => 'kept' in made;
