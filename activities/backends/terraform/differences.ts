// What a plan would change, for people: a part for each thing that Terraform manages, with its attributes. Sensitive values are
// hidden here already; others are masked by whoever stores it.

import type { FoundDifference } from '../../../model/drift.ts';

/** Of `terraform show -json` of a plan: as much of it as is read. */
export interface ShownPlan {
  resource_changes?: { address: string; mode: string; change: Change }[];
  output_changes?: Record<string, Change>;
  planned_values?: { outputs?: Record<string, { sensitive?: boolean; value?: unknown }> };
}

interface Change {
  actions: string[];
  before?: unknown;
  after?: unknown;
  after_unknown?: unknown;
  before_sensitive?: unknown;
  after_sensitive?: unknown;
}

const isChange = ({ actions }: Change) => actions.some(action => action !== 'no-op' && action !== 'read');

/** `create terraform_data.one`: what it does, without values. Outputs are results of it. */
export function stepsOf({ resource_changes: changes = [] }: ShownPlan): string[] {
  return changes
    .filter(({ change }) => isChange(change))
    .map(({ address, change }) => `${change.actions.join('+')} ${address}`);
}

export function differencesOf({
  resource_changes: changes = [],
  output_changes: outputs = {},
}: ShownPlan): FoundDifference[] {
  const all = [
    ...changes.map(({ address, change }) => ({ address, change })),
    ...Object.entries(outputs).map(([name, change]) => ({ address: `output.${name}`, change: asAttribute(change) })),
  ];
  return all
    .filter(({ change }) => isChange(change))
    .map(({ address, change }) => ({
      task: words[change.actions.join('+')] ?? change.actions.join(', '),
      resource: address,
      text: linesOf(change).join('\n'),
      left: 0,
    }));
}

const words: Record<string, string> = {
  create: 'Create',
  update: 'Change',
  delete: 'Destroy',
  'delete+create': 'Destroy and create anew',
  'create+delete': 'Create anew and destroy',
  forget: 'Manage no longer',
};

/** An output is one value. */
function asAttribute({ actions, ...sides }: Change): Change {
  return { actions, ...Object.fromEntries(Object.entries(sides).map(([side, value]) => [side, { value }])) };
}

function linesOf({
  before,
  after,
  after_unknown: unknown,
  before_sensitive: hidden,
  after_sensitive: hides,
}: Change): string[] {
  const [was, is, open, secret, isSecret] = [before, after, unknown, hidden, hides].map(asRecord);
  const names = [...new Set([was, is, open].flatMap(side => Object.keys(side ?? {})))].sort();
  return names.flatMap(name => {
    const old = show(was?.[name], secret?.[name] ?? hidden === true);
    const now = open?.[name] ? '(known afterwards)' : show(is?.[name], isSecret?.[name] ?? hides === true);
    const isSame = !open?.[name] && JSON.stringify(was?.[name]) === JSON.stringify(is?.[name]);
    if (isSame) return [];
    return [...(old === null ? [] : [`-${name} = ${old}`]), ...(now === null ? [] : [`+${name} = ${now}`])];
  });
}

const asRecord = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;

/** null = there is no such value. */
function show(value: unknown, sensitive: unknown): string | null {
  if (value === undefined || value === null) return null;
  // A part of it may be sensitive: then all of it is hidden.
  return holdsTrue(sensitive) ? '(sensitive)' : JSON.stringify(value);
}

function holdsTrue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(holdsTrue);
  return value === true;
}

/** Outputs that a plan knows already. */
export function knownOutputs({ planned_values: planned }: ShownPlan): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(planned?.outputs ?? {}).flatMap(([name, { sensitive, value }]) =>
      sensitive || value === undefined ? [] : [[name, value]],
    ),
  );
}
