// Six rounds of the crash matrix; any number: `npm run test:crash`. Each of its parts is its own, because they are killed.

import { afterAll, describe, expect, test } from 'vitest';
import { canRunHosts } from '../test-host.ts';
import { renderOutcome } from './outcome.ts';
import { describePlan, drawPlan } from './plan.ts';
import { runRound } from './round.ts';
import { type RunningWorld, startWorld } from './world.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: killing each part of Aegir. ${reason}`);

/** Another one each time: what is found is found again with it. */
const seed = Date.now() % 100_000;
const limits = { downMs: 3000, ticks: 4 };
const plans = [0, 1, 2, 3, 4, 5].map(number => drawPlan(seed, number, limits));

describe.skipIf(reason !== null)('whatever is killed, nothing is lost, done twice or left behind', () => {
  let world: RunningWorld | null = null;

  const leave = async () => {
    await world?.stop();
    world = null;
  };
  afterAll(leave);

  test.each(plans.map(plan => ({ name: describePlan(plan), plan })))('$name', async ({ name, plan }) => {
    console.log(name);
    world ??= await startWorld();
    const outcome = await runRound(world, plan);
    console.log(renderOutcome(outcome));
    if (outcome.violations.length > 0) await leave();
    const again = `npm run test:crash -- --seed ${seed} --round ${plan.number} --ticks ${limits.ticks} --down ${limits.downMs}`;
    expect(outcome.violations, `${renderOutcome(outcome)}\nAgain: ${again}`).toEqual([]);
  });
});
