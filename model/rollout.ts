// One Operation type over many entities, in waves: what can be said about it without looking at anything.

import type { PlannedApproval } from './approval.ts';
import type { Problem } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { selectionFields } from './selection.ts';

export const rolloutStates = [
  'running',
  /** By a person, or as more has failed than it may. Nothing further is started. */
  'paused',
  /** At the end of a wave: for a person. */
  'waiting',
  'succeeded',
  /** To its end, with failures that it was allowed. */
  'finished',
  'aborted',
] as const;
export type RolloutState = (typeof rolloutStates)[number];
export const openRolloutStates = ['running', 'paused', 'waiting'] as const satisfies RolloutState[];

export const isRolloutOver = (state: RolloutState): boolean => !(openRolloutStates as RolloutState[]).includes(state);

export const rolloutItemStates = [
  'pending',
  'running',
  'needs_attention',
  'succeeded',
  'failed',
  /** By a person, or as the Rollout was aborted: it was never begun. */
  'removed',
] as const;
export type RolloutItemState = (typeof rolloutItemStates)[number];

/** Counts of its items by state. */
export type RolloutCounts = Record<RolloutItemState, number>;

export const noCounts: RolloutCounts = {
  pending: 0,
  running: 0,
  needs_attention: 0,
  succeeded: 0,
  failed: 0,
  removed: 0,
};

/** What becomes of an Operation whose step has failed. */
export const failurePolicies = ['undo', 'leave', 'ask'] as const;

export interface RolloutSettings {
  /** Sizes of waves: "3", "10%" of all, "rest"; the last one repeats. */
  waves: string[];
  atOnce: number;
  /** On the same web Server; null = as many as `atOnce`. */
  perServer: number | null;
  /** More failures than that pause it: "0", "5", "10%". */
  budget: string;
  onFailure: (typeof failurePolicies)[number];
  /** Between two waves. */
  gate: {
    /** For as long the check stays green, or simply nothing happens. */
    minutes: number;
    /** Operation type that has to succeed on everything that the wave has done, again and again until the time is over. */
    check: string | null;
    /** What its form asks; nothing: nothing. */
    checkInput?: Record<string, unknown>;
    approval: boolean;
  };
  /** Of what it does: given once, before its first wave, for all of it. Nothing: it needs none. */
  approval?: PlannedApproval & { approvedBy: string | null; expiresAt: string };
}

/** Where the Rollout stands between two waves. */
export interface GateState {
  since: string;
  approvedBy: string | null;
  /** Of checks, from 0; when it begins, and its Operations by item. */
  round: number;
  roundAt: string;
  checks: Record<string, string>;
}

/** Begin of the engine's id; the rest is that of the Rollout. */
export const rolloutWorkflowId = (id: string): string => `rollout-${id}`;
export const rolloutWorkflowType = 'rollout';
/** The signal that somebody has decided something: only a hint, what it is stands in the row. */
export const rolloutChanged = 'changed';

/** A hundred at once are more than the Servers of most take; locks and limits of Servers hold on top of it. */
const mostAtOnce = 200;

const group = 'Waves';
export const rolloutFields: FieldSpec[] = [
  { name: 'operation_type', type: 'str', label: 'Operation type', required: true },
  { name: 'reason', type: 'str', label: 'Why', help: 'For the others, and for the report.' },
  ...selectionFields,
  {
    name: 'input',
    group: 'Fields of the Operation',
    type: 'dict',
    label: 'Fields of the Operation',
    default: {},
  },
  {
    name: 'waves',
    group,
    type: 'list',
    elements: 'str',
    label: 'Sizes of waves',
    default: ['1', '10%', 'rest'],
    help: 'Each a number, a part of all (10%), or rest; the last one repeats. The first one is the canary.',
  },
  { name: 'at_once', group, type: 'int', label: 'At the same time', default: 10 },
  { name: 'per_server', group, type: 'int', label: 'At the same time on one Server', default: 2 },
  {
    name: 'budget',
    group,
    type: 'str',
    label: 'Failures that it may have',
    default: '0',
    help: 'A number, or a part of all (5%). One more pauses it.',
  },
  {
    name: 'on_failure',
    group,
    type: 'str',
    label: 'What becomes of one that fails',
    choices: [...failurePolicies],
    default: 'undo',
    help: 'undo: what it has done is undone, where its type can. leave: it ends as it is. ask: it waits for somebody.',
  },
  {
    name: 'gate_minutes',
    group: 'Between waves',
    type: 'float',
    label: 'Wait, in minutes',
    default: 0,
    help: 'With a check: for as long it has to stay good.',
  },
  {
    name: 'gate_check',
    group: 'Between waves',
    type: 'str',
    label: 'Check',
    help: 'Operation type that has to succeed on everything that the wave has done, such as “Verify”.',
  },
  {
    name: 'gate_check_input',
    group: 'Between waves',
    type: 'dict',
    label: 'Fields of the check',
    default: {},
    help: 'Such as the command of “Run a command”.',
  },
  { name: 'gate_approval', group: 'Between waves', type: 'bool', label: 'A person approves', default: false },
];

/** @param values of rolloutFields, checked. */
export function settingsOf(values: Record<string, unknown>): RolloutSettings {
  return {
    waves: values.waves as string[],
    atOnce: Number(values.at_once),
    perServer: values.per_server == null ? null : Number(values.per_server),
    budget: String(values.budget),
    onFailure: values.on_failure as RolloutSettings['onFailure'],
    gate: {
      minutes: Number(values.gate_minutes ?? 0),
      check: (values.gate_check as string | null | undefined) || null,
      checkInput: (values.gate_check_input ?? {}) as Record<string, unknown>,
      approval: values.gate_approval === true,
    },
  };
}

/** Paths are names of fields. */
export function checkSettings({ waves, atOnce, perServer, budget, gate }: RolloutSettings): Problem[] {
  const problems: Problem[] = [];
  const say = (path: string, message: string) => problems.push({ path, message });
  if (waves.length === 0) say('waves', 'Give at least one size, such as rest.');
  for (const [index, text] of waves.entries())
    if (text !== 'rest' && !(shareOf(text, 100) ?? 0))
      say(`waves.${index}`, `"${text}" is no size: a number from 1, a part such as 10%, or rest.`);
  if (atOnce < 1 || atOnce > mostAtOnce) say('at_once', `From 1 to ${mostAtOnce}.`);
  if (perServer !== null && perServer < 1) say('per_server', 'At least 1, or nothing.');
  if (shareOf(budget, 100) === null) say('budget', `"${budget}" is neither a number nor a part such as 5%.`);
  if (gate.minutes < 0 || gate.minutes > 10_080) say('gate_minutes', 'From 0 to 10080, which is a week.');
  return problems;
}

/** null: it cannot be read. A part of all is at least 1, but for 0%. */
function shareOf(text: string, total: number): number | null {
  const [, number, percent] = /^(\d{1,6})(%)?$/.exec(text.trim()) ?? [];
  if (number === undefined) return null;
  if (!percent) return Number(number);
  return Number(number) === 0 ? 0 : Math.max(1, Math.floor((Math.min(Number(number), 100) * total) / 100));
}

/** In which wave each of them is, from 0. */
export function planWaves(total: number, sizes: string[]): number[] {
  const waves: number[] = [];
  for (let wave = 0; waves.length < total; wave += 1) {
    const size = sizes[Math.min(wave, sizes.length - 1)] ?? 'rest';
    const left = total - waves.length;
    const count = size === 'rest' ? left : Math.min(left, Math.max(1, shareOf(size, total) ?? left));
    waves.push(...Array.from({ length: count }, () => wave));
  }
  return waves;
}

export const failuresOf = ({ failed, needs_attention }: RolloutCounts): number => failed + needs_attention;

export const totalOf = (counts: RolloutCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** How many failures it may have. */
export function budgetOf(budget: string, counts: RolloutCounts): number {
  return shareOf(budget, totalOf(counts)) ?? 0;
}
