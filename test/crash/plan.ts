// What happens in a round, drawn from its seed before it begins: the same seed and number make the same round.

import { steps } from './types.ts';

export const faults = ['worker', 'api', 'temporal', 'postgres', 'ansible', 'sshd', 'network'] as const;
export type Fault = (typeof faults)[number];

/** forward: nothing else happens. undo: it is being undone when the fault comes. cancel: it is cancelled about then.
 * resume: it was cancelled, left and resumed before. */
export const scenarios = ['forward', 'undo', 'cancel', 'resume'] as const;
export type Scenario = (typeof scenarios)[number];

export interface Plan {
  seed: number;
  number: number;
  fault: Fault;
  scenario: Scenario;
  /** The fault comes so long after this step (or its undo) has begun. */
  faultStep: string;
  faultDelayMs: number;
  downMs: number;
  /** For undo and resume: where it is stopped before, by a cancel or (undo only) because the step fails. */
  stopStep: string;
  stopsByFailure: boolean;
  /** A cancel comes so long after the fault; negative: before. */
  cancelDelayMs: number;
  cancelChoice: 'ask' | 'undo' | 'leave';
  /** Quarters of a second that each step takes. */
  ticks: Record<string, number>;
  /** Numbers from 0 to 1 for what a person decides, in their order. */
  dice: number[];
}

export interface Limits {
  downMs: number;
  /** Quarters of a second that a step takes; some take eight times as long. */
  ticks: number;
  fault?: Fault | undefined;
  scenario?: Scenario | undefined;
}

export function drawPlan(seed: number, number: number, limits: Limits): Plan {
  const random = createRandom(seed * 7919 + number);
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const pick = <T>(list: readonly T[]): T => list[between(0, list.length - 1)] as T;
  // All of them come in turn, in an order of their own.
  const drawn = shuffle(faults, createRandom(seed * 104_729 + Math.floor(number / faults.length)));
  const fault = limits.fault ?? (drawn[number % faults.length] as Fault);
  const scenario = limits.scenario ?? pick(['forward', 'forward', 'forward', 'undo', 'undo', 'cancel', 'resume']);
  const stop = between(5, 9);
  const isStopped = scenario === 'undo' || scenario === 'resume';
  const candidates = steps.filter((step, index) => {
    if (scenario === 'undo' && index + 1 >= stop) return false;
    if (scenario === 'resume' && index + 1 < stop) return false;
    if (fault !== 'ansible') return true;
    // Of the steps of its own kind only one is taken back by a role.
    return step.backend === 'ansible' && !(scenario === 'undo' && step.once);
  });
  const faultStep = pick(candidates.length > 0 ? candidates : steps.slice(-2)).name;
  const ticks = Object.fromEntries(steps.map(({ name }) => [name, between(4, limits.ticks)]));
  // Some outlive what notices that nobody listens any more.
  if (random() < 0.3) ticks[faultStep] = between(limits.ticks, limits.ticks * 8);
  return {
    ...{ seed, number, fault, scenario, faultStep, ticks },
    faultDelayMs: between(0, 2500),
    downMs: fault === 'ansible' ? 0 : between(0, limits.downMs),
    stopStep: isStopped ? `s${stop}` : '',
    stopsByFailure: scenario === 'undo' && random() < 0.5,
    cancelDelayMs: between(-2000, 4000),
    cancelChoice: scenario === 'resume' ? 'leave' : scenario === 'undo' ? 'undo' : pick(['ask', 'undo', 'leave']),
    dice: Array.from({ length: 40 }, random),
  };
}

export function describePlan(plan: Plan): string {
  const { number, seed, fault, scenario, faultStep, faultDelayMs, downMs } = plan;
  const stop = plan.stopStep ? ` stopped at ${plan.stopStep}${plan.stopsByFailure ? ' by a failure' : ''}` : '';
  const cancel = scenario === 'cancel' ? ` (${plan.cancelChoice}, ${plan.cancelDelayMs} ms from it)` : '';
  const where = `at ${faultStep} + ${faultDelayMs} ms for ${downMs} ms`;
  return `round ${number} seed ${seed}: ${fault} ${where}, ${scenario}${stop}${cancel}`;
}

function shuffle<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map(entry => ({ entry, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ entry }) => entry);
}

/** mulberry32: small, and good enough to choose moments. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
