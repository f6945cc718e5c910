// What became of a round, for people.

import type { OperationView, TaskView } from '../../api/contract.ts';
import { type Line, renderJournal } from './journal.ts';
import { describePlan, type Fault, faults, type Plan } from './plan.ts';

export interface Outcome {
  plan: Plan;
  /** In words; empty = all is well. */
  violations: string[];
  /** False: the fault found nothing to hit. */
  hit: boolean;
  operation: OperationView;
  parks: number;
  decisions: string[];
  /** Of parts that have ended by themselves. */
  ends: string;
  seconds: number;
  /** From the end of the fault to the end of the Operation. */
  secondsAfter: number;
  lines: Line[];
}

/** One line, and when something is wrong all that is known of it. */
export function renderOutcome(outcome: Outcome): string {
  const { operation, violations, decisions, hit, ends } = outcome;
  const attempts = operation.tasks.reduce((sum, task) => sum + task.attempts.length, 0);
  const words = [
    `${violations.length > 0 ? 'WRONG' : 'right'}: ${operation.state} after ${outcome.seconds.toFixed(0)} s`,
    `${outcome.secondsAfter.toFixed(0)} s after the fault`,
    `${attempts} attempts`,
    ...decisions,
    ...(hit ? [] : ['nothing was hit']),
    ...(ends ? [`ended by itself: ${ends}`] : []),
  ];
  return violations.length === 0
    ? words.join(', ')
    : [words.join(', '), ...violations, ...renderRecord(outcome)].join('\n  ');
}

function renderRecord({ plan, operation, lines }: Outcome): string[] {
  return [
    describePlan(plan),
    `Operation ${operation.id} ${operation.state}: ${operation.message}`,
    ...operation.tasks.map(renderTask),
    ...renderJournal(lines).split('\n'),
  ];
}

function renderTask({ id, step, type, undoes, state, attempts }: TaskView): string {
  const tried = attempts.map(attempt => `${attempt.number} ${attempt.state} ${attempt.message}`.trim());
  return `${id} ${step} ${type}${undoes ? ` undoes ${undoes}` : ''}: ${state} [${tried.join('; ')}]`;
}

/** One line per fault, and one for all. */
export function renderFigures(outcomes: Outcome[]): string {
  const wrong = outcomes.filter(({ violations }) => violations.length > 0);
  const lines = faults.flatMap(fault => {
    const own = outcomes.filter(({ plan }) => plan.fault === fault);
    return own.length > 0 ? [renderFigure(fault, own)] : [];
  });
  return [...lines, `${outcomes.length} rounds, ${wrong.length} wrong`].join('\n');
}

function renderFigure(fault: Fault, outcomes: Outcome[]): string {
  const times = outcomes.map(({ secondsAfter }) => secondsAfter).sort((one, other) => one - other);
  const count = (isSo: (outcome: Outcome) => boolean) => outcomes.filter(isSo).length;
  return [
    `${fault}: ${outcomes.length} rounds`,
    `${count(({ hit }) => !hit)} hit nothing`,
    `${outcomes.reduce((sum, { parks }) => sum + parks, 0)} parks`,
    `end after the fault ${times[times.length >> 1]?.toFixed(0)} s (median), ${times.at(-1)?.toFixed(0)} s (longest)`,
    `${count(({ violations }) => violations.length > 0)} wrong`,
  ].join(', ');
}
