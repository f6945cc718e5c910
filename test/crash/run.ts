// `npm run test:crash -- --rounds N --seed S`: any number of rounds by hand. `--round N` runs one round of a seed again,
// `--fault` and `--scenario` keep to one of them, `--ticks` and `--down` say how long steps and faults last at most.

import { parseArgs } from 'node:util';
import { canRunHosts } from '../test-host.ts';
import { type Outcome, renderFigures, renderOutcome } from './outcome.ts';
import { describePlan, drawPlan, faults, type Limits, scenarios } from './plan.ts';
import { runRound } from './round.ts';
import { type RunningWorld, startWorld } from './world.ts';

const text = { type: 'string' } as const;
const options = { rounds: text, seed: text, round: text, fault: text, scenario: text, ticks: text, down: text };
const { values } = parseArgs({ options });
const seed = Number(values.seed ?? Math.floor(Math.random() * 100_000));
const first = Number(values.round ?? 0);
const rounds = Number(values.rounds ?? (values.round === undefined ? 10 : 1));
const limits: Limits = {
  downMs: Number(values.down ?? 30_000),
  ticks: Number(values.ticks ?? 8),
  fault: oneOf(faults, values.fault),
  scenario: oneOf(scenarios, values.scenario),
};
const reason = canRunHosts();
if (reason) throw new Error(reason);

const outcomes: Outcome[] = [];
let starting: Promise<RunningWorld> | null = null;
let stopping: Promise<void> | null = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(1));

console.log(`seed ${seed}, ${rounds} rounds`);
try {
  for (let number = first; number < first + rounds; number += 1) {
    starting ??= startWorld();
    const plan = drawPlan(seed, number, limits);
    console.log(describePlan(plan));
    const outcome = await runRound(await starting, plan);
    outcomes.push(outcome);
    console.log(`  ${renderOutcome(outcome)}`);
    // What has gone wrong must not colour the rounds after it.
    if (outcome.violations.length > 0) await leaveWorld();
  }
  await end(outcomes.some(({ violations }) => violations.length > 0) ? 1 : 0);
} catch (error) {
  if (!stopping) console.error(error);
  await end(1);
}

async function leaveWorld(): Promise<void> {
  const leaving = starting;
  starting = null;
  // One that did not come up has gone already.
  const world = await leaving?.catch(() => null);
  await world?.stop();
}

async function end(code: number): Promise<never> {
  stopping ??= leaveWorld().then(() => console.log(`${renderFigures(outcomes)} (seed ${seed})`));
  await stopping;
  process.exit(code);
}

function oneOf<T extends string>(list: readonly T[], word: string | undefined): T | undefined {
  const found = list.find(entry => entry === word);
  if (word === undefined || found) return found;
  throw new Error(`"${word}" is none of ${list.join(', ')}.`);
}
